"""The newest instant at which applications agree, found in what dangles. Pure arithmetic over sorted instants.

A record that refers to something is wrong from its own instant until that of what it refers to: for ever when that
is missing. Applications agree at an instant when nothing is wrong, in any way of any reference.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from drp.domain.reconciliation.collected import ALWAYS

FOREVER = 1 << 62
"""After every instant."""


class Wrongs:
    """When one way of a reference is wrong: each wrong begins at an instant, and may end at a later one."""

    def __init__(self, begins: Iterable[int], ends: Iterable[int]) -> None:
        """Keep the instants sorted; a wrong is still there at its beginning and no longer at its end."""
        self._begins, self._ends = array("q", sorted(begins)), array("q", sorted(ends))

    def newest_right(self, until: int) -> int:
        """Return the newest instant, at most ``until``, at which nothing is wrong.

        ``ALWAYS`` when there is none.
        """
        begun, ended = bisect_right(self._begins, until), bisect_right(self._ends, until)
        while begun > ended:
            before = self._begins[begun - 1]
            if ended:
                before = max(before, self._ends[ended - 1])
            if before == ALWAYS:
                return ALWAYS
            until = before - 1
            while begun and self._begins[begun - 1] > until:
                begun -= 1
            while ended and self._ends[ended - 1] > until:
                ended -= 1
        return until


def newest_agreement(wrongs: Sequence[Wrongs]) -> int:
    """Return the newest instant at which nothing is wrong: ``FOREVER`` if nothing is now, ``ALWAYS`` if at none."""
    until = FOREVER
    while True:
        earlier = until
        for way in wrongs:
            earlier = way.newest_right(earlier)
        if earlier in {until, ALWAYS}:
            return earlier
        until = earlier
