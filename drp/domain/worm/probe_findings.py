"""What attempts on a lock mean: each that came through is critical, and what nobody could judge is said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from drp.domain.findings.finding import Finding
from drp.domain.findings.probe import (
    ANSWER_UNTRUE,
    BROKEN_BEFORE,
    LOCK_BROKEN,
    PROBE_LEFT,
    PROBE_UNDECIDED,
    READER_WRITES,
    SETTING_CHANGED,
)
from drp.domain.phrase import NOTHING, Instant, Phrase, count, fact, several
from drp.domain.worm.probe import OF_BUCKETS, Attempt, Probe, Tried, needed_of

ATTEMPTS: Mapping[Attempt, Phrase] = MappingProxyType(
    {
        "delete-version": fact("try-delete-version", "delete the locked version"),
        "delete-batch": fact("try-delete-batch", "delete the locked version in a batch"),
        "delete-marker": fact("try-delete-marker", "lay a delete marker over the locked version"),
        "overwrite": fact("try-overwrite", "overwrite the locked version"),
        "shorten-retention": fact("try-shorten-retention", "shorten the retention"),
        "remove-retention": fact("try-remove-retention", "remove the retention"),
        "downgrade-mode": fact("try-downgrade-mode", "lower compliance to governance"),
        "bypass-governance": fact("try-bypass-governance", "delete the locked version, bypassing governance"),
        "suspend-versioning": fact("try-suspend-versioning", "suspend versioning"),
        "change-default-retention": fact("try-change-default-retention", "change the default retention"),
        "remove-lock-configuration": fact("try-remove-lock-configuration", "remove the lock of the bucket"),
        "add-lifecycle": fact("try-add-lifecycle", "add a lifecycle rule that expires objects"),
        "change-policy": fact("try-change-policy", "change the policy of the bucket"),
        "delete-file": fact("try-delete-file", "delete a file"),
        "write-file": fact("try-write-file", "write a file"),
        "rename-file": fact("try-rename-file", "rename a file"),
        "change-file-mode": fact("try-change-file-mode", "change who may do what to a file"),
    }
)
"""What each attempt was to do, in words."""
KEYS: Mapping[str, Phrase] = MappingProxyType(
    {
        "reader": fact("keys-reader", "the reader's keys"),
        "probe": fact("keys-probe", "the probe's keys"),
        "writer": fact("keys-writer", "the writer's keys"),
        "user": fact("keys-user", "the rights of drp's user"),
    }
)


def named(tried: Tried) -> Phrase:
    """Return an attempt in words, with whose keys."""
    what, whose = ATTEMPTS[tried.attempt], KEYS.get(tried.by, NOTHING)
    if tried.bypass and tried.attempt != "bypass-governance":
        return fact("probe-attempt-bypassing", "{what}, bypassing governance, with {whose}", what=what, whose=whose)
    return fact("probe-attempt", "{what}, with {whose}", what=what, whose=whose)


def findings_of(tried: Iterable[Tried], mode: str, left: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield what the attempts on an object locked in a mode, and on a scratch bucket, mean."""
    all_tried = tuple(tried)
    for each in all_tried:
        if each.came == "succeeded":
            code = SETTING_CHANGED if each.attempt in OF_BUCKETS else LOCK_BROKEN
            yield code.finding(subject=named(each), observed=_seen(each), expected=_REFUSAL)
        elif each.came == "ignored":
            yield ANSWER_UNTRUE.finding(subject=named(each), observed=_seen(each), expected=_REFUSAL)
    yield from _undecided(all_tried, mode)
    wrote = [each for each in all_tried if each.by == "reader" and _took(each)]
    if wrote:
        yield READER_WRITES.finding(
            subject=KEYS["reader"],
            observed=fact(
                "reader-could",
                "they can: {what}",
                what=several(dict.fromkeys(ATTEMPTS[each.attempt] for each in wrote), "; "),
            ),
            expected=fact("reader-reads-only", "they read and change nothing"),
        )
    if left:
        yield PROBE_LEFT.finding(
            subject=fact("probe-leavings", "what earlier probes have left"),
            observed=count("{n} object: {names}", "{n} objects: {names}", len(left), names=several(left[:3])),
            expected=fact("probe-cleaned", "nothing stays once its retention has ended"),
        )


_TOLD_FOR = timedelta(days=90)
_REFUSAL = fact("probe-refusal", "it is refused, and the object stays as it is")


def with_past(probe: Probe, earlier: Probe | None) -> Probe:
    """Return a probe that remembers when something last came through; told for ninety days, kept for ever."""
    if probe.broken:
        return replace(probe, broken_at=probe.at)
    broken_at = earlier.broken_at if earlier is not None else None
    if broken_at is None:
        return probe
    if probe.at - broken_at > _TOLD_FOR:
        return replace(probe, broken_at=broken_at)
    told = BROKEN_BEFORE.finding(
        subject=fact("probe-before", "the probe of {at}", at=Instant(broken_at)),
        observed=fact("probe-let-through", "something came through that a lock forbids"),
        expected=_REFUSAL,
    )
    return replace(probe, broken_at=broken_at, findings=(*probe.findings, told))


def _undecided(tried: tuple[Tried, ...], mode: str) -> Iterator[Finding]:
    """Yield what the lock was not shown to refuse; of an attempt that was made in several ways, one way is enough."""
    refused = {each.attempt for each in tried if each.came == "refused" and each.ground == "lock"}
    told: set[Attempt] = set()
    for each in tried:
        open_question = each.came == "undecided" and each.attempt not in refused | told
        if open_question and (each.attempt in needed_of(mode) or each.attempt in OF_BUCKETS):
            told.add(each.attempt)
            yield PROBE_UNDECIDED.finding(subject=named(each), observed=_seen(each), expected=_REFUSAL)


def _took(each: Tried) -> bool:
    """Return whether the store took from these keys what only who writes may do; to no object's harm."""
    able = each.ground == "lock" and each.attempt not in OF_BUCKETS
    return each.came == "ignored" or able


def _seen(each: Tried) -> Phrase:
    if each.why:
        return each.why
    return fact("probe-answered", "the store answered {answer}", answer=each.answer)
