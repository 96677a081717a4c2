"""How keys are written: digits as ``0``, letters as ``A`` or ``a``, the rest as it is.

Two systems whose keys never look alike were not compared by comparing them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from drp.domain.visible import printable

_MOST_EXACT = 32
"""Forms; a system with more writes no fixed ones, and then lengths say nothing."""
_SHOWN = 3
_LONGEST = 40
_RUN = re.compile(r"0+|A+|a+")


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


def _runs(form: str) -> str:
    """Return a form without its lengths."""
    return _RUN.sub(lambda run: run[0][0], form)


def _words(form: str) -> str:
    """Return a form in which digits and letters are one, as in hexadecimal numbers."""
    return re.sub("[0Aa]+", "A", form)


class Forms:
    """The forms of all keys of one side."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Count them."""
        exact: Counter[str] = Counter()
        for key in keys:
            exact[key.translate(_SIGNS)] += 1
            if len(exact) > 64 * _MOST_EXACT:  # of long texts there may be as many as there are keys
                exact = Counter(dict(exact.most_common(2 * _MOST_EXACT)))
                self._free = True
        self.commonest = commonest(exact)
        self._levels: tuple[frozenset[str], ...] = ()
        every = frozenset(exact)
        if not getattr(self, "_free", False):
            runs, words = frozenset(map(_runs, every)), frozenset(map(_words, every))
            self._levels = (every, runs, words)

    def strange(self, key: str) -> bool:
        """Return whether no key is written so; False where keys are written in too many ways to tell, or are none."""
        if not self._levels or not self._levels[0]:
            return False
        exact, runs, words = self._levels
        form = form_of(key)
        if len(exact) <= _MOST_EXACT:
            return form not in exact and not self._grown(key, form)
        if len(runs) <= _MOST_EXACT:
            return _runs(form) not in runs
        return len(words) <= _MOST_EXACT and _words(form) not in words

    def _grown(self, key: str, form: str) -> bool:
        """Return whether it is a number with one digit more, as after 9999: no other form."""
        for run in re.finditer("0+", form):
            begin, end = run.span()
            if end - begin > 1 and key[begin] != "0" and form[:begin] + form[begin + 1 :] in self._levels[0]:
                return True
        return False


def commonest(forms: Counter[str]) -> tuple[str, ...]:
    """Return the commonest forms for people, the more frequent first."""
    ordered = sorted(forms.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN]
    return tuple(printable(form) if len(form) <= _LONGEST else f"{printable(form[:_LONGEST])}…" for form, _ in ordered)
