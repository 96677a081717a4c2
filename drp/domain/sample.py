"""A sample of a recovery point's files: what was drawn, and exactly what that can show. Pure.

The names of the files are not kept: whoever has the manifest draws the same ones by the same seed
(`drp manifest verify --sample N --seed SEED`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

ONE_IN = 1000
"""Of the share of corrupt files of which it is said with what chance a sample had met one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Files drawn by chance, each as likely as any other, without putting back."""

    manifest_id: str
    """Digest of the manifest whose files they are."""
    seed: str
    """Drawn by drp once the recovery point was chosen, so that nobody could know it before."""
    drawn: int
    population: int
    """Regular files of the manifest."""

    @property
    def chance(self) -> float:
        """Return with what probability it includes a corrupt file if one in a thousand is corrupt, rounded up."""
        return seen_with(self.population, self.drawn, math.ceil(self.population / ONE_IN))


def sample_size(wanted: int, population: int) -> int:
    """Return how many of so many files are drawn where so many are wanted."""
    return min(wanted, population)


def seen_with(population: int, drawn: int, bad: int) -> float:
    """Return the probability that ``drawn`` of ``population`` files include one of ``bad`` corrupt ones.

    Hypergeometric: 1 - C(N-D, n) / C(N, n) (Cochran, Sampling Techniques, 3rd ed., §3.6; the same bound is known from
    provable data possession, Ateniese et al., CCS 2007, §5).
    """
    if bad <= 0 or drawn <= 0:
        return 0.0
    if drawn + bad > population:
        return 1.0
    unseen = log_choose(population - bad, drawn) - log_choose(population, drawn)
    return -math.expm1(unseen)


def log_choose(whole: int, part: int) -> float:
    """Return the natural logarithm of a binomial coefficient."""
    return math.lgamma(whole + 1) - math.lgamma(part + 1) - math.lgamma(whole - part + 1)
