"""The RecordReader port: the reader through verifiers and the simulated one keep the same contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.domain.check import Expectation
from drp.domain.reconciliation.collected import Row, microseconds
from drp.domain.reconciliation.declaration import RecordSource
from drp.errors import Interrupted
from drp.verifiers.records import Records
from tests.simulators import runners
from tests.simulators.target import LocalTarget
from tests.simulators.world import EPOCH, Script, World

ROWS: list[Row] = [(microseconds(EPOCH), ("7", "A")), (None, ("8", "")), (microseconds(EPOCH) + 1, ("9", "B"))]
Read = Callable[[Callable[[], bool]], tuple[list[Row], str]]


@pytest.fixture(params=["verifiers", "simulated"])
def reading(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Read]:
    """Return a function that reads the set ``good`` or one that cannot be read."""
    database = sqlite3.connect(tmp_path / "index")
    database.execute("create table good (at text, number text, patient text)")
    stamp = EPOCH.isoformat()
    database.execute(
        "insert into good values (?, '7', 'A'), (null, '8', null), (?, '9', 'B')", (stamp, f"{stamp[:19]}.000001Z")
    )
    database.commit()
    database.close()
    simulated = World(Script(records={"good": ROWS, "bad": "no such table: bad"}))
    reader = Records(()) if request.param == "verifiers" else runners.Records(simulated)

    def of(name: str) -> Read:
        source = RecordSource(
            name=name, application="ehr", reader="sqlite", options={"path": "index", "query": f"select * from {name}"}
        )

        def read(cancelled: Callable[[], bool]) -> tuple[list[Row], str]:
            found: list[Row] = []
            expectation = Expectation(
                disaster_at=EPOCH, consistent_at=EPOCH, timeout_seconds=30, restored_root=str(tmp_path)
            )
            trouble = reader.read(
                source,
                ("number", "patient"),
                LocalTarget(user="root"),
                expectation=expectation,
                receive=found.append,
                cancelled=cancelled,
            )
            return found, trouble

        return read

    return of


def test_every_record_comes_in_the_order_of_the_fields(reading: Callable[[str], Read]) -> None:
    assert reading("good")(lambda: False) == (ROWS, "")


def test_a_set_that_cannot_be_read_is_told_and_not_raised(reading: Callable[[str], Read]) -> None:
    assert "no such table" in reading("bad")(lambda: False)[1]


def test_it_stops_when_it_is_asked_to(reading: Callable[[str], Read]) -> None:
    with pytest.raises(Interrupted):
        reading("good")(lambda: True)
