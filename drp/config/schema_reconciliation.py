"""What the key ``reconciliation`` of a drill may say: records, references between them, numbers in use."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from drp.config.schema import Strict
from drp.config.schema_preparation import (
    ConditionFile,
    KeyExceptionFile,
    MergesFile,
    NormalisationFile,
    condition,
    exception,
    merges,
)
from drp.config.values import COLUMN_PATTERN, FIELD_PATTERN, Duration, Name, Text
from drp.domain.local_time import require_one_zone
from drp.domain.phrase import say
from drp.domain.reconciliation.declaration import FieldOf, Identifier, Reconciliation, RecordSource, Reference

_MOST = 200

FieldName = Annotated[str, Field(pattern=FIELD_PATTERN)]
"""``records.field``."""
Column = Annotated[str, Field(pattern=COLUMN_PATTERN)]


class RecordsFile(Strict):
    """A set of records of one application, and how they are read inside its sandbox."""

    application: Name
    """One of the drill's applications."""
    reader: Text
    """A verifier that reads records: postgres, mariadb, sqlite, orthanc, gnuhealth."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the reader takes; what is left out is as the application's own check with that verifier says."""
    assume_utc: bool = False
    """Take instants (the field `at`) without a zone as UTC; otherwise such records cannot be judged."""
    zone: str = ""
    """Or the time zone of instants without one, such as `Europe/Paris`: of two that fit, the older counts."""
    timeout: Duration = timedelta(minutes=5)
    """After which the set was not read."""
    where: list[ConditionFile] = Field(default_factory=list, max_length=_MOST)
    """Which of its records count: every condition must hold."""
    normalise: dict[Column, NormalisationFile] = Field(default_factory=dict)
    """Field → in which form its values are compared."""
    title: Text = ""
    """What people call these records: `laboratory results`. Reports say so; left out: the set's name."""

    @model_validator(mode="after")
    def _one_zone(self) -> Self:
        require_one_zone(self.zone, assume_utc=self.assume_utc)
        return self


class ReferenceFile(Strict):
    """A key of one application that must exist in another."""

    name: Text
    """What it is called in reports, such as `result has its order`."""
    source: FieldName = Field(alias="from")
    """Field that holds the key, as `records.field`."""
    target: FieldName = Field(alias="to")
    """Field in which every key must exist."""
    both_ways: bool = False
    """Every key of `to` must also exist in `from`."""
    same: dict[Column, Column] = Field(default_factory=dict)
    """Field of `from` that must equal a field of `to` where the keys are equal: the patient."""
    tolerate: int = Field(default=0, ge=0)
    """So many dangling keys each way the hospital accepts to enter again: a warning."""
    required: bool = False
    """A record without a key dangles; otherwise it is passed over."""
    personal: bool = False
    """The key identifies a patient: nothing but the beginning of its digest is shown."""


class IdentifierFile(Strict):
    """Numbers that one application issues and others keep."""

    name: Text
    """What it is called in reports, such as `accession numbers`."""
    issued_by: FieldName
    """Field with the number that comes next, in a set of exactly one record."""
    used_in: list[FieldName] = Field(min_length=1, max_length=_MOST)
    """Fields in which such numbers are used."""
    prefix: str = Field(default="", max_length=64)
    """Before the number in every key; keys that begin otherwise were not issued here."""
    suffix: str = Field(default="", max_length=64)
    """After the number in every key."""
    below: int | None = Field(default=None, ge=1)
    """Numbers from here on were not issued here."""
    bump: str = Field(default="", max_length=2000)
    """What to run when numbers would be issued again; `{next}` stands for the first free number."""


class ReconciliationFile(Strict):
    """What must agree between the applications of a drill."""

    records: dict[Name, RecordsFile] = Field(min_length=1, max_length=_MOST)
    """Sets of records by name."""
    references: list[ReferenceFile] = Field(default_factory=list, max_length=_MOST)
    """Keys of one application that must exist in another."""
    identifiers: list[IdentifierFile] = Field(default_factory=list, max_length=_MOST)
    """Numbers that must not be issued again."""
    merges: list[MergesFile] = Field(default_factory=list, max_length=_MOST)
    """Patients that were merged."""
    exceptions: list[KeyExceptionFile] = Field(default_factory=list, max_length=_MOST)
    """Keys that lead nowhere for a reason that is known."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.references and not self.identifiers:
            raise ValueError(say("compares nothing: declare `references` or `identifiers`"))
        return self


def field_of(text: str) -> FieldOf:
    """Return ``records.field`` in its parts."""
    records, _, name = text.partition(".")
    return FieldOf(records=records, field=name)


def record_sources(said: ReconciliationFile) -> tuple[RecordSource, ...]:
    """Return the sets of records as values."""
    return tuple(
        RecordSource(
            name=name,
            application=records.application,
            reader=records.reader,
            options=records.options,
            assume_utc=records.assume_utc,
            zone=records.zone,
            timeout=records.timeout,
            where=tuple(map(condition, records.where)),
            normalise={field: each.value() for field, each in records.normalise.items()},
            title=records.title,
        )
        for name, records in said.records.items()
    )


def reconciliation(said: ReconciliationFile, site: Path) -> Reconciliation:
    """Return the declaration for a plan. Everything was checked before: only a list that has gone since can fail."""
    return Reconciliation(
        records=record_sources(said),
        references=tuple(
            Reference(
                name=reference.name,
                source=field_of(reference.source),
                target=field_of(reference.target),
                both_ways=reference.both_ways,
                same=reference.same,
                tolerate=reference.tolerate,
                required=reference.required,
                personal=reference.personal,
            )
            for reference in said.references
        ),
        identifiers=tuple(
            Identifier(
                name=identifier.name,
                issued_by=field_of(identifier.issued_by),
                used_in=tuple(map(field_of, identifier.used_in)),
                prefix=identifier.prefix,
                suffix=identifier.suffix,
                below=identifier.below,
                bump=identifier.bump,
            )
            for identifier in said.identifiers
        ),
        merges=tuple(merges(each, site) for each in said.merges),
        exceptions=tuple(exception(each, site) for each in said.exceptions),
    )
