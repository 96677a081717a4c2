"""What reasons of a precheck say: where somebody starts a drill, and in its errors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from drp.domain.phrase import Data, Duration, Instant, Phrase, Size, Value, say
from drp.domain.precheck import REASONS, PrecheckReason

STATES: Mapping[str, Phrase] = {
    "admissible": say("admissible"),
    "degraded": say("degraded"),
    "blocked": say("blocked"),
}
"""How it stands with the room for a drill, and what a reason means for a start."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def sentence(reason: PrecheckReason) -> Phrase:
    """Return what a reason says."""
    return Phrase(REASONS[reason.code][1], values={name: _typed(name, value) for name, value in reason.values.items()})


def weighed(reason: PrecheckReason) -> Phrase:
    """Return what a reason says, behind what it means for a start."""
    return say("{weight}: {reason}", weight=STATES[reason.weight], reason=sentence(reason))


def _typed(name: str, value: str) -> Value:
    """Return a value by what the end of its name says it is."""
    if name.endswith("_bytes"):
        return Size(int(value))
    if name.endswith("_ms"):
        return Duration(int(value))
    if name.endswith("_at"):
        return Instant(datetime.fromisoformat(value))
    return Data(value)


def size(number: int) -> str:
    """Return a number of bytes in binary units, cut and never rounded up."""
    unit = 0
    while number >= 1024 << (10 * unit) and unit < len(_UNITS) - 1:
        unit += 1
    whole, rest = divmod(number, 1 << (10 * unit))
    tenth = rest * 10 >> (10 * unit)
    return f"{whole}.{tenth} {_UNITS[unit]}" if unit and whole < 100 else f"{whole} {_UNITS[unit]}"
