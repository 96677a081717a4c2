"""Which of several watermarks bounds the loss: the oldest. A store that nobody wrote to looks like one that is lost.

A canary is written so often that its age is no idle time: in its own store it speaks for every other datum. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drp.domain.check import CheckResult, Watermark
from drp.domain.witness import Trust, counts


def bounding(results: Sequence[CheckResult], trust: Trust = "restored") -> Watermark | None:
    """Return the oldest of the newest data that can be believed; None when there are none.

    Only checks that passed count: what a failing check saw is no proof of anything. It bounds the loss only when
    `all_dated`. Where the restored system is not trusted, drp must have read one itself, and what the system says can
    only make the loss greater.
    """
    if not any(counts(one.witness, trust) for one in results if one.watermark is not None and one.outcome == "passed"):
        return None
    seen = [result.watermark for result in results if result.watermark is not None and result.outcome == "passed"]
    stores: dict[str, list[Watermark]] = {}
    for watermark in seen:
        stores.setdefault(watermark.store, []).append(watermark)
    return _oldest(_of_store(watermarks) for watermarks in stores.values())


def all_dated(results: Sequence[CheckResult]) -> bool:
    """Return whether every check that was asked for its newest datum gave one that can be believed.

    What a check that did not pass saw is none: left out, it would let the others speak for its store.
    """
    return not any(
        result.undated or (result.watermark is not None and result.outcome != "passed") for result in results
    )


def _of_store(watermarks: Sequence[Watermark]) -> Watermark | None:
    canaries = [watermark for watermark in watermarks if watermark.canary]
    return _oldest(canaries or watermarks)


def _oldest(watermarks: Iterable[Watermark | None]) -> Watermark | None:
    known = [watermark for watermark in watermarks if watermark is not None]
    return min(known, key=lambda watermark: watermark.written_by, default=None)
