"""What reasons of a precheck say, in English: where somebody starts a drill, and in its errors. Pure."""

from __future__ import annotations

from datetime import datetime

from drp.domain.duration import words
from drp.domain.precheck import REASONS, PrecheckReason

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def sentence(reason: PrecheckReason) -> str:
    """Return what a reason says."""
    return REASONS[reason.code][1].format_map({name: shown(name, value) for name, value in reason.values.items()})


def shown(name: str, value: str) -> str:
    """Return a value as people read it, by what the end of its name says it is."""
    if name.endswith("_bytes"):
        return size(int(value))
    if name.endswith("_ms"):
        return words(int(value))
    if name.endswith("_at"):
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%SZ}"
    return value


def size(number: int) -> str:
    """Return a number of bytes in binary units, cut and never rounded up."""
    unit = 0
    while number >= 1024 << (10 * unit) and unit < len(_UNITS) - 1:
        unit += 1
    whole, rest = divmod(number, 1 << (10 * unit))
    tenth = rest * 10 >> (10 * unit)
    return f"{whole}.{tenth} {_UNITS[unit]}" if unit and whole < 100 else f"{whole} {_UNITS[unit]}"
