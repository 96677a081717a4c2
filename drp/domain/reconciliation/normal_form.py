"""Brings a value into the form in which it is compared; what replaces by expressions is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drp.domain.phrase import fact
from drp.domain.reconciliation.preparation import Normalisation

_LOOKED_AT = 4096
"""Values of which it is known what became them."""
_MOST_NOTATIONS = 4
"""One value may well be written in so many ways: with a prefix, with zeros, in another case."""


def normal(value: str, declared: Normalisation, replacements: Sequence[Callable[[str], str]] = ()) -> str:
    """Return a value in its declared form; ``replacements`` are those of ``declared.replace``, in order."""
    value = value.strip(f" \t{declared.strip}")
    if declared.case != "as-is":
        value = value.upper() if declared.case == "upper" else value.lower()
    for prefix in declared.remove_prefixes:
        if value.startswith(prefix) and len(value) > len(prefix):
            value = value[len(prefix) :]
            break
    for replace in replacements:
        value = replace(value)
    if declared.zeros == "strip":
        value = _without_zeros(value)
    if declared.pad_to and value.isascii() and value.isdecimal():
        value = value.rjust(declared.pad_to, "0")
    return value.strip()


def _without_zeros(value: str) -> str:
    """Return a value without its leading zeros, as far as a digit follows them."""
    rest = value.lstrip("0")
    return rest if rest[:1].isdecimal() or rest == value else value[len(value) - len(rest) - 1 :]


class Notations:
    """How many values became one in their form: where different keys become one, nobody sees that some are lost."""

    def __init__(self) -> None:
        """Begin with none."""
        self._before: dict[str, set[str]] = {}
        self.left_nothing = False
        """Of some value that was something."""

    def note(self, before: str, after: str) -> None:
        """Take in what a value became."""
        self.left_nothing = self.left_nothing or bool(before and not after)
        seen = self._before.get(after)
        if seen is not None:
            if len(seen) <= _MOST_NOTATIONS:
                seen.add(before)
        elif len(self._before) < _LOOKED_AT:
            self._before[after] = {before}

    @property
    def merged(self) -> str:
        """Return which values are one by their form: every, or most different; empty: they stay apart."""
        if set(self._before) == {""} and self._before[""] != {""}:
            return "every"
        if len(self._before) == 1 and any(len(seen) > 1 for seen in self._before.values()):
            return "every"
        many = sum(len(seen) > _MOST_NOTATIONS for seen in self._before.values())
        return fact("most-different", "most different") if 2 * many > len(self._before) else ""
