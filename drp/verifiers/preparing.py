"""Makes records comparable, as declared: which of them count, and in which form their values are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from drp.config.expressions import compiled
from drp.domain.phrase import NOTHING, Phrase, fact
from drp.domain.reconciliation.declaration import RecordSource
from drp.domain.reconciliation.normal_form import Notations, normal
from drp.domain.reconciliation.preparation import Condition, Normalisation

_REMEMBERED = 1 << 14

Values = tuple[str, ...]


class Preparation:
    """What a set of records goes through between its reader and the judge."""

    def __init__(self, source: RecordSource, fields: Sequence[str]) -> None:
        """Take the set, and the fields that are wanted of it."""
        self.fields = (*fields, *(each.field for each in source.where if each.field not in fields))
        """What each record has to have: what is wanted, then what only conditions ask for."""
        self._wanted = len(fields)
        self._conditions = [(self.fields.index(each.field), each) for each in source.where]
        normalise = source.normalise
        self._forms = [(at, form_of(normalise[name])) for at, name in enumerate(fields) if name in normalise]
        self._notations = [Notations() for _ in self._forms]
        self.read = self.counted = 0
        """Records that were read, and those that count."""

    def prepared(self, values: Values) -> Values | None:
        """Return what is wanted of a record in the form in which it is compared; None: it does not count."""
        self.read += 1
        if any(not holds(condition, values[at]) for at, condition in self._conditions):
            return None
        self.counted += 1
        if not self._forms:
            return values[: self._wanted]
        after = list(values[: self._wanted])
        for number, (at, form) in enumerate(self._forms):
            after[at] = form(values[at])
            self._notations[number].note(values[at], after[at])
        return tuple(after)

    def trouble(self) -> Phrase:
        """Return why what came of it tells nothing; empty: it does."""
        if self.read and not self.counted:
            return fact(
                "none-records-passes-where",
                "none of {read} records passes `where`, so nothing was compared",
                read=self.read,
            )
        for (at, _), notations in zip(self._forms, self._notations, strict=True):
            if told := notations.merged:
                return fact(
                    "normalise-makes-the-same",
                    "`normalise` makes {values} {field} the same, so nothing was compared",
                    values=told,
                    field=self.fields[at],
                )
        return NOTHING


def holds(condition: Condition, value: str) -> bool:
    """Return whether a value fulfils a condition."""
    return not (
        (condition.equals and value not in condition.equals)
        or value in condition.differs
        or (condition.like and not fnmatchcase(value, condition.like))
        or (condition.unlike and fnmatchcase(value, condition.unlike))
    )


def form_of(declared: Normalisation) -> Callable[[str], str]:
    """Return the function that brings a value into its declared form."""
    replacements = [compiled(each.pattern, each.by) for each in declared.replace]

    @lru_cache(maxsize=_REMEMBERED)
    def form(value: str) -> str:
        return normal(value, declared, replacements)

    return form
