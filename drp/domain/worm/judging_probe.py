"""What an attempt on a lock has shown: judged by what is there afterwards, whatever the store answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.phrase import NOTHING, Instant, Phrase, fact
from drp.domain.worm.probe import Came, Ground

Said = Literal["done", "refused", "unclear"]
"""What the store answered: that it did as asked; that it looked at it and refuses; or nothing to conclude from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look at the sacrificial version showed."""

    unseen: str = ""
    """Why nobody could look, as the store put it; empty: it was looked at."""
    there: bool = True
    """It is listed, and can be read by its version."""
    whole: bool = True
    """Its bytes are those that were written."""
    mode: str = ""
    """compliance, governance, or empty: none."""
    until: datetime | None = None
    held: bool = False
    """It is under legal hold besides, so that no refusal would be the retention's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Whether the same keys can do the same where no lock forbids it."""

    able: bool | None
    """None: nobody knows."""
    answer: str = ""
    """What the store said to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt."""

    came: Came
    ground: Ground = ""
    why: Phrase | None = None


_RANKS = {"compliance": 2, "governance": 1}


def harm(before: Sight, after: Sight) -> Phrase:
    """Return what the version has lost; nothing: it is as well protected as before, or better."""
    if not after.there:
        return fact("probe-gone", "the locked version is gone")
    if not after.whole:
        return fact("probe-other-bytes", "the locked version has other bytes")
    if before.until is not None and after.until is None:
        return fact("probe-unlocked", "it has no retention any more")
    if before.until is not None and after.until is not None and after.until < before.until:
        return fact(
            "probe-shortened",
            "its retention ended {before} and now ends {after}",
            before=Instant(before.until),
            after=Instant(after.until),
        )
    if _RANKS.get(after.mode, 0) < _RANKS.get(before.mode, 0):
        return fact("probe-downgraded", "its mode was {before} and is {after}", before=before.mode, after=after.mode)
    return NOTHING


def judge(
    before: Sight,
    after: Sight,
    said: Said,
    answer: str,
    control: Control,
    *,
    allowed: bool = False,
    proves_lock: bool = True,
) -> Outcome:
    """Return what came of an attempt.

    ``allowed``: the store may say yes, as to a new version over the locked one; what counts is that this one stays.
    ``proves_lock``: the keys are those that are able, so that a refusal for want of a right shows nothing; where it is
    the keys themselves that are asked about (the reader's, or whether any may bypass), a want of it is an answer.
    """
    if after.unseen:
        why = fact("probe-unseen", "nobody could look afterwards: {answer}", answer=after.unseen)
        return Outcome(came="undecided", why=why)
    lost = harm(before, after)
    if lost:
        return Outcome(came="succeeded", why=lost if said == "done" else _all_the_same(lost, answer))
    if said == "unclear":
        return Outcome(
            came="undecided", why=fact("probe-unclear", "the store did not look at it: {answer}", answer=answer)
        )
    if said == "done":
        if allowed:
            return Outcome(came="refused", ground="lock")
        return Outcome(came="ignored", why=fact("probe-ignored", "the store said that it did it, and did not"))
    if control.able:
        return Outcome(came="refused", ground="lock")
    if control.able is None:
        why = fact(
            "probe-uncontrolled",
            "nobody knows whether these keys could do it where nothing is locked: {answer}",
            answer=control.answer,
        )
        return Outcome(came="undecided" if proves_lock else "refused", why=why)
    if allowed:
        return Outcome(
            came="refused", ground="rights", why=fact("probe-only-writers", "these keys may not write there")
        )
    why = fact(
        "probe-no-right",
        "these keys cannot do it where nothing is locked either: {answer}",
        answer=control.answer,
    )
    return Outcome(came="undecided" if proves_lock else "refused", ground="rights", why=why)


def _all_the_same(lost: Phrase, answer: str) -> Phrase:
    if not answer:
        return lost
    return fact("probe-lied", "{lost}, although the store answered {answer}", lost=lost, answer=answer)
