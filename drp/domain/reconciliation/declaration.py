"""What must agree between applications, declared as data: records, references between them, numbers in use.

A plan carries it. `reconcile.py` judges what was read; nothing here knows how records are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from drp.domain.application import Application
from drp.domain.reconciliation.preparation import Condition, KeyException, Merges, Normalisation


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOf:
    """One field of a set of records."""

    records: str
    field: str

    def __str__(self) -> str:
        """Return it as the plan writes it."""
        return f"{self.records}.{self.field}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSource:
    """A set of records of one application, and how a verifier reads them inside its sandbox."""

    name: str
    application: str
    reader: str
    """Name of a verifier that reads records."""
    options: Mapping[str, object] = field(default_factory=dict)
    """What the reader takes; what is left out is as the application's own check with that verifier says."""
    assume_utc: bool = False
    """Take instants without a zone as UTC; otherwise such records cannot be judged."""
    zone: str = ""
    """Or the time zone of such instants."""
    timeout: timedelta = timedelta(minutes=5)
    where: tuple[Condition, ...] = ()
    """Which of its records count; every condition must hold."""
    normalise: Mapping[str, Normalisation] = field(default_factory=dict)
    """Field → the form in which its values are compared."""
    title: str = ""
    """What people call its records, such as laboratory results; empty: by its name."""

    def completed_by(self, application: Application) -> RecordSource:
        """Return it with what the application's own check with that verifier says where its options say nothing."""
        own = next((check for check in application.checks if check.verifier == self.reader), None)
        return self if own is None else replace(self, options={**own.options, **self.options})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A key of one application that must exist in another."""

    name: str
    source: FieldOf
    """Holds the key."""
    target: FieldOf
    """Where it must exist."""
    both_ways: bool = False
    """Every key of the target must be held by the source, too."""
    same: Mapping[str, str] = field(default_factory=dict)
    """Field of the source → field of the target that must be equal where the keys are: the patient."""
    tolerate: int = 0
    """So many dangling keys each way the hospital accepts to enter again: a warning."""
    required: bool = False
    """A record without a key dangles; otherwise it is passed over."""
    personal: bool = False
    """The key identifies a patient: nothing but the beginning of its digest is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Numbers that one application issues and others keep: the next one must not be in use."""

    name: str
    issued_by: FieldOf
    """The next number: a set of one record."""
    used_in: tuple[FieldOf, ...]
    prefix: str = ""
    """Before the number in every key; what does not begin like this was not issued here."""
    suffix: str = ""
    below: int | None = None
    """Numbers from here on were not issued here."""
    bump: str = ""
    """What to run before anybody works with the application; ``{next}`` stands for the first free number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Everything that must agree between the applications of a drill."""

    records: tuple[RecordSource, ...]
    references: tuple[Reference, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    exceptions: tuple[KeyException, ...] = ()
    merges: tuple[Merges, ...] = ()

    def application_of(self, place: FieldOf) -> str:
        """Return the application whose records have the field."""
        return next(source.application for source in self.records if source.name == place.records)

    def fields_of(self, records: str) -> tuple[str, ...]:
        """Return the fields of a set that are needed, in the order in which readings give them."""
        return tuple(sorted({place.field for place in self._places() if place.records == records}))

    def among(self, applications: Collection[str]) -> Reconciliation | None:
        """Return what is left when only these applications are drilled; None when nothing is.

        A reference needs both of its applications, and those that tell of merges; a number its issuer and one place
        of use.
        """
        here = {source.name for source in self.records if source.application in applications}
        unmerged = {
            place for merge in self.merges if merge.records and merge.records not in here for place in merge.fields
        }
        kept = Reconciliation(
            records=self.records,
            references=tuple(
                reference
                for reference in self.references
                if reference.source.records in here
                and reference.target.records in here
                and not unmerged & {str(place) for place in _compared(reference)}
            ),
            exceptions=self.exceptions,
            merges=tuple(merge for merge in self.merges if not merge.records or merge.records in here),
            identifiers=tuple(
                replace(identifier, used_in=used)
                for identifier in self.identifiers
                if identifier.issued_by.records in here
                and (used := tuple(place for place in identifier.used_in if place.records in here))
            ),
        )
        needed = {place.records for place in kept._places()}
        if not needed:
            return None
        return replace(kept, records=tuple(source for source in self.records if source.name in needed))

    def _places(self) -> Iterable[FieldOf]:
        for reference in self.references:
            yield from _compared(reference)
        for identifier in self.identifiers:
            yield identifier.issued_by
            yield from identifier.used_in
        for merge in self.merges if self.references else ():
            for name in (merge.old, merge.new) if merge.records else ():
                yield FieldOf(records=merge.records, field=name)


def _compared(reference: Reference) -> Iterable[FieldOf]:
    """Yield every field that a reference compares."""
    yield reference.source
    yield reference.target
    for ours, theirs in reference.same.items():
        yield FieldOf(records=reference.source.records, field=ours)
        yield FieldOf(records=reference.target.records, field=theirs)
