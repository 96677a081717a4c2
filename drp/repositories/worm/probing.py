"""The probe of a bucket: a version of its own, locked for an hour, on which all is tried that must be refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.findings.probe import LOCK_NOT_SET, PROBE_VANISHED
from drp.domain.phrase import NOTHING, Instant, Phrase, fact, say
from drp.domain.ports import Clock
from drp.domain.repository import RepositorySettings, S3Location, WriteKeys
from drp.domain.worm.policies import PROBE_FOLDER
from drp.domain.worm.probe import THROUGH, Probe, Tried
from drp.domain.worm.probe_findings import findings_of
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.repositories.locations.s3_connection import Resolve
from drp.repositories.locations.s3_writer import PROBING, SCRATCHING, Answer, Bounds, S3Writer
from drp.repositories.worm.attempts import Attempts
from drp.repositories.worm.extending import shown
from drp.repositories.worm.sacrifice import NO_CONFIGURATION, Altar, Sacrifice
from drp.repositories.worm.scratch import tried_on_scratch

_HINT = "give the probe's keys the rights that `drp repo policy NAME --for probe` prints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """What a probe is made with: clients of its own, none of which reads backups."""

    writer: S3Writer
    reader: S3Writer
    """With the reader's keys, which must be refused everything."""
    scratch: S3Writer | None = None
    """On the scratch bucket; None: none is named, or it may not be touched."""
    no_scratch: Phrase = NOTHING
    """Why it may not; nothing: none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    tried: tuple[Tried, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Besides those that follow from what was tried."""
    left: tuple[str, ...] = ()


def clients_of(
    settings: RepositorySettings,
    location: S3Location,
    keys: WriteKeys,
    resolve: Resolve,
    *,
    kept: frozenset[str] = frozenset(),
    pause: Callable[[float], None] = time.sleep,
) -> Clients:
    """Return the clients of a probe; nothing is sent yet. ``kept``: buckets that are never the scratch bucket."""
    own = WriteKeys(
        access_key=location.access_key, secret_key=location.secret_key, session_token=location.session_token
    )
    bounds = Bounds(verbs=PROBING, folder=PROBE_FOLDER)
    name, limits, scratch = settings.name, settings.limits, settings.worm.scratch_bucket
    writer = S3Writer(name, location, keys, resolve, limits, bounds=bounds, pause=pause)
    reader = S3Writer(name, location, own, resolve, limits, bounds=bounds, pause=pause)
    if scratch is None:
        return Clients(writer=writer, reader=reader)
    if scratch in kept:
        why = fact("scratch-holds-backups", "the scratch bucket holds a repository of the site: {name}", name=scratch)
        return Clients(writer=writer, reader=reader, no_scratch=why)
    beside, wide = replace(location, bucket=scratch), replace(bounds, verbs=SCRATCHING)
    scratching = S3Writer(name, beside, keys, resolve, limits, bounds=wide, pause=pause)
    return Clients(writer=writer, reader=reader, scratch=scratching)


def _nobody(_: Probe) -> None:
    """Tell nobody."""


def probe(
    clients: Clients,
    mode: str,
    clock: Clock,
    *,
    earlier: Probe | None = None,
    at_once: Callable[[Probe], object] = _nobody,
) -> Probe:
    """Try everything, and return what came of it. ``earlier``: the last probe of the repository, if there was one.

    ``at_once`` is told what came of it so far as soon as something came through: whoever is killed then has said it.

    Raises ``AccessDenied``, ``Unreachable`` and ``RepositoryError`` where no attempt could be made: then nothing is
    known of the lock.
    """
    at, writer = clock.now().wall, clients.writer
    altar = Altar(writer, mode, clock)
    answer, found = altar.listed()
    if not answer.done:
        raise _unusable(writer.name, answer)
    there = {altar.name(each.key, each.version) for each in found}
    findings = list(_vanished(earlier, altar.place, there, altar.now()))
    subject = altar.again(found)
    left = altar.clean(found, keep=frozenset({subject.version} if subject else ()))
    if subject is None:
        made, subject = altar.make()
        lacking = _lock_lacking(altar, made, subject)
        if lacking:
            return _told(altar, subject, at, _Found(findings=(*findings, _not_set(writer, lacking)), left=left))
    assert subject is not None, "without a version there is no lock"
    tried, last = _all(clients, altar, subject, lambda so_far: at_once(_told(altar, None, at, _Found(tried=so_far))))
    tried = (*tried, *tried_on_scratch(clients.scratch, writer, altar, clients.no_scratch))
    if last is not None:
        findings += _late(altar, last)
    altar.clean(each for each in altar.listed()[1] if each.marker)
    return _told(altar, last, at, _Found(tried=tried, findings=tuple(findings), left=left))


def _all(
    clients: Clients, altar: Altar, subject: Sacrifice, at_once: Callable[[tuple[Tried, ...]], object]
) -> tuple[tuple[Tried, ...], Sacrifice | None]:
    """Return what came of all attempts, with both pairs of keys, and the version that is there after them."""
    tried: list[Tried] = []
    last: Sacrifice | None = subject
    for who, by in ((clients.writer, "probe"), (clients.reader, "reader")):
        attempts = Attempts(altar, last, who, by)
        for each in attempts.all():
            first = not any(one.came in THROUGH for one in tried)
            tried.append(each)
            if first and each.came in THROUGH:
                at_once(tuple(tried))
        last = attempts.subject
    return tuple(tried), last


def _lock_lacking(altar: Altar, made: Answer, subject: Sacrifice | None) -> Phrase:
    """Return why the version is not locked as it was asked to be; nothing: it is. Raises where nobody knows."""
    if subject is not None:
        sight = subject.sight
        if sight.unseen:
            raise _unusable(altar.writer.name, made, sight.unseen)
        if not sight.there:
            return fact("probe-not-kept", "the store took an object with a retention, and does not list it")
        if sight.until is None or not sight.mode:
            return fact("probe-not-locked", "the store took an object with a retention, and keeps it without")
        if sight.mode != altar.mode or sight.until < altar.asked_until:
            return fact(
                "probe-locked-less",
                "the store was asked for {mode} until {until}, and gave {given} until {ends}",
                mode=altar.mode,
                until=Instant(altar.asked_until),
                given=sight.mode,
                ends=Instant(sight.until),
            )
        return NOTHING
    if made.done:
        return fact("probe-no-version", "the store keeps no versions")
    configured = altar.writer.ask("get_object_lock_configuration")
    if made.refused and configured.code in NO_CONFIGURATION:
        return fact("probe-no-lock", "the bucket has no object lock: {answer}", answer=shown(made))
    raise _unusable(altar.writer.name, made)


def _unusable(name: str, answer: Answer, unseen: str = "") -> RepositoryError:
    """Return the error for a probe that cannot begin."""
    message = say(
        "repository {name}: the probe cannot make and see an object of its own: {answer}",
        name=name,
        answer=unseen or shown(answer),
    )
    if not unseen and answer.unclear and not answer.status:
        return Unreachable(message)
    if (unseen or answer.shown).startswith(("401", "403")):
        return AccessDenied(message, hint=_HINT)
    return Unreachable(message) if answer.unclear else RepositoryError(message, hint=_HINT)


def _vanished(earlier: Probe | None, place: str, there: set[str], now: datetime) -> Iterator[Finding]:
    """Yield that the object of the last probe, which is locked still, is not there any more."""
    if earlier is None or earlier.retained_until is None or earlier.retained_until <= now or not earlier.subject:
        return
    if earlier.subject.startswith(place) and earlier.subject not in there:
        yield _gone(
            earlier.subject,
            fact("probe-locked-until", "it was locked until {until}", until=Instant(earlier.retained_until)),
        )


def _late(altar: Altar, last: Sacrifice) -> Iterator[Finding]:
    """Yield that the version is gone after all, though it was there when the attempt that did it was judged."""
    sight = altar.look(last.key, last.version)
    if not sight.unseen and not (sight.there and sight.whole):
        yield _gone(
            altar.name(last.key, last.version), fact("probe-late", "it was there after the attempts, and then not")
        )


def _gone(subject: str, observed: Phrase) -> Finding:
    return PROBE_VANISHED.finding(
        subject=subject, observed=observed, expected=fact("probe-stays", "it stays until its retention has ended")
    )


def _not_set(writer: S3Writer, lacking: Phrase) -> Finding:
    return LOCK_NOT_SET.finding(
        subject=fact("probe-bucket", "bucket {bucket}", bucket=writer.location.bucket),
        observed=lacking,
        expected=fact("probe-lockable", "an object that is made with a retention has it"),
    )


def _told(altar: Altar, subject: Sacrifice | None, at: datetime, found: _Found) -> Probe:
    return Probe(
        at=at,
        subject=altar.name(subject.key, subject.version) if subject is not None else "",
        retained_until=subject.sight.until if subject is not None else None,
        tried=found.tried,
        findings=(*found.findings, *findings_of(found.tried, altar.mode, found.left)),
        mode=altar.mode,
        left=found.left,
        clock_ahead_ms=altar.clock_ahead_ms,
    )
