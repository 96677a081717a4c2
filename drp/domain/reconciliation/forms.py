"""How keys are written: digits as ``0``, letters as ``A`` or ``a``, the rest as it is.

Two systems whose keys never look alike were not compared by comparing them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from drp.domain.visible import printable

_MOST_EXACT = 32
"""Forms; a system with more writes no fixed ones, and then lengths say nothing."""
_MOST_KEPT = 64 * _MOST_EXACT
"""Forms; of long texts there may be as many as there are keys."""
_SHOWN = 3
_LONGEST = 40
_RUN = re.compile(r"0+|A+|a+")
_WORD = re.compile("[0Aa]+")


class _Signs(dict[int, str]):
    """What stands for each character."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        sign = "0" if character.isdecimal() else character
        if character.isalpha():
            sign = "a" if character.islower() else "A"
        self[code] = sign
        return sign


_SIGNS = _Signs()


def form_of(key: str) -> str:
    """Return how a key is written, such as ``AAA-0000`` for ``IMG-0123``."""
    return key.translate(_SIGNS)


@lru_cache(maxsize=4096)
def _runs(form: str) -> str:
    """Return a form without its lengths."""
    return _RUN.sub(lambda run: run[0][0], form)


@lru_cache(maxsize=4096)
def _words(form: str) -> str:
    """Return a form in which digits and letters are one, as in hexadecimal numbers."""
    return _WORD.sub("A", form)


_COARSER: tuple[Callable[[str], str], ...] = (_runs, _words, lambda _: "")
"""From one level to the next: exact forms, those without lengths, only where words are, no form at all."""
_ANY = 3


class Forms:
    """The forms of all keys of one side, counted as they come; the same in whatever order they come."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: Counter[str] = Counter()
        self._level = 0
        """At which forms are counted: the finest at which there are few enough."""
        self._known: tuple[int, frozenset[str]] | None = None

    def add(self, keys: Sequence[str]) -> None:
        """Count the forms of many keys."""
        forms = "\n".join(keys).translate(_SIGNS).split("\n")
        if len(forms) != len(keys):  # some have line ends of their own
            forms = [form_of(key) for key in keys]
        self._known = None
        self._counts.update(forms if not self._level else (_coarse(form, 0, self._level) for form in forms))
        while len(self._counts) > _MOST_KEPT:
            before, self._counts = self._counts, Counter()
            for form, count in before.items():
                self._counts[_COARSER[self._level](form)] += count
            self._level += 1

    @property
    def commonest(self) -> tuple[str, ...]:
        """Return the commonest forms for people, the more frequent first; none where there are too many to tell."""
        return commonest(self._counts) if self._level < _ANY else ()

    def strange(self, key: str) -> bool:
        """Return whether no key is written so; False where keys are written in too many ways to tell, or are none."""
        if self._known is None:
            self._known = self._compared()
        level, known = self._known
        if level == _ANY or not known:
            return False
        form = form_of(key)
        return _coarse(form, 0, level) not in known and not (level == 0 and _grown(key, form, known))

    def _compared(self) -> tuple[int, frozenset[str]]:
        """Return the finest level at which keys are written in few ways, and these."""
        level, known = self._level, frozenset(self._counts)
        while level < _ANY and len(known) > _MOST_EXACT:
            known, level = frozenset(map(_COARSER[level], known)), level + 1
        return level, known


def _coarse(form: str, finer: int, level: int) -> str:
    """Return a form of one level at a coarser one."""
    for coarser in _COARSER[finer:level]:
        form = coarser(form)
    return form


def _grown(key: str, form: str, known: frozenset[str]) -> bool:
    """Return whether it is a number with one digit more, as after 9999: no other form."""
    for run in re.finditer("0+", form):
        begin, end = run.span()
        if end - begin > 1 and key[begin] != "0" and form[:begin] + form[begin + 1 :] in known:
            return True
    return False


def commonest(forms: Counter[str]) -> tuple[str, ...]:
    """Return the commonest forms for people, the more frequent first."""
    ordered = sorted(forms.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN]
    return tuple(printable(form) if len(form) <= _LONGEST else f"{printable(form[:_LONGEST])}…" for form, _ in ordered)
