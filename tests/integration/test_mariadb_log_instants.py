"""A binary log is carried out to an instant that it can prove, or not at all: real files, with dates of all kinds."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.binary_logs import (
    GTID,
    HEADER,
    ROWS,
    Logs,
    change,
    client,
    look,
    number,
    sealed,
    spans,
)
from tests.support.role_programs import load

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def folder(logs: Logs, tmp_path: Path) -> Path:
    return shutil.copytree(logs.path, tmp_path / "binlog")


def dated(which: int, nth: int, at: datetime) -> Callable[[Path], object]:
    """Date a transaction, as a session may that says so."""

    def do(content: bytearray) -> None:
        for kind in (GTID, 160, 19, ROWS, 16):
            span = spans(bytes(content), kind)[nth]
            struct.pack_into("<I", content, span.start, int(at.timestamp()))
            sealed(content, span)

    return lambda folder: change(number(folder, which), do)


def test_an_instant_is_reached_or_refused(logs: Logs, folder: Path) -> None:
    began = datetime.fromtimestamp(HEADER.unpack_from(number(folder, 1).read_bytes(), 4)[0], tz=UTC)
    for target, message in (
        (began - timedelta(hours=1), "the backup itself holds a transaction of"),
        (logs.now + timedelta(hours=1), "cannot be reached: the newest transaction"),
    ):
        with pytest.raises(client.Failure, match=message):
            look(folder, logs, before=target)
    first = spans(number(folder, 1).read_bytes(), GTID)
    empty = look(folder, logs, before=began, start=first[0].start, gtid="")
    assert (empty.stop, empty.names) == (first[0].start, ["binlog.000001"])
    with pytest.raises(client.Failure, match="the backup itself holds"):
        look(
            folder, logs, before=began - timedelta(seconds=1), start=first[0].start, gtid=""
        )  # no transaction before it


def test_an_instant_that_is_none_is_refused() -> None:
    (program,) = load("mariadb", "load")
    assert program.second("2026-11-21T03:00:00.7+01:00") == datetime(2026, 11, 21, 2, tzinfo=UTC)
    for text, message in (("2026-01-01T00:00:00.5", "has no time zone"), ("yesterday", "is no instant")):
        with pytest.raises(client.Failure, match=message):
            program.second(text)


def test_a_quiet_time_before_the_end_of_the_log_can_be_reached(logs: Logs, folder: Path) -> None:
    later = logs.now.replace(microsecond=0) + timedelta(hours=3)

    def rotation(content: bytearray) -> None:
        (span,) = spans(bytes(content), 4)
        struct.pack_into("<I", content, span.start, int(later.timestamp()))
        sealed(content, span)

    for each in (3, 4):
        number(folder, each).unlink()
    (folder / "binlog.index").unlink()
    change(number(folder, 2), rotation)
    quiet = {"only_closed": True, "now": later + timedelta(minutes=1)}
    assert look(folder, logs, before=later - timedelta(hours=1), **quiet).stop == 0
    with pytest.raises(client.Failure, match="cannot be reached"):
        look(folder, logs, before=later + timedelta(seconds=30), **quiet)


def test_a_transaction_that_lies_about_its_time_does_not_end_recovery(logs: Logs, folder: Path) -> None:
    target = logs.now.replace(microsecond=0) + timedelta(hours=1)
    dated(2, 0, target + timedelta(hours=1))(folder)
    with pytest.raises(client.Failure, match="holds an event of the future"):
        look(folder, logs, before=target)
    with pytest.raises(client.Failure, match=r"holds a younger event at .*, and binlog\.000003 began earlier"):
        look(folder, logs, before=target, now=target + timedelta(hours=2))
