"""A union of dataclasses that say themselves which of them they are: whoever reads one need not try each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, get_args


@dataclass(frozen=True, slots=True)
class TaggedBy:
    """Beside a union in ``Annotated``: the field, a `Literal` with a default in every member, that tells them apart.

    To try each member in turn takes several times as long, and journals are long.
    """

    field: str

    def __get_pydantic_core_schema__(self, union: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return how pydantic reads and writes the union: by its protocol, which needs nothing of it here."""
        return {
            "type": "tagged-union",
            "discriminator": self.field,
            "choices": {self._tag_of(member): handler(member) for member in get_args(union)},
        }

    def _tag_of(self, member: Any) -> str:
        return str(next(field.default for field in fields(member) if field.name == self.field))
