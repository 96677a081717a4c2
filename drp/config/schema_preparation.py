"""What a drill's ``reconciliation`` may say of how records are made comparable."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from drp.config.lists import digest_of_list
from drp.config.schema import Strict
from drp.config.values import COLUMN_PATTERN, FIELD_PATTERN, Name, Text
from drp.domain.phrase import say
from drp.domain.reconciliation.preparation import (
    Condition,
    DeclaredList,
    KeyException,
    Merges,
    Normalisation,
    Replacement,
)

_MOST = 200
_LONGEST = 200

Value = Annotated[str, Field(max_length=_LONGEST)]
Some = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Column = Annotated[str, Field(pattern=COLUMN_PATTERN)]
FieldName = Annotated[str, Field(pattern=FIELD_PATTERN)]


class ConditionFile(Strict):
    """Which records of a set count."""

    field: Column
    """A field that the reader gives."""
    equals: list[Value] = Field(default_factory=list, max_length=_MOST)
    """It is one of these."""
    differs: list[Value] = Field(default_factory=list, max_length=_MOST, alias="not")
    """It is none of these."""
    like: Value = ""
    """It fits this pattern as a whole: `*` any text, `?` any character, `[…]` one of these."""
    unlike: Value = ""
    """It does not fit this one."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.equals or self.differs or self.like or self.unlike):
            raise ValueError(say("asks nothing: say `equals`, `not`, `like` or `unlike`"))
        return self


class ReplacementFile(Strict):
    """A regular expression, and what stands for each match."""

    pattern: Some
    """RE2's syntax (https://github.com/google/re2/wiki/Syntax): no lookaround and no references to groups."""
    by: Value = ""
    r"""What stands for each match; `\\1` is the first group."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        from drp.config.expressions import compiled  # noqa: PLC0415 - most sites have none, and it is loaded late

        compiled(self.pattern, self.by)
        return self


class NormalisationFile(Strict):
    """In which form the values of a field are compared. What is said is done in this order."""

    strip: Value = ""
    """Characters that are taken off both ends, beside blanks."""
    case: Literal["as-is", "upper", "lower"] = "as-is"
    """Letters are made upper or lower case."""
    prefix: list[Some] = Field(default_factory=list, max_length=_MOST)
    """The first of these that a value begins with is taken off."""
    regex: list[ReplacementFile] = Field(default_factory=list, max_length=20)
    """What is replaced."""
    zeros: Literal["as-is", "strip"] = "as-is"
    """strip: leading zeros are taken off."""
    pad: int = Field(default=0, ge=0, le=64)
    """Values of digits are filled up with leading zeros to so many."""

    def value(self) -> Normalisation:
        """Return it as a value."""
        return Normalisation(
            strip=self.strip,
            case=self.case,
            remove_prefixes=tuple(self.prefix),
            replace=tuple(Replacement(pattern=each.pattern, by=each.by) for each in self.regex),
            zeros=self.zeros,
            pad_to=self.pad,
        )


class MergesFile(Strict):
    """Patients that were merged: whoever keeps the old number means the new one."""

    name: Text
    """What it is called in reports."""
    listed_in: Text | None = Field(default=None, alias="file")
    """A file of the site with `old,new` a line."""
    records: Name | None = None
    """Or a set of records that tells them: by the restored system's own word, so a file kept elsewhere is stronger."""
    old: Column = "old"
    """Its field with the number that was given up."""
    new: Column = "new"
    """Its field with the one that stands for it."""
    fields: list[FieldName] = Field(min_length=1, max_length=_MOST)
    """Fields in which old numbers are taken for new ones, as `records.field`."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.listed_in is None) == (self.records is None):
            raise ValueError(say("say either `file` or `records`"))
        return self


class KeyExceptionFile(Strict):
    """Keys that lead nowhere for a reason that is known."""

    reference: Text
    """Name of the reference."""
    pattern: Some | None = None
    """Pattern that the whole normalised key fits: `*` any text, `?` any character, `[…]` one of these."""
    listed_in: Text | None = Field(default=None, alias="file")
    """Or a file of the site with one key a line."""
    reason: Text
    """Why they lead nowhere."""
    owner: Text
    """Who answers for that."""
    expires: date
    """The last day on which it counts, such as 2027-06-30: then somebody has to look again."""

    @field_validator("expires", mode="before")
    @classmethod
    def _a_day(cls, said: object) -> object:
        """Take a day as a text of YAML gives it."""
        return date.fromisoformat(said) if isinstance(said, str) else said

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.pattern is None) == (self.listed_in is None):
            raise ValueError(say("say either `pattern` or `file`"))
        return self


def condition(said: ConditionFile) -> Condition:
    """Return a condition as a value."""
    return Condition(
        field=said.field,
        equals=tuple(said.equals),
        differs=tuple(said.differs),
        like=said.like,
        unlike=said.unlike,
    )


def merges(said: MergesFile, site: Path) -> Merges:
    """Return merges as a value. Raises ConfigError where their file cannot be read."""
    return Merges(
        name=said.name,
        fields=tuple(said.fields),
        listed=_list(said.listed_in, site),
        records=said.records or "",
        old=said.old if said.records else "",
        new=said.new if said.records else "",
    )


def exception(said: KeyExceptionFile, site: Path) -> KeyException:
    """Return an exception as a value. Raises ConfigError where its file cannot be read."""
    return KeyException(
        reference=said.reference,
        pattern=said.pattern or "",
        listed=_list(said.listed_in, site),
        reason=said.reason,
        owner=said.owner,
        expires=said.expires,
    )


def _list(named: str | None, site: Path) -> DeclaredList | None:
    return DeclaredList(path=str(site / named), sha256=digest_of_list(site / named)) if named is not None else None
