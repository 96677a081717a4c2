"""What a drill's ``reconciliation`` says about the rest: sets that are declared, applications that are drilled."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path

from drp.config.document import Document, Place
from drp.config.lists import digest_of_list, lines_of
from drp.config.problems import Problem, suggestion, unknown
from drp.config.schema_drills import DrillFile
from drp.config.schema_reconciliation import ReconciliationFile, field_of
from drp.config.validate import said_by
from drp.domain.phrase import NOTHING, Day, Phrase, say
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.preparation import DeclaredList
from drp.errors import ConfigError
from drp.registry import Registry

_AT = "reconciliation"


def cross_check_reconciliation(drill: DrillFile, document: Document) -> Iterator[Problem]:
    """Yield every reference to a set or an application that the drill does not have, and every name given twice."""
    said = drill.reconciliation
    if said is None:
        return
    drilled = [entry if isinstance(entry, str) else entry.application for entry in drill.recoveries]
    yield from _records(said, document, drilled)
    for index, reference in enumerate(said.references):
        place: Place = (_AT, "references", index)
        for key, text in (("from", reference.source), ("to", reference.target)):
            yield from _set(said, document, (*place, key), text)
        ends = [said.records.get(field_of(text).records) for text in (reference.source, reference.target)]
        if reference.source == reference.target:
            yield document.problem((*place, "to"), say("refers to itself"))
        elif None not in ends and field_of(reference.source).records == field_of(reference.target).records:
            message = say("stays within one set of records: references lead to another")
            yield document.problem((*place, "to"), message)
    for index, identifier in enumerate(said.identifiers):
        place = (_AT, "identifiers", index)
        yield from _set(said, document, (*place, "issued_by"), identifier.issued_by)
        for number, text in enumerate(identifier.used_in):
            yield from _set(said, document, (*place, "used_in", number), text)
    yield from _prepared(said, document)
    yield from _twice(said, document)
    yield from _merges(said, document)
    yield from _exceptions(said, document)


def _merges(said: ReconciliationFile, document: Document) -> Iterator[Problem]:
    """Yield merges of what is not there, and sets that would have to be read before themselves."""
    tell = {merge.records for merge in said.merges}
    read = _fields_read(said)
    for index, merge in enumerate(said.merges):
        place: Place = (_AT, "merges", index)
        if merge.records is not None and merge.records not in said.records:
            yield document.problem((*place, "records"), unknown("records", merge.records, said.records))
        for number, text in enumerate(merge.fields):
            yield from _set(said, document, (*place, "fields", number), text)
            records, column = field_of(text).records, field_of(text).field
            if records in said.records and column not in (known := sorted(read.get(records, ()))):
                message = say("nothing compares `{field}`; {guess}", field=text, guess=suggestion(column, known))
                yield document.problem((*place, "fields", number), message)
            if field_of(text).records in tell:
                message = say(
                    "`{records}` tells merges itself, and is read before any is known", records=field_of(text).records
                )
                yield document.problem((*place, "fields", number), message)


def _prepared(said: ReconciliationFile, document: Document) -> Iterator[Problem]:
    """Yield forms of fields that nothing reads: they would change nothing, and nobody would see it."""
    read = _fields_read(said)
    for name, records in said.records.items():
        for column in records.normalise:
            if column not in (known := sorted(read.get(name, ()))):
                guess = suggestion(column, known)
                message = say("nothing compares `{field}`; {guess}", field=f"{name}.{column}", guess=guess)
                yield document.problem((_AT, "records", name, "normalise", column), message)


def _fields_read(said: ReconciliationFile) -> dict[str, set[str]]:
    """Return by set of records the fields that references, numbers and merges need."""
    read: dict[str, set[str]] = {}
    places = [text for each in said.references for text in (each.source, each.target)]
    places += [text for each in said.identifiers for text in (each.issued_by, *each.used_in)]
    for reference in said.references:
        ends = (field_of(reference.source).records, field_of(reference.target).records)
        for fields in reference.same.items():
            places += [f"{records}.{column}" for records, column in zip(ends, fields, strict=True)]
    places += [f"{each.records}.{column}" for each in said.merges for column in (each.old, each.new) if each.records]
    for text in places:
        read.setdefault(field_of(text).records, set()).add(field_of(text).field)
    return read


def _exceptions(said: ReconciliationFile, document: Document) -> Iterator[Problem]:
    names = [reference.name for reference in said.references]
    for index, exception in enumerate(said.exceptions):
        if exception.reference not in names:
            message = say(
                "there is no reference `{name}`; {guess}",
                name=exception.reference,
                guess=suggestion(exception.reference, names),
            )
            yield document.problem((_AT, "exceptions", index, "reference"), message)


def cross_check_lists(drills: Collection[tuple[DrillFile, Document]], site: Path) -> Iterator[Problem]:
    """Yield every file of exceptions or merges that cannot be read."""
    for drill, document in drills:
        said = drill.reconciliation
        if said is None:
            continue
        listed: list[tuple[str, int, str | None]] = []
        listed += [("merges", at, each.listed_in) for at, each in enumerate(said.merges)]
        listed += [("exceptions", at, each.listed_in) for at, each in enumerate(said.exceptions)]
        for kind, index, named in listed:
            if named is not None and not (site / named).resolve().is_relative_to(site.resolve()):
                yield document.problem((_AT, kind, index, "file"), say("{path} lies outside of the site", path=named))
            elif named is not None and (problem := _unreadable(site / named)):
                yield document.problem((_AT, kind, index, "file"), problem)


def reconciliation_advice(said: Reconciliation | None, today: date) -> Iterator[Phrase]:
    """Yield exceptions that count no more on a day (UTC)."""
    for exception in said.exceptions if said is not None else ():
        if exception.expires < today:
            yield say(
                "reconciliation: the exception {name} of `{reference}` expired on {day}, and counts no more: "
                "ask {owner}",
                name=exception.name,
                reference=exception.reference,
                day=Day(datetime.combine(exception.expires, time(), UTC)),
                owner=exception.owner,
            )


def _unreadable(path: Path) -> Phrase:
    try:
        lines_of(DeclaredList(path=str(path), sha256=digest_of_list(path)))
    except ConfigError as error:
        return said_by(error)
    return NOTHING


def _records(said: ReconciliationFile, document: Document, drilled: Collection[str]) -> Iterator[Problem]:
    readers = set(Registry[object]("drp.verifiers", say("verifier")).names())
    for name, records in said.records.items():
        place: Place = (_AT, "records", name)
        if records.application not in drilled:
            message = say(
                "the drill does not recover `{application}`; {guess}",
                application=records.application,
                guess=suggestion(records.application, drilled),
            )
            yield document.problem((*place, "application"), message)
        if records.reader not in readers:
            yield document.problem((*place, "reader"), unknown("verifier", records.reader, readers))


def _set(said: ReconciliationFile, document: Document, place: Place, text: str) -> Iterator[Problem]:
    name = field_of(text).records
    if name not in said.records:
        yield document.problem(place, unknown("records", name, said.records))


def _twice(said: ReconciliationFile, document: Document) -> Iterator[Problem]:
    """Yield names that are given twice: results are told apart by them."""
    seen: set[str] = set()
    names: list[tuple[str, int, str]] = [("references", at, item.name) for at, item in enumerate(said.references)]
    names += [("identifiers", at, item.name) for at, item in enumerate(said.identifiers)]
    names += [("merges", at, item.name) for at, item in enumerate(said.merges)]
    for kind, index, name in names:
        if name in seen:
            yield document.problem((_AT, kind, index, "name"), say("`{name}` stands above already", name=name))
        seen.add(name)
