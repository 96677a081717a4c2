"""What vanished before the backup: its counts beside those of an earlier one that a passed drill held. Pure.

A check compares a restore with its own backup, so a backup of an emptied table passes. Only an older one knows better.
What fell stays told in every drill until it is there again or somebody accepts it: trying again makes nothing better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.history import FALL_ACCEPTED, FELL_TO_NOTHING, NOT_COUNTED, SHRANK
from drp.domain.judged import NotJudged
from drp.domain.names import shown_name
from drp.domain.phrase import Phrase, fact, say
from drp.domain.restored_code import AcceptedCode
from drp.domain.terms import others

COUNTING = frozenset({"counts", "tables", "objects"})
"""Keys in the facts of a backup below which whole numbers are counts of things that should not vanish."""
MOST_COUNTS = 200_000
_DEEPEST = 12
_NAMED = 20
"""So many falls become findings of their own; the rest is one more. The record has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedFall:
    """Somebody says that fewer is right, once: against one drill's counts, and spent when a later drill passes."""

    what: str
    since: str
    """The drill that still saw it, as the finding names it."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPolicy:
    """What a site says of its counts; patterns as of shells, over what findings name (``*medication``)."""

    never_shrinks: tuple[str, ...] = ()
    may_be_empty: tuple[str, ...] = ()
    """Queues, sessions: what comes and goes."""
    accepted: tuple[AcceptedFall, ...] = ()
    accepted_code: tuple[AcceptedCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """Something that an earlier backup held, and this one holds less of, or none."""

    what: str
    had: int
    has: int | None
    """None: it is not even there."""
    since: str
    """The drill that saw ``had``."""
    accepted: AcceptedFall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the passed drill of the newest earlier state held."""

    drill: str
    counts: Mapping[str, int] = field(default_factory=dict)
    falls: tuple[Fall, ...] = ()
    """What had fallen then already, and was not accepted."""

    @property
    def remembered(self) -> dict[str, tuple[int, str]]:
        """Return what there should be, and the drill that saw it."""
        seen = {what: (number, self.drill) for what, number in self.counts.items()}
        return seen | {fall.what: (fall.had, fall.since) for fall in self.falls if fall.accepted is None}


def counts_of(facts: Mapping[str, object]) -> dict[str, int]:
    """Return every count of a backup's facts by its path (``postgres/databases/ehr/tables/public.visit``)."""
    return dict(sorted(_numbers(facts, (), counting=False, depth=0)))


def falls(baseline: Baseline, counts: Mapping[str, int], policy: HistoryPolicy) -> tuple[Fall, ...]:
    """Return what fell to nothing, and of what never shrinks all that became less; accepted ones are marked."""
    systems = {_system(what) for what in counts}
    found = []
    for what, (had, since) in sorted(baseline.remembered.items()):
        has = counts.get(what)
        fell = had > 0 and not has and not _named(what, policy.may_be_empty)
        shrank = _named(what, policy.never_shrinks) and (has is None or has < had)
        if _system(what) in systems and (fell or shrank):
            accepted = next((one for one in policy.accepted if (one.what, one.since) == (what, since)), None)
            found.append(Fall(what=what, had=had, has=has, since=since, accepted=accepted))
    return tuple(found)


def not_compared(baseline: Baseline | None, counts: Mapping[str, int]) -> tuple[NotJudged, ...]:
    """Return what no earlier backup could be asked about."""
    part = say("what vanished before the backup")
    if not counts:
        return (NotJudged(part=part, why=fact("history-manifest-keeps-no-counts", "the manifest keeps no counts")),)
    if len(counts) > MOST_COUNTS:
        return (
            NotJudged(
                part=part,
                why=fact("there-more-than-counts", "there are more than {MOST_COUNTS} counts", MOST_COUNTS=MOST_COUNTS),
            ),
        )
    if baseline is None:
        return (
            NotJudged(
                part=part, why=fact("no-drill-earlier-state", "no drill of an earlier state passed and kept counts")
            ),
        )
    gone = {_system(what) for what in baseline.remembered} - {_system(what) for what in counts}
    return tuple(
        NotJudged(
            part=say("what vanished before the backup, {system}", system=system),
            why=fact(
                "counted-drill-no-longer", "counted in drill {drill}, and no longer in the facts", drill=baseline.drill
            ),
        )
        for system in sorted(gone)
    )


def unguarded(counts: Mapping[str, int], found: tuple[Fall, ...], policy: HistoryPolicy) -> tuple[Finding, ...]:
    """Return what the site says never shrinks and nobody has counted: a guard that guards nothing is no guard."""
    seen = (*counts, *(fall.what for fall in found))
    return tuple(
        NOT_COUNTED.finding(
            subject=pattern,
            observed=fact("nothing-this-backup-counts", "nothing that this backup counts is called so"),
            expected=fact("count", "a count"),
        )
        for pattern in policy.never_shrinks
        if not any(_named(what, (pattern,)) for what in seen)
    )


def findings_of(found: tuple[Fall, ...], policy: HistoryPolicy) -> tuple[Finding, ...]:
    """Return what the falls mean: critical where nothing may shrink, a note where somebody accepted it."""
    critical = [fall for fall in found if fall.accepted is None and _named(fall.what, policy.never_shrinks)]
    warned = [fall for fall in found if fall.accepted is None and fall not in critical]
    accepted = [fall for fall in found if fall.accepted is not None]
    return (*_listed(critical, SHRANK), *_listed(warned, FELL_TO_NOTHING), *map(_accepted, accepted))


def _listed(found: list[Fall], code: FindingCode) -> Iterator[Finding]:
    for fall in found[:_NAMED]:
        line = f"`accepted_falls: [{{what: {fall.what!r}, since: {fall.since}, by: …, reason: …}}]`"
        remedy = fact("accept", "{remedy}: {line}", remedy=Phrase(code.remedy), line=line)
        yield code.finding(
            subject=fall.what,
            observed=_shown(fall),
            expected=fact("as-drill", "{had}, as in drill {since}", had=fall.had, since=fall.since),
            remedy=remedy,
        )
    more = len(found) - _NAMED
    if more > 0:
        yield code.finding(
            subject=others(more),
            observed=fact("none-or-less", "none, or less"),
            expected=fact("as-earlier-drill", "as in an earlier drill"),
        )


def _accepted(fall: Fall) -> Finding:
    assert fall.accepted is not None
    return FALL_ACCEPTED.finding(
        subject=fall.what,
        observed=fact(
            "accepted-by",
            "{fall}; accepted by {by}: {reason}",
            fall=_shown(fall),
            by=shown_name(fall.accepted.by),
            reason=fall.accepted.reason,
        ),
        expected=fact("as-drill", "{had}, as in drill {since}", had=fall.had, since=fall.since),
    )


def _shown(fall: Fall) -> str:
    return fact("not-there-any-more", "not there any more") if fall.has is None else str(fall.has)


def _system(what: str) -> str:
    return what.partition("/")[0]


def _named(what: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(what, pattern) or fnmatchcase(what, f"*/{pattern}") for pattern in patterns)


def _numbers(value: object, path: tuple[str, ...], *, counting: bool, depth: int) -> Iterator[tuple[str, int]]:
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _numbers(inner, (*path, str(key)), counting=counting or key in COUNTING, depth=depth + 1)
    elif counting and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        yield "/".join(path), value
