"""Reading records: every one or none; whatever a reader, or what it reads from, does wrong is told."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from drp.domain.check import Execution, Expectation
from drp.domain.reconciliation.collected import Row, microseconds
from drp.domain.reconciliation.declaration import RecordSource
from drp.domain.reconciliation.preparation import Condition
from drp.errors import Interrupted, PluginError
from drp.verifiers import records as runner
from drp.verifiers.records import Records
from drp_verifiers.records import read_records
from tests.simulators.target import LocalTarget
from tests.simulators.world import plan

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
EXPECTATION = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=20)
APPLICATION = plan().recoveries[0].application


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    wanted: str = "x"


class Sim:
    RecordOptions = Options

    def __init__(self, rows: object) -> None:
        self._rows = rows

    def records(self, target: object, options: object, expectation: object) -> object:
        return self._rows(target) if callable(self._rows) else iter(self._rows)


def read(
    monkeypatch, rows, *, fields=("key",), cancelled=lambda: False, seconds=20.0, **source
) -> tuple[list[Row], str]:
    monkeypatch.setattr(runner, "_reader", lambda _: Sim(rows))
    found: list[Row] = []
    declared = RecordSource(name="orders", application="ehr", reader="sim", **source)
    expectation = dataclasses.replace(EXPECTATION, timeout_seconds=seconds)
    trouble = Records(()).read(
        declared, fields, None, expectation=expectation, receive=found.append, cancelled=cancelled
    )
    return found, trouble


def test_records_that_do_not_count_are_counted_apart(monkeypatch):
    monkeypatch.setattr(
        runner, "_reader", lambda _: Sim([{"key": "1", "state": "draft"}, {"key": "2", "state": "sent"}])
    )
    declared = RecordSource(
        name="orders", application="ehr", reader="sim", where=(Condition(field="state", differs=("draft",)),)
    )
    found, over = [], []
    trouble = Records(()).read(
        declared,
        ("key",),
        None,
        expectation=EXPECTATION,
        receive=found.append,
        cancelled=lambda: False,
        passed_over=over.append,
    )
    assert (trouble, found, over) == ("", [(None, ("2",))], [1])


def test_a_condition_on_a_field_that_no_record_has_is_told_with_what_there_is(monkeypatch):
    found, trouble = read(monkeypatch, [{"key": "1", "state": "x"}], where=(Condition(field="stat", equals=("x",)),))
    assert not found
    assert trouble == "a record has no field stat; it has key, state"


def test_values_become_trimmed_texts_and_instants_microseconds(monkeypatch):
    rows = [
        {"key": 7, "at": "2026-11-21T02:00:00.000001+00:00"},
        {"key": " 013\0", "at": "2026-11-21T03:00:00+01:00", "more": 1},
        {"key": None, "at": None},
        {"key": True, "at": ""},
    ]
    at = microseconds(NOW)
    assert read(monkeypatch, rows) == ([(at + 1, ("7",)), (at, ("013",)), (None, ("",)), (None, ("true",))], "")


def test_long_values_stay_different_and_short(monkeypatch):
    found, _ = read(monkeypatch, [{"key": "x" * 10_000 + "a"}, {"key": "x" * 10_000 + "b"}])
    first, second = (values[0] for _, values in found)
    assert first != second
    assert len(first) < 100


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"other": 1}, "has no field key; it has other"),
        ({"key": 1, "at": "2026-11-21T02:00:00"}, "no time zone"),
        ({"key": 1, "at": "yesterday"}, "is no instant"),
        ({"key": 1, "at": 12}, "is no text"),
        ("nonsense", "instead of a record"),
    ],
)
def test_a_record_that_cannot_be_judged_is_told(monkeypatch, row, said):
    assert said in read(monkeypatch, [{"key": 1}, row])[1]


def test_an_instant_without_zone_is_utc_where_the_plan_says_so(monkeypatch):
    rows = [{"key": 1, "at": "2026-11-21 02:00:00"}]
    assert read(monkeypatch, rows, assume_utc=True) == ([(microseconds(NOW), ("1",))], "")


def test_what_a_reader_raises_is_told_and_what_came_before_does_not_count(monkeypatch):
    def rows(_):
        yield {"key": 1}
        raise ZeroDivisionError("oops")

    assert read(monkeypatch, rows)[1] == "the reader raised ZeroDivisionError: oops"


def test_a_reader_that_hangs_is_given_up_and_one_that_is_slow_can_be_interrupted(monkeypatch):
    monkeypatch.setattr(runner, "_GRACE_SECONDS", 0.2)
    release = threading.Event()

    def rows(_):
        release.wait(60)
        yield {"key": 1}

    began = time.monotonic()
    assert "not read within" in read(monkeypatch, rows, seconds=0.2)[1]
    with pytest.raises(Interrupted):
        read(monkeypatch, rows, cancelled=lambda: True)
    assert time.monotonic() - began < 55
    release.set()


def test_too_many_records_are_told_and_reading_stops(monkeypatch):
    monkeypatch.setattr(runner, "MOST_RECORDS", 10_000)
    given = []

    def rows(_):
        for number in range(10_000_000):
            given.append(number)
            yield {"key": number}

    assert "more than 10000 records" in read(monkeypatch, rows)[1]
    time.sleep(0.3)
    assert len(given) < 100_000


def test_options_are_checked_before_the_drill_with_those_of_the_applications_own_check():
    check = dataclasses.replace(
        APPLICATION.checks[0], verifier="postgres", options={"database": "health", "amcheck": False}
    )
    application = dataclasses.replace(APPLICATION, checks=(check,))
    good = RecordSource(name="orders", application="ehr", reader="postgres", options={"query": "select 1"})
    Records([(good, application)])
    for options in ({}, {"query": "select 1", "databse": "x"}, {"query": 3}):
        with pytest.raises(PluginError, match="orders"):
            Records([(dataclasses.replace(good, options=options), application)])
    with pytest.raises(PluginError, match="cannot read records"):
        Records([(dataclasses.replace(good, reader="tcp"), application)])


def answer(
    *lines: object, cut: int | None = None, raw: bytes | None = None, piece: int = 4096, **how: object
) -> list[object]:
    packed = zlib.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines)) if raw is None else raw

    def stream(*_: object, receive: Callable[[bytes], None], **__: object) -> Execution:
        for begin in range(0, len(packed[:cut]), piece):
            receive(packed[:cut][begin : begin + piece])
        return Execution(exit_code=0, **{"stdout": b"", "stderr": b"", **how})

    target = SimpleNamespace(stream=stream)
    return list(read_records(target, "records_sqlite", {}, timeout_seconds=60))


def test_records_come_out_of_the_sandbox():
    for piece in (1, 7, 4096):
        assert answer({"key": 1}, {"key": 2}, ["end", ""], piece=piece) == [{"key": 1}, {"key": 2}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lines": [{"key": 1}]}, "the reader stopped"),
        ({"lines": [{"key": 1}, ["end", "relation does not exist"]]}, "relation does not exist"),
        ({"lines": [{"key": 1}, ["end", ""]], "cut": 12}, "the reader stopped"),
        ({"lines": [["end", ""], {"key": 1}]}, "something else"),
        ({"lines": ["text", ["end", ""]]}, "something else"),
        ({"lines": [{"key": "x" * (2 << 20)}, ["end", ""]]}, "too long"),
        ({"raw": b"not packed"}, "no records"),
        ({"raw": zlib.compress(b"[" * 100_000 + b"\n")}, "malformed answer"),
        ({"raw": b""}, "the reader stopped"),
        ({"raw": zlib.compress(b'["end", ""]\n') + b"more"}, "more after its end"),
        ({"raw": zlib.compress(b'["end", ""]\n["end", ""]\n')}, "something else"),
        ({"raw": b"", "timed_out": True}, "time limit"),
    ],
)
def test_an_answer_that_is_not_whole_is_never_taken_for_whole(given, said):
    with pytest.raises(ValueError, match=said):
        answer(*given.pop("lines", []), **given)


def test_a_bomb_is_unpacked_piece_by_piece_and_refused():
    with pytest.raises(ValueError, match="too long"):
        answer(raw=zlib.compress(b"x" * (200 << 20), 9))


def sqlite(tmp_path: Path, query: str, **options: object) -> tuple[list[Row], str]:
    found: list[Row] = []
    source = RecordSource(
        name="studies", application="pacs", reader="sqlite", options={"path": "index", "query": query, **options}
    )
    trouble = Records([(source, APPLICATION)]).read(
        source,
        ("accession",),
        LocalTarget(user="root"),
        expectation=dataclasses.replace(EXPECTATION, restored_root=str(tmp_path)),
        receive=found.append,
        cancelled=lambda: False,
    )
    return found, trouble


def test_a_database_file_gives_the_records_of_a_query(tmp_path):
    database = sqlite3.connect(tmp_path / "index")
    database.execute("create table study (accession text, at text)")
    database.execute(
        "insert into study values ('013', '2026-11-21T02:00:00Z'), (null, null), ('O''Brien \u202e', null)"
    )
    database.commit()
    query = "select accession, at from study order by rowid"
    assert sqlite(tmp_path, query) == ([(microseconds(NOW), ("013",)), (None, ("",)), (None, ("O'Brien \u202e",))], "")
    assert sqlite(tmp_path, query, copy=True)[1] == ""
    assert "no such table" in sqlite(tmp_path, "select 1 from nowhere")[1]
    assert "not authorized" in sqlite(tmp_path, "delete from study")[1]
    assert "has no field accession" in sqlite(tmp_path, "select at from study")[1]
    assert "no file" in sqlite(tmp_path, query, path="elsewhere")[1]
    database.execute("begin exclusive")
    assert "option copy" in sqlite(tmp_path, query)[1]
    database.close()
