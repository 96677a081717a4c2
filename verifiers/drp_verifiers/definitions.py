"""Compares what a database has beside rows with the facts of its backup: by class, name and definition. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from drp.domain.phrase import Phrase, fact, joined
from drp_verifiers.kinds import kind_words

_NAMED_OF_A_CLASS = 3
EARLIER = fact(
    "facts-of-earlier-drp", "the facts in the manifest do not know of this: made by an earlier drp, make them again"
)


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one when the value is none."""
    return value if isinstance(value, dict) else {}


def differences(
    kind: str,
    wanted: Mapping[str, object],
    found: Mapping[str, object],
    *,
    compared: bool = True,
    only_valid: bool = False,
) -> Iterator[Phrase]:
    """Yield which objects of one class are missing or otherwise defined; values are digests of definitions.

    ``compared`` False: definitions cannot be compared, as those of another version of the server. ``only_valid``: what
    was found are the valid ones, so that what is missing may be there and not be valid.
    """
    if lacking := sorted(wanted.keys() - found.keys()):
        had = {"kind": kind_words(kind), "found": len(found), "wanted": len(wanted), "lacking": _some(lacking)}
        if only_valid:
            yield fact(
                "objects-missing-or-not-valid", "{kind}: {found}, had {wanted}; missing or not valid: {lacking}", **had
            )
        else:
            yield fact("objects-missing", "{kind}: {found}, had {wanted}; missing: {lacking}", **had)
    if compared and (changed := sorted(one for one in wanted.keys() & found.keys() if wanted[one] != found[one])):
        yield fact(
            "objects-otherwise-defined",
            "{kind} with another definition: {changed}",
            kind=kind_words(kind),
            changed=_some(changed),
        )


def added(kind: str, wanted: Mapping[str, object], found: Mapping[str, object]) -> Iterator[Phrase]:
    """Yield which objects of one class the facts do not have."""
    if extra := sorted(found.keys() - wanted.keys()):
        yield fact(
            "objects-added",
            "{kind} that were not there at backup time: {extra}",
            kind=kind_words(kind),
            extra=_some(extra),
        )


def _some(names: Sequence[str]) -> Phrase:
    first = joined(names[:_NAMED_OF_A_CLASS], ", ")
    if len(names) <= _NAMED_OF_A_CLASS:
        return first
    return fact("some-and-more", "{first} and {n} more", first=first, n=len(names) - _NAMED_OF_A_CLASS)
