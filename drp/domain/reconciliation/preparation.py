"""How records are made comparable, as declared: which count, in which form, under which patient, and what is excepted.

Values only. Conditions and forms are applied by the RecordReader adapter, merges by `Collected`, exceptions by `judge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Which records of a set count: those whose field is one of, or is not; every condition of a set must hold.

    Values are compared as the reader gives them, stripped and before any normalisation.
    """

    field: str
    equals: tuple[str, ...] = ()
    """One of these; empty: not asked."""
    differs: tuple[str, ...] = ()
    """None of these."""
    like: str = ""
    """Shell pattern (``*``, ``?``, ``[…]``) that the whole value fits, case counted."""
    unlike: str = ""
    """One that it does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A regular expression (RE2's syntax: linear in time) and what stands for each match."""

    pattern: str
    by: str = ""
    r"""``\1`` is the first group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """What is done to the values of one field before they are compared, in this order."""

    strip: str = ""
    """Characters taken off both ends, beside blanks."""
    case: Literal["as-is", "upper", "lower"] = "as-is"
    remove_prefixes: tuple[str, ...] = ()
    """The first of these that it begins with is taken off, once, unless nothing would be left."""
    replace: tuple[Replacement, ...] = ()
    zeros: Literal["as-is", "strip"] = "as-is"
    """strip: leading zeros of a value are taken off, as far as a digit follows."""
    pad_to: int = 0
    """A value of digits is filled with leading zeros up to so many; 0: not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredList:
    """A file of the site with one value, or two, a line; it is read once, and must have this digest then."""

    path: str
    """Absolute."""
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyException:
    """Keys that dangle for a known reason: counted and shown, and no fault until they expire."""

    reference: str
    """Name of the reference."""
    pattern: str = ""
    """Shell pattern that the whole normalised key fits."""
    listed: DeclaredList | None = None
    """Or a file with one key a line. Exactly one of the two."""
    reason: str
    owner: str
    expires: date
    """The last day (UTC) on which it counts."""

    @property
    def name(self) -> str:
        """Return what it is called: the pattern, or the file's path."""
        return self.pattern if self.listed is None else self.listed.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Merges:
    """Patients (or other keys) that were merged: the old value stands for the new one, through whole chains."""

    name: str
    fields: tuple[str, ...]
    """``records.field`` of every field in which old values are taken for the new ones, after normalisation."""
    listed: DeclaredList | None = None
    """A file with ``old,new`` a line."""
    records: str = ""
    """Or a set of records, read before the others. Exactly one of the two."""
    old: str = ""
    new: str = ""
    """Fields of that set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the judge has to know beside what was read."""

    point_in_time: frozenset[str] = frozenset()
    """Applications that can be rolled to an instant."""
    restored_at: Mapping[str, int] = field(default_factory=dict)
    """Application → the instant of its restored state, in microseconds since 1970; without those nobody knows."""
    today: date
    """The day (UTC) of the drill's declaration: what has expired by then does not count."""
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Path of an exception's file → its keys."""
    clocks: int = 2 * 60 * 1_000_000
    """Microseconds by which two applications' clocks may differ: so close to a border nobody can call a key old."""
