"""Compares what a database has beside rows with the facts of its backup: by class, name and definition. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_NAMED = 12
_NAMED_OF_A_CLASS = 3
EARLIER = "the facts in the manifest do not know of this: made by an earlier drp, make them again"


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one when the value is none."""
    return value if isinstance(value, dict) else {}


def listed(said: Sequence[str]) -> str:
    """Return the first of many, and how many more there are."""
    more = f"; and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
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
        yield f"{kind}: {len(found)}, had {len(wanted)}; {missing}: {_some(lacking)}"
    if compared and (changed := sorted(one for one in wanted.keys() & found.keys() if wanted[one] != found[one])):
        yield f"{kind} with another definition: {_some(changed)}"


def added(kind: str, wanted: Mapping[str, object], found: Mapping[str, object]) -> Iterator[str]:
    """Yield which objects of one class the facts do not have."""
    if extra := sorted(found.keys() - wanted.keys()):
        yield f"{kind} that were not there at backup time: {_some(extra)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_OF_A_CLASS} more" if len(names) > _NAMED_OF_A_CLASS else ""
    return ", ".join(names[:_NAMED_OF_A_CLASS]) + more
