"""Reads records for the reconciliation through verifiers that can: those with ``RecordOptions`` and ``records``.

Rows come in batches from a thread of the reader's own, so memory stays bounded and a reader that hangs does not hang
the drill. Nothing a reader does wrong is hidden: a set is read completely, or it is told why not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from drp.config.lists import lines_of
from drp.config.misfit import Misfit
from drp.domain.application import Application
from drp.domain.check import Expectation, Target
from drp.domain.local_time import local_instant
from drp.domain.phrase import NOTHING, Duration, Phrase, fact, joined, own_words, quoted, say, several
from drp.domain.progress import Cancelled
from drp.domain.reconciliation.collected import Row, microseconds
from drp.domain.reconciliation.declaration import RecordSource
from drp.domain.reconciliation.port import uncounted
from drp.domain.reconciliation.preparation import DeclaredList
from drp.errors import DrpError, Interrupted, PluginError
from drp.verifiers.answers import words_of
from drp.verifiers.loading import load
from drp.verifiers.options import read_options, unknown_key
from drp.verifiers.preparing import Preparation
from drp.verifiers.running import BoundedTarget

MOST_RECORDS = 50_000_000
"""Of one set, some 20 bytes of memory each for every key; more are not judged in part, but not at all."""
_BATCH = 2000
_WAITING = 4
"""Batches that may wait: what is read ahead is bounded."""
_LONGEST_TEXT = 128
_LONGEST_REASON = 400
_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.1
_STRIPPED = " \t\r\n\0"
"""DICOM pads with blanks and zeros."""


class Records:
    """The RecordReader port on the installed verifiers."""

    def __init__(self, sources: Iterable[tuple[RecordSource, Application]]) -> None:
        """Load what the sources name and check their options now. Raises PluginError: such a plan is refused."""
        for source, application in sources:
            problems = option_problems(source, application)
            if problems:
                listed = "\n".join(f"  {problem}" for problem in problems)
                message = say(
                    "records {name}: reader {reader} does not understand its options\n{listed}",
                    name=source.name,
                    reader=source.reader,
                    listed=listed,
                )
                raise PluginError(
                    message, hint=say("known are {reader}", reader=", ".join(_known(_reader(source.reader))))
                )

    def lines(self, listed: DeclaredList) -> tuple[str, ...]:
        """Return the lines of a file that the plan names. Raises ConfigError."""
        return lines_of(listed)

    def beside(self, source: RecordSource) -> bool:
        """Return whether its reader runs in the application's own sandbox, and not in a caller cell."""
        try:
            own = "beside" in _known(_reader(source.reader))
        except PluginError:
            return False
        return own and source.options.get("beside") is True

    def read(
        self,
        source: RecordSource,
        fields: Sequence[str],
        target: Target,
        *,
        expectation: Expectation,
        receive: Callable[[Row], None],
        cancelled: Cancelled,
        passed_over: Callable[[int], None] = uncounted,
    ) -> str:
        """Hand every record that counts to ``receive`` and return what went wrong, empty when nothing did."""
        try:
            reader = _reader(source.reader)
        except PluginError as error:
            return own_words(error.message)
        known = {name: value for name, value in source.options.items() if name in _known(reader)}
        options, problems = read_options(reader.RecordOptions, known)
        if problems:
            return words_of(joined([str(each) for each in problems]))
        deadline = time.monotonic() + expectation.timeout_seconds
        bounded = BoundedTarget(target, deadline)

        def rows() -> Iterator[Mapping[str, object]]:
            found: Iterator[Mapping[str, object]] = reader.records(bounded, options, expectation)
            return found

        preparation = Preparation(source, fields)

        def take(row: object) -> None:
            instant, values = _row(row, preparation.fields, zone="UTC" if source.assume_utc else source.zone)
            prepared = preparation.prepared(values)
            if prepared is not None:
                receive((instant, prepared))

        try:
            trouble = _pump(rows, bounded, take, cancelled)
        except ValueError as error:
            return words_of(_said(error))
        finally:
            bounded.over.set()
            passed_over(preparation.read - preparation.counted)
        if trouble is None:
            limit = Duration(int(expectation.timeout_seconds * 1000))
            return fact("not-read-within", "not read within {limit}", limit=limit)
        return trouble or preparation.trouble()


def option_problems(source: RecordSource, application: Application) -> tuple[Misfit, ...]:
    """Return what is wrong with a source's options, completed by its application's own check. Raises PluginError."""
    reader = _reader(source.reader)
    known = _known(reader)
    strangers = [name for name in source.options if name not in known]
    unknown = tuple(unknown_key((name,), known) for name in strangers)
    complete = source.completed_by(application).options
    rest = {name: value for name, value in complete.items() if name in known}
    return (*unknown, *read_options(reader.RecordOptions, rest)[1])


def _reader(name: str) -> Any:
    reader: Any = load([name])[name]
    if not dataclasses.is_dataclass(getattr(reader, "RecordOptions", None)) or not callable(reader.records):
        raise PluginError(
            say("verifier {name} cannot read records", name=name), hint="see `drp verifier list` for those that can"
        )
    return reader


def _known(reader: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(reader.RecordOptions))


def _pump(
    rows: Callable[[], Iterator[Mapping[str, object]]],
    target: BoundedTarget,
    take: Callable[[object], None],
    cancelled: Cancelled,
) -> str | None:
    """Take every row, and return what the reader came to; None: it did not come to an end in time."""
    batches: queue.Queue[list[Mapping[str, object]] | str] = queue.Queue(_WAITING)
    threading.Thread(target=_work, args=(rows, target, batches), name="records", daemon=True).start()
    count = 0
    while True:
        if cancelled():
            raise Interrupted("stopped while records were read")
        try:
            batch = batches.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if time.monotonic() > target.deadline + _GRACE_SECONDS:
                return None
            continue
        if isinstance(batch, str):
            return batch
        count += len(batch)
        if count > MOST_RECORDS:
            return fact(
                "there-more-than-records",
                "there are more than {most} records: declare a narrower set",
                most=MOST_RECORDS,
            )
        for row in batch:
            take(row)


def _work(
    rows: Callable[[], Iterator[Mapping[str, object]]],
    target: BoundedTarget,
    batches: queue.Queue[list[Mapping[str, object]] | str],
) -> None:
    def put(item: list[Mapping[str, object]] | str) -> None:
        while not target.over.is_set():
            try:
                batches.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return

    trouble = NOTHING
    try:
        batch: list[Mapping[str, object]] = []
        for row in rows():
            batch.append(row)
            if len(batch) >= _BATCH:
                put(batch)
                batch = []
            if target.over.is_set():
                return
        put(batch)
    except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is told
        reason = _said(error)
        if not reason or not isinstance(error, DrpError | ValueError | TimeoutError):
            kind = type(error).__name__
            reason = fact("reader-raised", "the reader raised {kind}: {reason}", kind=kind, reason=reason)
        trouble = words_of(reason)
    put(trouble)


def _said(error: BaseException) -> Phrase:
    """Return what an error says, with the parts that it was raised with."""
    if isinstance(error, DrpError):
        return own_words(error.message)
    return error.args[0] if error.args and isinstance(error.args[0], Phrase) else quoted(str(error))


def _row(row: object, fields: Sequence[str], *, zone: str) -> Row:
    """Return a record as the reconciliation takes it. Raises ValueError when it lacks what is declared."""
    if not isinstance(row, Mapping):
        raise ValueError(say("the reader gave {kind} instead of a record", kind=type(row).__name__))  # noqa: TRY004 - told as trouble
    try:
        values = tuple([_value(row[field]) for field in fields])
    except KeyError as error:
        given = several(sorted(map(str, row))[:20])
        message = say("a record has no field {field}; it has {given}", field=str(error.args[0]), given=given)
        raise ValueError(message) from None
    return _instant(row.get("at"), zone), values


def _value(value: object) -> str:
    """Return a value as bounded text; what is too long is told apart by its digest."""
    if value is None:
        return ""
    if not isinstance(value, str):
        value = str(value).lower() if isinstance(value, bool) else str(value)
    text = value.strip(_STRIPPED)
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:32]}…{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _instant(value: object, zone: str) -> int | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(say("the instant {value} of a record is no text", value=repr(str(value)[:40])))  # noqa: TRY004 - told as trouble
    try:
        at = datetime.fromisoformat(value[:40])
    except ValueError:
        raise ValueError(say("{value} is no instant", value=repr(value[:40]))) from None
    if at.tzinfo is None:
        if not zone:
            words = fact("give-one-or-say", "give it one, or say assume_utc or zone")
            raise ValueError(
                say("the instant {value} of a record has no time zone: {words}", value=value[:40], words=words)
            )
        try:
            at = local_instant(at, zone)
        except OverflowError:
            raise ValueError(say("{value} lies beyond the ends of the calendar", value=repr(value[:40]))) from None
    return microseconds(at)
