"""Durations as people read them, in English: what findings, reasons and hints say. Pure.

Reports write durations in the reader's own language; what a sentence of the record says is written here. Every
duration is cut and never rounded, so that none reads as if it had kept an objective that it missed.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import dropwhile

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))


def words(duration: timedelta | int, *, units: int = 2) -> str:
    """Return a duration, an int being milliseconds, by its ``units`` largest units: ``669 d 14 h``, ``4 min 5 s``.

    A unit of zero is left out. Milliseconds are told only of what is shorter than a second, or where units are left
    to do so: ``1 s 250 ms``.
    """
    ms = duration if isinstance(duration, int) else duration // timedelta(milliseconds=1)
    if ms < 0:
        return "-" + words(-ms, units=units)
    amounts = []
    for size, name in _UNITS:
        amount, ms = divmod(ms, size)
        amounts.append((amount, name))
    counted = list(dropwhile(lambda each: not each[0], amounts))[:units]
    return " ".join(f"{amount} {name}" for amount, name in counted if amount) or "0 s"


def cut(ms: int) -> int:
    """Return a duration as reports and lists show it: to a tenth of a second below a minute, else two units of it.

    Two durations that are cut to the same are shown as one.
    """
    if ms < 1_000:
        return ms
    if ms < 60_000:
        return ms // 100 * 100
    kept, counted = 0, 0
    for size, _ in _UNITS[:-1]:
        amount, ms = divmod(ms, size)
        if amount and counted < 2:
            kept, counted = kept + amount * size, counted + 1
    return kept
