"""The end of a binary log is proven: real files of a server that crashed, rotated and stopped, and every way to lose some.

Nothing is carried out here: what is wrong with a log is found before that, without a server.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.binary_logs import (
    GTID,
    HEADER,
    ROWS,
    Logs,
    change,
    client,
    flip,
    look,
    number,
    sealed,
    spans,
    told,
)  # fmt: skip
from tests.support.role_programs import load

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def folder(logs: Logs, tmp_path: Path) -> Path:
    return shutil.copytree(logs.path, tmp_path / "binlog")


def test_a_log_through_crash_rotation_and_shutdown_is_whole(logs: Logs, folder: Path) -> None:
    log = look(folder, logs)
    assert log.names == [f"binlog.00000{each}" for each in (1, 2, 3, 4)]
    assert (log.broken, log.stop, told(log)) == (False, 0, set())
    assert log.newest <= logs.now
    (folder / "binlog.index").unlink()
    assert look(folder, logs, gtid="").names == log.names, "neither index nor numbers are needed"


def lose(*which: int) -> Callable[[Path], object]:
    return lambda folder: [number(folder, each).unlink() for each in which]


def without_index(do: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: ((folder / "binlog.index").unlink(), do(folder))


def cut(which: int, size: Callable[[bytes], int]) -> Callable[[Path], object]:
    return lambda folder: os.truncate(number(folder, which), size(number(folder, which).read_bytes()))


def rewrite(which: int, do: Callable[[bytearray], object]) -> Callable[[Path], object]:
    return lambda folder: change(number(folder, which), do)


def foreign(folder: Path) -> None:
    """Put the file of another server in the place of one: its transactions bear other numbers."""

    def do(content: bytearray) -> None:
        (listed,) = spans(bytes(content), 163)
        struct.pack_into("<Q", content, listed.start + HEADER.size + 4 + 8, 900)
        sealed(content, listed)

    change(number(folder, 3), do)


LOST: dict[str, tuple[Callable[[Path], object], str]] = {
    "newest, of which the index knows": (lose(4), "binlog.000004 is missing, which binlog.index names"),
    "newest, which a rotation names": (
        without_index(lose(3, 4)),
        "binlog.000003 is missing, which binlog.000002 names",
    ),
    "one in the middle": (lose(2), "binlog.000002 is missing"),
    "the first": (lose(1), "binlog.000001, with which the binary log goes on, is not in"),
    "all": (lose(1, 2, 3, 4), "is not in"),
    "end of one in the middle": (cut(2, lambda c: len(c) - 60), "binlog.000002 is cut off at"),
    "last transaction of one in the middle": (
        cut(2, lambda c: spans(c, GTID)[-1].start),
        "binlog.000003 goes on after 0-1-6, and the file before it ends with 0-1-5",
    ),
    "last transaction before a crash": (cut(1, lambda c: spans(c, GTID)[-1].start), "binlog.000002 goes on after"),
    "a bit of a row": (rewrite(3, lambda c: flip(spans(bytes(c), ROWS)[0].start + 22)(c)), "does not fit its checksum"),
    "a bit of the newest row": (rewrite(4, lambda c: flip(spans(bytes(c), ROWS)[0].start + 22)(c)), "its checksum"),
    "a length, so that the rest looks cut off": (
        rewrite(4, lambda c: flip(spans(bytes(c), GTID)[0].start + 11)(c)),
        "binlog.000004 is damaged at",
    ),
    "a hole of zeros": (
        rewrite(
            4, lambda c: c.__setitem__(slice(spans(bytes(c), GTID)[0].start, spans(bytes(c), GTID)[0].stop), bytes(42))
        ),
        "it has a hole",
    ),
    "its format": (rewrite(2, flip(8)), "binlog.000002 is damaged at 4"),
    "what it is": (rewrite(2, flip(0)), "binlog.000002 is no binary log"),
    "its place, to a file of another server": (foreign, "binlog.000003 goes on after 0-1-900"),
    "it, to a pipe": (lambda f: (number(f, 1).unlink(), os.mkfifo(number(f, 1))), "is a link or no file"),
    "it, to a link": (lambda f: (number(f, 1).unlink(), number(f, 1).symlink_to("/dev/zero")), "is a link or no file"),
}


@pytest.mark.parametrize("what", LOST)
def test_whatever_of_a_log_is_lost_is_named(logs: Logs, folder: Path, what: str) -> None:
    do, message = LOST[what]
    do(folder)
    with pytest.raises(client.Failure, match=message.replace(".", r"\.")):
        look(folder, logs)


def test_a_log_that_is_none_of_this_backup_is_refused(logs: Logs, folder: Path) -> None:
    for changes, message in (
        ({"start": logs.position[1] + 1}, "no event ends at"),
        ({"start": 1 << 20}, "before 1048576 where the backup ends"),
        ({"gtid": "0-1-900"}, "is not the log of this backup: it holds 0-1-3 there"),
        ({"file": "binlog"}, "no name of such a file"),
    ):
        with pytest.raises(client.Failure, match=message):
            look(folder, logs, **changes)
    assert look(folder, logs, gtid="7-900-5").names, "what came from other servers need not be in this log"


def breaks_off(log: Any) -> str:
    (notice,) = log.folder.notices.told()
    assert (notice["kind"], notice["subject"]) == ("breaks-off", "binlog.000004")
    return str(notice["observed"])


def test_a_log_ends_in_the_middle_of_an_event_only_where_it_broke_off(logs: Logs, folder: Path) -> None:
    rows = spans(number(folder, 4).read_bytes(), ROWS)
    os.truncate(number(folder, 4), rows[-1].start + 10)
    log = look(folder, logs)
    assert log.broken
    assert log.end == rows[-1].start
    assert breaks_off(log) == f"in the middle of an event, behind {log.end}; the transactions before are used"
    with number(folder, 4).open("ab") as file:
        file.truncate(rows[-1].start)
        file.write(bytes(5000))  # as a power cut leaves it
    log = look(folder, logs)
    assert log.end == rows[-1].start
    assert "in the middle of an event" in breaks_off(log)
    os.truncate(number(folder, 4), rows[-1].start)
    assert "in the middle of a transaction" in breaks_off(look(folder, logs))


def test_only_closed_files_may_be_backed_up_if_that_is_said(logs: Logs, folder: Path) -> None:
    lose(3, 4)(folder)
    (folder / "binlog.index").write_text("./binlog.000001\n./binlog.000002\n./binlog.000003\n")
    assert look(folder, logs, only_closed=True).names == ["binlog.000001", "binlog.000002"]
    (folder / "binlog.index").write_text("./binlog.000001\n./binlog.000002\n./binlog.000003\n./binlog.000004\n")
    with pytest.raises(client.Failure, match="a gap"):
        look(folder, logs, only_closed=True)


def test_packed_files_are_read_and_those_that_cannot_be_are_named(logs: Logs, folder: Path) -> None:
    scratch = folder.parent / "scratch"
    load("mariadb", "binlog_folder")[0].SCRATCH = scratch
    for which, pack, suffix in ((1, gzip.compress, "gz"), (2, bz2.compress, "bz2"), (3, lzma.compress, "xz")):
        path = number(folder, which)
        path.with_name(f"{path.name}.{suffix}").write_bytes(pack(path.read_bytes()))
        path.unlink()
    assert look(folder, logs).names == [f"binlog.00000{each}" for each in (1, 2, 3, 4)]
    (folder / "binlog.000003.xz").write_bytes((folder / "binlog.000003.xz").read_bytes()[:-20])
    with pytest.raises(client.Failure, match=r"binlog\.000003\.xz is damaged"):
        look(folder, logs)
    (folder / "binlog.000003.xz").rename(folder / "binlog.000003.gpg")
    with pytest.raises(client.Limit, match=r"binlog\.000003\.gpg cannot be read"):
        look(folder, logs)
    number(folder, 4).unlink()
    log = look(folder, logs)
    assert log.names == ["binlog.000001", "binlog.000002"]
    assert told(log) == {("unused", "binlog.000003")}, "without the last, nobody knows what is missing"


def test_a_second_copy_of_a_file_counts_only_if_it_is_the_same(logs: Logs, folder: Path) -> None:
    load("mariadb", "binlog_folder")[0].SCRATCH = folder.parent / "scratch"
    whole = number(folder, 4).read_bytes()
    copy = folder / "binlog.000004.gz"
    copy.write_bytes(gzip.compress(whole))
    assert told(look(folder, logs)) == {("beside", "binlog.000004.gz")}
    os.truncate(number(folder, 4), spans(whole, GTID)[-1].start)
    with pytest.raises(client.Limit, match=r"binlog\.000004 and binlog\.000004\.gz .* differ"):
        look(folder, logs)
    number(folder, 4).write_bytes(whole)
    copy.write_bytes(copy.read_bytes()[:-20])
    assert told(look(folder, logs)) == {("unused", "binlog.000004.gz")}


def test_a_log_that_ends_where_the_backup_does_is_whole(logs: Logs, folder: Path) -> None:
    lose(2, 3, 4)(folder)
    os.truncate(number(folder, 1), logs.position[1])
    (folder / "binlog.index").write_text("/var/lib/mysql/binlog.000001\n")
    log = look(folder, logs)
    assert (log.names, log.broken, told(log)) == (["binlog.000001"], False, set())


def test_zstandard_is_read_where_its_program_is(logs: Logs, folder: Path) -> None:
    load("mariadb", "binlog_folder")[0].SCRATCH = folder.parent / "scratch"
    path = number(folder, 4)
    if shutil.which("zstd") is None:
        path.rename(path.with_name(f"{path.name}.zst"))
        assert told(look(folder, logs)) == {("unused", "binlog.000004")}
        return
    subprocess.run(["zstd", "-q", "--rm", str(path)], check=True)
    assert look(folder, logs).names[-1] == "binlog.000004"


def test_what_is_none_of_the_log_is_named(logs: Logs, folder: Path) -> None:
    shutil.copy(number(folder, 1), folder / "relay-bin.000001")
    (folder / "README").write_text("rotated every hour")
    (folder / "old").mkdir()
    (folder / "old/binlog.000009").write_text("x")
    (folder / "empty").mkdir()
    (folder / "ibdata.bak").write_text("x")
    (folder / "binlog.000004.gz").write_bytes(gzip.compress(number(folder, 4).read_bytes()))
    assert told(look(folder, logs)) == {
        ("unused", "relay-bin.000001"),
        ("unused", "old"),
        ("unused", "ibdata.bak"),
        ("beside", "README"),
        ("beside", "binlog.000004.gz"),
    }
