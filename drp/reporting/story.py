"""What a director reads first: what happened in whole sentences, and what has to be done before anybody works.

Made of the record's typed values alone; no sentence of it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drp.domain.evidence import EvidenceRecord
from drp.domain.phrase import Data, Phrase, count, say
from drp.reporting.standing import Standing, standings_of
from drp.reporting.story_actions import Action, conclusive_actions, failed_actions, warned_actions
from drp.reporting.story_told import disagreements, failures, tolerable, undecided
from drp.reporting.undeletable_told import told_attacks, told_undeletable

MOST_TOLD = 5
MOST_ACTIONS = 6


@dataclass(frozen=True, slots=True)
class Story:
    """The first screen."""

    told: tuple[Phrase, ...]
    """What happened, the worst first."""
    more: int
    """So many sentences more would be to say: the report has them further down."""
    kept: tuple[Phrase, ...]
    """Until when nobody can delete what was restored, where somebody looked."""
    lead: Phrase | None
    """What the actions are for; None: there are none."""
    actions: tuple[Action, ...]
    """In the order in which they are due."""
    further: int
    """So many actions more there are."""


def story_of(record: EvidenceRecord) -> Story:
    """Return the story of a drill: passed, failed, inconclusive or aborted."""
    told = [*told_attacks(record), *_told(record)]
    lead, actions = _actions(record)
    return Story(
        told=tuple(told[:MOST_TOLD]),
        more=max(0, len(told) - MOST_TOLD),
        kept=told_undeletable(record),
        lead=lead if actions else None,
        actions=tuple(actions[:MOST_ACTIONS]),
        further=max(0, len(actions) - MOST_ACTIONS),
    )


def _told(record: EvidenceRecord) -> Iterator[Phrase]:
    match record.verdict:
        case "passed":
            yield from tolerable(record)
        case "failed":
            yield from disagreements(record)
            yield from failures(record)
            yield from _others(record)
        case "inconclusive":
            yield from undecided(record)
            yield from _others(record)
        case "aborted":
            yield from _course(record)
            yield from disagreements(record)
            yield from failures(record)


def _actions(record: EvidenceRecord) -> tuple[Phrase, Sequence[Action]]:
    match record.verdict:
        case "failed":
            actions = list(failed_actions(record))
            commands = sum(bool(action.command) for action in actions)
            if record.reconciliation is None:
                return say("What has to be done:"), actions
            if not commands:
                return say("Before anybody works with them:"), actions
            return (
                count(
                    "Before anybody works with them: {n} command.",
                    "Before anybody works with them: {n} commands.",
                    commands,
                ),
                actions,
            )
        case "inconclusive":
            return say("What would make it conclusive:"), list(conclusive_actions(record))
        case "passed":
            return say("Worth seeing to:"), list(warned_actions(record))
        case "aborted":
            again = Action(say("Hold it again, and let it come to its end."), f"drp drill run {record.plan.name}")
            return say("To have a verdict:"), [] if record.ad_hoc else [again]


def _others(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield which applications have nothing against them, so that nobody takes them for lost."""
    found = standings_of(record)
    sound = [name for name, standing in found.items() if standing == "passed"]
    if sound and len(sound) < len(found):
        yield count(
            "Nothing speaks against {names}.",
            "Nothing speaks against {names}, each for itself.",
            len(sound),
            names=Data(", ".join(sound)),
        )


def _course(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield how far a drill came that was stopped."""
    up = [one.recovery for one in record.recoveries if one.measurement.rta_ms is not None]
    if record.approval is not None and record.approval.outcome != "approved":
        yield say("It was not approved, so nothing was touched and nothing is proven.")
    elif up:
        yield say(
            "The drill was stopped when {n} of {all} applications had come back: {names}.",
            n=len(up),
            all=len(record.recoveries),
            names=Data(", ".join(up)),
        )
    else:
        yield say("The drill was stopped before any application had come back.")


__all__ = ["Action", "Standing", "Story", "story_of"]
