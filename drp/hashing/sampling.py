"""Which files a sampled verification looks at, and exactly what that proves.

Three draws. *Simple*: n of N files without replacement, by Floyd's algorithm (Bentley and Floyd, CACM 30(9), 1987)
over numbers from SHAKE256 of the seed. *Stratified*: the same within classes of size and age, so that rare kinds are
seen. *Rotating*: file f belongs to class H(key, path) mod K, and drill d looks at class d mod K: every file is seen
once in K drills, and without the key nobody can tell when. Files are drawn, not directories: corruption that clumps
is then no harder to see than corruption that is spread.
"""

from __future__ import annotations

import hashlib
import math
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drp.domain.phrase import Phrase, count, counted, fact, say
from drp.domain.sample import log_choose, seen_with
from drp.errors import UsageError
from drp.manifests.layout import FIXED, Group

_PERSON = b"drp-rotation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is to be looked at: a share or a number of files, or one class of a rotation."""

    files: int = 0
    share: float = 0.0
    rotation: int = 0
    """K: every file is looked at once in so many drills."""
    turn: int = 0
    """Which drill of the rotation this is."""
    stratified: bool = False
    seed: str = ""

    def count(self, population: int) -> int:
        """Return how many of so many files are drawn."""
        return min(population, max(1, self.files or math.ceil(self.share * population)))


def parse_sample(text: str, *, seed: str, stratified: bool = False) -> Sample:
    """Return the sample that a user asks for: ``1%``, ``3000``, or ``3/26`` (the third class of twenty-six).

    Raises ``UsageError``.
    """
    wrong = UsageError(
        say("not a sample: {text}", text=repr(text)), hint="say a share (1%), a number of files (3000) or a turn (3/26)"
    )
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if not 0 < share <= 1:
                raise wrong
            return Sample(share=share, seed=seed, stratified=stratified)
        if "/" in text:
            turn, rotation = (int(part) for part in text.split("/"))
            if not 1 <= turn <= rotation:
                raise wrong
            return Sample(rotation=rotation, turn=turn - 1, seed=seed)
        if int(text) < 1:
            raise wrong
        return Sample(files=int(text), seed=seed, stratified=stratified)
    except ValueError as error:
        raise wrong from error


class Numbers:
    """Uniform numbers from a seed, the same on every machine: SHAKE256 in counter mode, by rejection."""

    def __init__(self, seed: str) -> None:
        """Start the stream of this seed."""
        self._seed, self._counter, self._block = seed.encode(), 0, b""

    def below(self, limit: int) -> int:
        """Return the next number in [0, limit)."""
        ceiling = (1 << 64) - (1 << 64) % limit
        while True:
            if not self._block:
                text = self._seed + b"\0" + self._counter.to_bytes(8, "big")
                self._block = hashlib.shake_256(text).digest(4096)
                self._counter += 1
            number, self._block = int.from_bytes(self._block[:8], "big"), self._block[8:]
            if number < ceiling:
                return number % limit


def draw(population: int, count: int, seed: str) -> list[int]:
    """Return ``count`` different numbers below ``population``, ascending; every such set is equally likely."""
    numbers, chosen = Numbers(seed), set[int]()
    for last in range(population - count, population):
        number = numbers.below(last + 1)
        chosen.add(last if number in chosen else number)
    return sorted(chosen)


def file_names(groups: Iterable[Group], ordinals: Sequence[int]) -> Iterator[tuple[Group, list[bytes]]]:
    """Yield groups with the names of their regular files whose numbers within the frame are given, ascending."""
    number, wanted = 0, set(ordinals)
    for group in groups:
        names = []
        for name, (mode, _, _) in zip(group.names, FIXED.iter_unpack(group.fixed), strict=True):
            if stat.S_ISREG(mode):
                if number in wanted:
                    names.append(name)
                number += 1
        if names:
            yield group, names


def rotation_names(
    groups: Iterable[Group], key: bytes, rotation: int, turn: int
) -> Iterator[tuple[Group, list[bytes]]]:
    """Yield groups with the names of their regular files that are in this turn's class."""
    for group in groups:
        names = [
            name
            for name, (mode, _, _) in zip(group.names, FIXED.iter_unpack(group.fixed), strict=True)
            if stat.S_ISREG(mode) and rotation_class(key, group.path(name), rotation) == turn
        ]
        if names:
            yield group, names


def rotation_class(key: bytes, path: bytes, rotation: int) -> int:
    """Return the class of a file: keyed BLAKE2b-64 of its path, modulo the number of classes."""
    return int.from_bytes(hashlib.blake2b(path, digest_size=8, key=key, person=_PERSON).digest(), "big") % rotation


def rotation_key(seed: str) -> bytes:
    """Return the key that a rotation's seed gives; keep the seed from whoever could damage the backup."""
    return hashlib.blake2b(seed.encode(), digest_size=32, person=_PERSON).digest()


def stratum(size: int, mtime_ns: int) -> tuple[int, int]:
    """Return the class of size (powers of sixteen from 4 KiB) and of age (year of last change, about) of a file."""
    return max(0, (size >> 12).bit_length() + 3) // 4, mtime_ns // (31_556_952 * 1_000_000_000)


def rate_below(population: int, drawn: int, failures: int, confidence: float = 0.95) -> float:
    """Return the corrupt share that the sample bounds from above, one-sided (Clopper and Pearson, Biometrika 1934)."""
    if failures >= drawn:
        return 1.0
    if drawn == population:
        return failures / population
    low, high = failures / drawn, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _binomial_at_most(failures, drawn, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def sentence(population: int, drawn: int, failures: int, seed: str) -> Phrase:
    """Return what a sampled verification proved, exactly, in a sentence for the report.

    Nothing found: 1 - C(N-D, n) / C(N, n) with D the smallest number of files that is 0.1 % of N or more, see
    `seen_with`. Something found: the one-sided bound of Clopper and Pearson at 95 %, see `rate_below`. ``failures``
    are files, not departures: a file may depart in several ways.
    """
    head = fact("sample-drawn", "{drawn} of {files}, seed {seed}", drawn=drawn, files=_files(population), seed=seed)
    if failures:
        return counted(
            "sample-departs",
            "{head}: {n} was not as recorded; with 95 % confidence at most {bound} of all are not",
            "{head}: {n} were not as recorded; with 95 % confidence at most {bound} of all are not",
            failures,
            head=head,
            bound=f"{rate_below(population, drawn, failures):.4%}",
        )
    per_mille = math.ceil(population / 1000)
    return fact(
        "sample-as-recorded",
        "{head}: if 0.1 % were corrupt ({few}) we would have seen it with {chance}",
        head=head,
        few=_files(per_mille),
        chance=_percent(seen_with(population, drawn, per_mille)),
    )


def _files(number: int) -> Phrase:
    return count("{n} file", "{n} files", number)


def _percent(chance: float) -> Phrase:
    if chance == 1.0:
        return say("certainty")
    return say("more than 99.99 %") if chance > 0.9999 else say("{percent} %", percent=f"{chance * 100:.1f}")


def _binomial_at_most(failures: int, drawn: int, rate: float) -> float:
    if rate >= 1.0:
        return 0.0
    logs = [
        log_choose(drawn, count) + (count * math.log(rate) if count else 0.0) + (drawn - count) * math.log1p(-rate)
        for count in range(failures + 1)
    ]
    return math.fsum(math.exp(value) for value in logs)
