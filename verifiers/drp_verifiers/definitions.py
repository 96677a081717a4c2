"""Compares what a database has beside rows with the facts of its backup: by class, name and definition. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from drp.domain.phrase import fact

_NAMED = 12
_NAMED_OF_A_CLASS = 3
EARLIER = "the facts in the manifest do not know of this: made by an earlier drp, make them again"


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one when the value is none."""
    return value if isinstance(value, dict) else {}


def listed(said: Sequence[str]) -> str:
    """Return the first of many, and how many more there are."""
    more = fact("definitions-more", "; and {n} more", n=len(said) - _NAMED) if len(said) > _NAMED else ""
    return "; ".join(said[:_NAMED]) + more


def differences(
    kind: str,
    wanted: Mapping[str, object],
    found: Mapping[str, object],
    *,
    compared: bool = True,
    missing: str = "missing",
) -> Iterator[str]:
    """Yield which objects of one class are missing or otherwise defined; values are digests of definitions.

    ``compared`` False: definitions cannot be compared, as those of another version of the server.
    """
    if lacking := sorted(wanted.keys() - found.keys()):
        yield fact(
            "had",
            "{kind}: {n}, had {n2}; {missing}: {lacking}",
            kind=kind,
            n=len(found),
            n2=len(wanted),
            missing=missing,
            lacking=_some(lacking),
        )
    if compared and (changed := sorted(one for one in wanted.keys() & found.keys() if wanted[one] != found[one])):
        yield fact(
            "with-another-definition", "{kind} with another definition: {changed}", kind=kind, changed=_some(changed)
        )


def added(kind: str, wanted: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    """Yield which objects of one class the facts do not have."""
    if extra := sorted(found.keys() - wanted.keys()):
        yield fact(
            "definitions-not-there-backup-time",
            "{kind} that were not there at backup time: {extra}",
            kind=kind,
            extra=_some(extra),
        )


def _some(names: Sequence[str]) -> str:
    more = fact("more", " and {n} more", n=len(names) - _NAMED_OF_A_CLASS) if len(names) > _NAMED_OF_A_CLASS else ""
    return ", ".join(names[:_NAMED_OF_A_CLASS]) + more
