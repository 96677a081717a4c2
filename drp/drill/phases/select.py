"""select: wait for the medium if it must be attached, list the recovery points, take one, say why not the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from drp.domain.clock import Stamp, waited_ms
from drp.domain.findings.finding import Finding
from drp.domain.findings.points import SUB_PATH_LACKING
from drp.domain.findings.probe import SETTING_CHANGED
from drp.domain.findings.time import CLOCKS_APART, NEWEST_POINT_OLD
from drp.domain.measure import milliseconds
from drp.domain.newest_point import newest_of
from drp.domain.phase import Selected
from drp.domain.phrase import Duration, Instant, beside, fact, own_words, say
from drp.domain.ports import Abilities, Progress, Repository
from drp.domain.recovery_point import (
    Immutability,
    PointListing,
    RecoveryPoint,
    RefusedPoint,
    Selection,
    preference,
    refusal,
)
from drp.domain.repository_port import SubPaths
from drp.domain.terms import LOCKS, PROVENANCES, SAME_TIME
from drp.domain.worm.known import RepositoryKnown
from drp.drill.context import PhaseContext
from drp.drill.phases.attested import attested, immutability_now, seen_of
from drp.drill.phases.draw import draw
from drp.drill.phases.expectation import Expectation
from drp.drill.phases.horizons import seen_horizon
from drp.drill.phases.listing import listing_findings
from drp.drill.phases.pinning import bind
from drp.errors import Interrupted, MediaNeeded, RepositoryError

_MEDIA_POLL_SECONDS = 2.0
_APART_MS = 60_000
"""So far apart, two clocks are worth a word; the recovery point actual takes account of less."""


def select_phase(context: PhaseContext) -> Selected:
    """Return the chosen recovery point, or none with the reasons. Raises what the Repository port names."""
    recovery = context.recovery
    expectation = Expectation(context)
    bound = bind(context)
    repository = bound.repository
    waited, listing, abilities = _wait_for_medium(context, repository)
    now = no_earlier(context.declared_at, abilities.clock_ahead_ms)
    point, immutability, refused = choose(
        repository, listing, recovery.selection, disaster_at=context.disaster_at, now=now
    )
    newest, _ = newest_of(listing.points, context.declared_at)
    newest_at = newest.consistent_at if newest is not None else None
    lacking = _lacking(context, repository, point)
    if point is not None and lacking:
        refused = (*refused, RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=lacking[0].observed))
        point, immutability = None, None
    sample, undrawn = draw(context, point, abilities)
    locks = attested(context, repository, point)
    immutability, unlocked = seen_of(point, immutability, locks, now)
    horizon, ending = seen_horizon(context, repository, point, locks, now)
    unexpected = expectation.findings(listing, bound.pinned)
    known = context.ports.known(recovery.repository)  # with what was noted just now
    return Selected(
        point=point,
        immutability=immutability,
        policy=recovery.selection.policy,
        seed=recovery.selection.seed,
        refused=refused,
        media_wait_ms=waited,
        clock_ahead_ms=abilities.clock_ahead_ms,
        newest_at=newest_at,
        sample=sample,
        pinned=bound.pinned,
        known=known,
        locks=replace(locks, findings=()) if locks is not None else None,
        horizon=horizon,
        findings=(
            *bound.findings,
            *lacking,
            *undrawn,
            *listing_findings(context, listing, point, refused, told=bool(lacking)),
            *unexpected,
            *unlocked,
            *ending,
            *_let_through(known),
            *_clock_findings(context, abilities.clock_ahead_ms),
            *_age_findings(context, newest_at),
        ),
    )


def no_earlier(moment: datetime, ahead_ms: int | None) -> datetime:
    """Return the later of this machine's time and the repository's: a clock set back must not make a lock hold."""
    return max(moment, moment - timedelta(milliseconds=ahead_ms or 0))


def _wait_for_medium(context: PhaseContext, repository: Repository) -> tuple[int, PointListing, Abilities]:
    """Ask until the medium is there or the plan's deadline has passed; return how long it took, in milliseconds.

    The points come first: who has just listed them need not try the password once more.
    """
    clock = context.ports.clock
    begun: Stamp = clock.now()
    deadline_ms = milliseconds(context.recovery.media_deadline)
    missing = False
    while True:
        try:
            listing = repository.points(context.recovery.application)
            abilities = repository.preflight()
        except MediaNeeded as error:
            waited = waited_ms(begun, clock.now())
            if waited >= deadline_ms:
                raise
            if context.ports.cancelled():
                message = "stopped while waiting for a medium"
                raise Interrupted(message) from error
            context.report(
                Progress(
                    message=fact(
                        "waiting-for-medium",
                        "waiting for medium {label}: {words}",
                        label=error.label,
                        words=own_words(error.message),
                    )
                )
            )
            clock.sleep(min(_MEDIA_POLL_SECONDS, (deadline_ms - waited) / 1000))
            missing = True
        else:
            return (waited_ms(begun, clock.now()) if missing else 0), listing, abilities


def choose(
    repository: Repository, listing: PointListing, selection: Selection, *, disaster_at: datetime, now: datetime
) -> tuple[RecoveryPoint | None, Immutability | None, tuple[RefusedPoint, ...]]:
    """Return the point that the selection takes, what is known of its immutability, and the refused ones with why."""
    refused: list[RefusedPoint] = []
    eligible: list[RecoveryPoint] = []
    for point in listing.points:
        reason = refusal(point, selection, disaster_at)
        if reason is None:
            eligible.append(point)
        else:
            refused.append(RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=reason))
    if selection.policy == "specific" and len(eligible) > 1:
        reason = fact("beginning-several-points", "{point} is the beginning of several points", point=selection.point)
        refused += [RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=reason) for point in eligible]
        eligible = []
    for point in preference(eligible, selection):
        decides = selection.policy == "newest-immutable"
        immutability = immutability_now(repository, point, decides=decides)
        if decides and not immutability.holds_at(now):
            reason = fact(
                "not-immutable",
                "not immutable ({mode}, {provenance})",
                mode=LOCKS[immutability.mode],
                provenance=PROVENANCES[immutability.provenance],
            )
            refused.append(RefusedPoint(id=point.id, consistent_at=point.consistent_at, reason=reason))
            continue
        return point, immutability, tuple(refused)
    return None, None, tuple(refused)


def _lacking(context: PhaseContext, repository: Repository, point: RecoveryPoint | None) -> tuple[Finding, ...]:
    """Return that the chosen point has nothing where the application's own is. No older one is looked at.

    Raises ``RepositoryError`` where the repository knows no sub-paths: it would restore what is other applications'.
    """
    sub_path = context.recovery.application.backup_job.sub_path
    if point is None or not (sub_path or point.sub_path):
        return ()
    if point.sub_path != sub_path or not isinstance(repository, SubPaths):
        raise RepositoryError(
            say(
                "repository {repository} restores whole recovery points, and not {sub_path} alone",
                repository=context.recovery.repository,
                sub_path=sub_path,
            ),
            hint=say("leave `backup.sub_path` out of the application's file: all of the point is restored then"),
        )
    lacking = repository.at_sub_path(point).lacking
    if not lacking:
        return ()
    expected = fact("folder-of-own", "the folder {sub_path}", sub_path=sub_path)
    return (SUB_PATH_LACKING.finding(subject=point.short_id, observed=lacking, expected=expected),)


def _let_through(known: RepositoryKnown | None) -> tuple[Finding, ...]:
    """Return what the newest probe found grave: a store that lets through what it says is locked keeps nothing.

    What the probe's own keys may change of a scratch bucket is told by the probe, and says nothing of this point.
    """
    findings = known.probe.findings if known is not None and known.probe is not None else ()
    return tuple(each for each in findings if each.severity == "critical" and each.code != SETTING_CHANGED.code)


def _clock_findings(context: PhaseContext, ahead_ms: int | None) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if ahead_ms is not None and abs(ahead_ms) >= _APART_MS:
        apart = Duration(abs(ahead_ms))
        observed = (
            fact("clock-ahead", "{apart} ahead of the repository's", apart=apart)
            if ahead_ms > 0
            else fact("clock-behind", "{apart} behind the repository's", apart=apart)
        )
        found.append(CLOCKS_APART.finding(subject=context.recovery.repository, observed=observed, expected=SAME_TIME))
    if context.clock_behind_ms >= _APART_MS:
        observed = fact(
            "behind-what-journal-has",
            "{apart} behind what the journal has seen already",
            apart=Duration(context.clock_behind_ms),
        )
        found.append(
            CLOCKS_APART.finding(
                subject=fact("journal", "journal"),
                observed=observed,
                expected=fact("clock-goes-forwards", "a clock that goes forwards"),
            )
        )
    if context.clock_apart_ms >= _APART_MS:
        observed = fact(
            "behind-what-another-host",
            "{apart} behind what another host has put into the journal",
            apart=Duration(context.clock_apart_ms),
        )
        found.append(CLOCKS_APART.finding(subject=fact("hosts", "hosts"), observed=observed, expected=SAME_TIME))
    return tuple(found)


def _age_findings(context: PhaseContext, newest_at: datetime | None) -> tuple[Finding, ...]:
    """Return what a disaster in the past would hide: that no backup was made lately."""
    rpo = context.recovery.application.objectives.rpo
    if context.plan.scenario.disaster_at is None or newest_at is None or context.declared_at - newest_at <= rpo:
        return ()
    age, limit = beside(context.declared_at - newest_at, rpo)
    observed = fact(
        "made-before-drill",
        "made at {newest_at}, {age} before the drill",
        newest_at=Instant(newest_at),
        age=age,
    )
    expected = fact("within", "within {limit}", limit=limit)
    return (
        NEWEST_POINT_OLD.finding(
            subject=fact("newest-point", "newest recovery point"), observed=observed, expected=expected
        ),
    )
