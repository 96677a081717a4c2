"""How long a whole drill took, without what it only waited for: what the next of its kind is expected to take. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.clock import Stamp
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.measure import milliseconds

Span = tuple[int, int]
"""From and until, nanoseconds of the monotonic clock."""


def took_ms(state: DrillState) -> int | None:
    """Return milliseconds from its declaration to its end without waits for people and media; None: it was not whole.

    Whole is a drill that concluded by itself, in one run, after every recovery had gone through all its phases and was
    let go, whatever it found. A wait is left out as far as no other recovery was at work meanwhile. Waiting for a turn
    stays in, since the next drill waits for it too.
    """
    begun, ended = state.declared_at, state.last
    if begun is None or ended is None or not _is_whole(state) or begun.boot_id != ended.boot_id:
        return None
    work = [span for each in state.recoveries.values() for span in _work(each)]
    waits = [(since.monotonic_ns, until.monotonic_ns) for since, until in state.approval.waits]
    waits += [span for each in state.recoveries.values() for span in _waits(state, each)]
    idle = sum(until - since for since, until in without(union(waits), union(work)))
    took = (ended.monotonic_ns - begun.monotonic_ns - idle) // 1_000_000
    return took if took > 0 else None


def _is_whole(state: DrillState) -> bool:
    concluded = state.concluded
    ran = concluded is not None and concluded.verdict != "aborted" and not state.resumptions
    went_through = (
        each.failure is None and each.next_phase is None and each.kept is None for each in state.recoveries.values()
    )
    return ran and all(went_through)


def _work(progress: RecoveryState) -> Iterator[Span]:
    for phase, since in progress.started.items():
        until = progress.ended.get(phase)
        if until is not None:
            waited = _media_wait_ns(progress) if phase == "select" else 0
            yield since.monotonic_ns + waited, until.monotonic_ns


def _waits(state: DrillState, progress: RecoveryState) -> Iterator[Span]:
    if (selecting := progress.started.get("select")) is not None:
        yield selecting.monotonic_ns, selecting.monotonic_ns + _media_wait_ns(progress)
    if progress.asked_at is not None:
        yield progress.asked_at.monotonic_ns, _answered(state, progress, progress.asked_at)


def _answered(state: DrillState, progress: RecoveryState, asked: Stamp) -> int:
    """Return when a referent answered, or nobody waited for one any more."""
    if progress.signed_off_at is not None:
        return progress.signed_off_at.monotonic_ns
    deadline = milliseconds(state.plan.sign_off.deadline) if state.plan.sign_off is not None else 0
    return asked.monotonic_ns + deadline * 1_000_000


def _media_wait_ns(progress: RecoveryState) -> int:
    return progress.outputs.select.media_wait_ms * 1_000_000 if progress.outputs.select is not None else 0


def union(spans: list[Span]) -> list[Span]:
    """Return the same time as spans that neither touch nor overlap, in order."""
    merged: list[Span] = []
    for since, until in sorted(span for span in spans if span[0] < span[1]):
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(until, merged[-1][1])
        else:
            merged.append((since, until))
    return merged


def without(spans: list[Span], taken: list[Span]) -> Iterator[Span]:
    """Yield what of the spans is in none of those taken; both as `union` gives them."""
    for since, until in spans:
        at = since
        for begins, ends in taken:
            if ends <= at or begins >= until:
                continue
            if begins > at:
                yield at, begins
            at = ends
        if at < until:
            yield at, until
