"""What `drp repo worm NAME` prints: what is declared, what was observed, and what was probed; three different words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drp.cli import render
from drp.cli.repo_probe import CAME, GROUNDS
from drp.cli.words import NO, NONE, UNKNOWN, YES, first, word
from drp.codec import to_data
from drp.domain.phrase import Day, Duration, Instant, Phrase, count, fact, joined, lasting, say
from drp.domain.repository import MediumLocation, S3Location, WormSettings
from drp.domain.terms import LOCKS
from drp.domain.worm.attestation import Attestation
from drp.domain.worm.lock_findings import VERSIONING_NOT_SEEN
from drp.domain.worm.probe import Probe
from drp.service.wiring import Wiring
from drp.service.worm.locks import RepositoryLocks, repository_locks

_NOT_PROBED = CAME["not-probed"]
_WORST_FIRST = ("succeeded", "ignored", "undecided", "refused")
_SHOWN = 5
_MODES: Mapping[str, Phrase] = {**LOCKS, "expired": fact("lock-expired", "lock that has run out")}
_MARKS = {"critical": "✗", "inconclusive": "?", "warning": "!", "note": "·"}
_ROWS: Mapping[str, tuple[str, ...]] = {
    "deletion": ("delete-version", "delete-batch", "delete-file", "bypass-governance"),
    "overwriting": ("overwrite", "write-file", "rename-file"),
    "mode": ("downgrade-mode", "change-file-mode"),
    "until": ("shorten-retention", "remove-retention"),
    "versioning": ("suspend-versioning",),
    "lock": ("remove-lock-configuration",),
    "default": ("change-default-retention",),
    "policy": ("change-policy",),
    "expires": ("add-lifecycle",),
}
"""Row → the attempts that prove it."""


def show_locks(wiring: Wiring, name: str, *, machine: bool) -> int:
    """Print what protects a repository's points, and return the exit status."""
    found = repository_locks(wiring, name)
    if machine:
        render.document("drp/repository-locks/1", _document(name, found))
    else:
        _print(name, found)
    return found.exit_status


def _document(name: str, found: RepositoryLocks) -> dict[str, Any]:
    worm = found.settings.worm
    return {
        "repository": name,
        "exit": found.exit_status,
        "declared": {
            "mode": worm.mode,
            "immutable_for": {each: str(keeps) for each, keeps in found.immutable_for.items()},
            "probe": worm.probe is not None,
            "scratch_bucket": worm.scratch_bucket,
        },
        "observed": to_data(found.observed),
        "margin_seconds": _margin_seconds(found.observed),
        "probed": to_data(found.probe) if found.probe is not None else None,
        "points": found.points,
        "points_not_listed": found.unlisted or None,
        "not_written_down": found.unnoted or None,
        "findings": to_data(found.findings),
    }


def _margin_seconds(seen: Attestation) -> int | None:
    if seen.earliest is None or seen.required_until is None:
        return None
    return round((seen.earliest - seen.required_until).total_seconds())


def _print(name: str, found: RepositoryLocks) -> None:
    seen, probe = found.observed, found.probe
    headings = (name, "declared", "observed", "probed")
    render.table(headings, list(_rows(found)))
    for text in _sentences(found):
        render.line(text)
    for finding in found.findings:
        found_said = say("{subject}: {observed}", subject=finding.subject, observed=finding.observed)
        render.line(say("{mark} {code} {said}", mark=_MARKS[finding.severity], code=finding.code, said=found_said))
        render.line(say("  HINT: {hint}", hint=finding.remedy))
    if probe is None and seen.bucket.object_lock:
        render.note(say("nobody ever tried whether these locks hold: `drp repo worm {name} --probe`", name=name))
    if found.unlisted:
        render.note(say("recovery points were not listed: {why}", why=found.unlisted))
    if found.unnoted:
        render.note(say("not written into the register: {why}", why=found.unnoted))


def _rows(found: RepositoryLocks) -> Iterator[tuple[str, ...]]:
    seen, bucket, probe = found.observed, found.observed.bucket, found.probe
    keeps = [
        say("{application} {time}", application=name, time=lasting(keeps))
        for name, keeps in found.immutable_for.items()
    ]
    yield say("mode"), _declared_mode(found), _observed_modes(seen), _probed(probe, "mode")
    yield say("locked until"), joined(keeps, ", ") or NONE, _until(seen), _probed(probe, "until")
    yield say("deletion"), found.settings.location.declared or NONE, NONE, _probed(probe, "deletion")
    in_bucket = isinstance(found.settings.location, S3Location)
    yield say("overwriting"), NONE, _overwritten(seen) if in_bucket else NONE, _probed(probe, "overwriting")
    if not in_bucket:
        return
    if seen.bucket.object_lock is None and seen.unknown and not seen.bucket.not_seen:
        return
    yield say("object lock"), NONE, _yes_no(bucket.object_lock), _probed(probe, "lock")
    yield say("versioning"), NONE, _versioning(seen), _probed(probe, "versioning")
    yield say("default retention"), NONE, _default(seen), _probed(probe, "default")
    yield say("bucket policy"), NONE, _yes_no(bucket.policy_seen), _probed(probe, "policy")
    yield say("lifecycle rules that expire"), NONE, _named(bucket.expires), _probed(probe, "expires")


def _declared_mode(found: RepositoryLocks) -> Phrase:
    """Return what the site says of locks: in a bucket always something, elsewhere where it says more than nothing."""
    settings = found.settings
    if isinstance(settings.location, S3Location) or found.immutable_for or settings.worm != WormSettings():
        return _MODES[settings.worm.mode]
    return LOCKS["offline"] if isinstance(settings.location, MediumLocation) else NONE


def _observed_modes(seen: Attestation) -> Phrase:
    if seen.unknown:
        return UNKNOWN
    if not seen.modes:
        return _MODES["none"]
    return joined([say("{mode} {n}", mode=word(_MODES, mode), n=number) for mode, number in seen.modes.items()], ", ")


def _until(seen: Attestation) -> Phrase:
    if seen.unknown:
        return UNKNOWN
    if seen.forever:
        return say("no date: legal hold on everything")
    if seen.earliest is None and seen.modes.keys() == {"governance"}:
        return say("no date: until root takes it away")
    return say("{until}", until=Instant(seen.earliest)) if seen.earliest is not None else say("not locked")


def _overwritten(seen: Attestation) -> Phrase:
    if seen.unknown:
        return UNKNOWN
    if not seen.hidden:
        return say("nothing newer over what is locked")
    return count("{n} object with something newer over it", "{n} objects with something newer over them", seen.hidden)


def _versioning(seen: Attestation) -> Phrase:
    if any(each.code == VERSIONING_NOT_SEEN for each in seen.bucket.not_seen):
        return UNKNOWN
    return say("{state}", state=seen.bucket.versioning) if seen.bucket.versioning else say("off")


def _default(seen: Attestation) -> Phrase:
    bucket = seen.bucket
    if bucket.object_lock is None:
        return UNKNOWN
    if not bucket.default_mode:
        return NONE
    days = count("{n} day", "{n} days", bucket.default_days or 0)
    return say("{mode}, {days}", mode=word(_MODES, bucket.default_mode), days=days)


def _yes_no(value: bool | None) -> Phrase:
    return UNKNOWN if value is None else YES if value else NO


def _named(names: tuple[str, ...]) -> Phrase:
    return first(names, _SHOWN) if names else NONE


def _probed(probe: Probe | None, row: str) -> Phrase:
    """Return what came of the attempts of a row: the worst of them, since one that succeeded is enough."""
    tried = [each for each in probe.tried if each.attempt in _ROWS[row]] if probe is not None else []
    for came in _WORST_FIRST:
        met = [each for each in tried if each.came == came]
        if met and probe is not None:
            grounds = {each.ground for each in met}
            ground = GROUNDS["lock" if grounds == {"lock"} else "rights" if grounds == {"rights"} else ""]
            return joined((CAME[came], ground, say("{day}", day=Day(probe.at))), " ")
    return _NOT_PROBED


def _sentences(found: RepositoryLocks) -> Iterator[Phrase]:
    seen = found.observed
    if seen.unknown:
        yield say("not judged: {why}", why=seen.unknown)
        return
    if seen.needed:
        looked = (
            count("{n} object version is needed", "{n} object versions are needed", seen.needed)
            if isinstance(found.settings.location, S3Location)
            else count("{n} file or folder is needed", "{n} files and folders are needed", seen.needed)
        )
        points = count("by {n} recovery point", "by {n} recovery points", found.points)
        yield say(
            "{looked} {points}, {asked} looked at, {remembered} of them remembered ({again} asked again)",
            looked=looked,
            points=points,
            asked=seen.asked,
            remembered=seen.remembered,
            again=seen.asked_again,
        )
    if seen.superset and seen.needed and isinstance(found.settings.location, S3Location):
        yield say("every data, index and key object counts as needed: nobody could tell which of them are")
    margin = _margin_seconds(seen)
    if margin is not None and seen.required_until is not None:
        apart, until = Duration(abs(margin) * 1000), Instant(seen.required_until)
        yield (
            say("locked {apart} longer than asked, which is until {until}", apart=apart, until=until)
            if margin >= 0
            else say("the first lock ends {apart} before what is asked, {until}", apart=apart, until=until)
        )
    yield from seen.remarks
    for weak in seen.weakest[:_SHOWN]:
        ends = say("until {until}", until=Instant(weak.until)) if weak.until is not None else say("no date")
        yield say("  {key}: {mode}, {until}", key=weak.key, mode=word(_MODES, weak.mode), until=ends)
