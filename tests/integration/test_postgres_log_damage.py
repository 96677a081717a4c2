"""Every way in which a log is damaged: PostgreSQL opens, and the start has to say what it left out."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import PROGRAMS, SEGMENT, Bench, Failed, Production, of_kind
from tests.support.postgres_logs import cut_behind, flip, lay, said_of, segments, with_rows

pytestmark = pytest.mark.real


def rot_in_the_last(wal: Path) -> None:
    last = with_rows(wal)
    flip(last, 8192 * 2 + 100)
    cut_behind(wal, last)


def rot_in_the_last_page(wal: Path) -> None:
    """Only the end of what was written, so that no page follows it."""
    last = with_rows(wal)
    content = last.read_bytes().rstrip(b"\0")
    flip(last, len(content) - 300, 40)
    cut_behind(wal, last)


def zeroed_from_the_middle(wal: Path) -> None:
    last = with_rows(wal)
    content = bytearray(last.read_bytes())
    used = len(bytes(content).rstrip(b"\0"))
    content[used // 2 :] = bytes(len(content) - used // 2)
    last.write_bytes(content)
    cut_behind(wal, last)


def rot_in_an_unfinished(wal: Path) -> None:
    rot_in_the_last(wal)
    last = with_last(wal)
    last.rename(f"{last}.partial")


def rot_in_a_record(byte: int) -> Callable[[Path], None]:
    """On the page on which an unfinished segment ends: the record no longer says how long it is, or what it follows."""

    def change(wal: Path) -> None:
        last = with_rows(wal)
        cut_behind(wal, last)
        said = subprocess.run([PROGRAMS / "pg_waldump", last], capture_output=True, text=True, check=False).stdout
        places = [int(found, 16) % SEGMENT for found in re.findall(r"lsn: 0/([0-9A-F]+)", said)]
        *_, page = sorted({place // 8192 for place in places[:-3]})
        on_it = [place for place in places if place // 8192 == page]
        content = bytearray(last.read_bytes())
        content[(page + 1) * 8192 :] = bytes(len(content) - (page + 1) * 8192)
        content[on_it[1] + byte] ^= 0x10
        last.unlink()
        Path(f"{last}.partial").write_bytes(content)

    return change


def rot_in_the_middle(wal: Path) -> None:
    flip(with_rows(wal, -2), 8192 * 2 + 100)


def zeros(wal: Path) -> None:
    last = with_rows(wal)
    last.write_bytes(bytes(SEGMENT))
    cut_behind(wal, last)


def half(wal: Path) -> None:
    last = with_rows(wal)
    os.truncate(last, SEGMENT // 2)
    cut_behind(wal, last)


def nothing(wal: Path) -> None:
    last = with_rows(wal)
    os.truncate(last, 0)
    cut_behind(wal, last)


def gap(wal: Path) -> None:
    with_rows(wal, -2).unlink()


def misnamed(wal: Path) -> None:
    last = with_rows(wal)
    shutil.copy(with_rows(wal, -2), last)
    cut_behind(wal, last)


def named_as_older(wal: Path) -> None:
    last = with_rows(wal)
    cut_behind(wal, last)
    last.rename(segments(wal)[0])


def linked_to_nowhere(wal: Path) -> None:
    last = with_rows(wal)
    cut_behind(wal, last)
    last.unlink()
    last.symlink_to(f"/srv/production/{last.name}")


def a_pipe(wal: Path) -> None:
    last = with_rows(wal)
    cut_behind(wal, last)
    last.unlink()
    os.mkfifo(last)


def broken_packing(wal: Path) -> None:
    last = with_rows(wal)
    subprocess.run(["gzip", "-q", last], check=True)
    flip(Path(f"{last}.gz"), -8, 4)  # its checksum
    cut_behind(wal, last)


def wrong_digest(wal: Path) -> None:
    """pgBackRest's name promises a content: rot behind the switch is seen by nothing else."""
    last = with_rows(wal)
    digest = hashlib.sha1(last.read_bytes()).hexdigest()
    flip(last, SEGMENT - 100, 10)
    last.rename(f"{last}-{digest}")
    cut_behind(wal, last)


def zeroed_from_a_record_on(wal: Path) -> None:
    """Where one record ends and the next began: nothing in the file says that there was more."""
    last = with_rows(wal)
    said = subprocess.run([PROGRAMS / "pg_waldump", last], capture_output=True, text=True, check=False).stdout
    places = [int(found, 16) % SEGMENT for found in re.findall(r"lsn: 0/([0-9A-F]+)", said)]
    first = next(place for place in places if place > 8192)
    content = last.read_bytes()
    last.write_bytes(content[:first].ljust(SEGMENT, b"\0"))
    cut_behind(wal, last)


def test_a_whole_segment_that_ends_in_its_middle_is_named(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    lay(postgres_bench, postgres_production, zeroed_from_a_record_on)
    told = postgres_bench.start(wal_archive="wal")
    assert postgres_bench.rows() < 400
    (said,) = of_kind(told, "unused")
    assert "although it is whole by its name: its rest may be lost" in said


def with_last(wal: Path) -> Path:
    return segments(wal)[-1]


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "rot in the last segment": (rot_in_the_last, "is damaged: recovery ended in it at"),
    "rot on its last page": (rot_in_the_last_page, "is damaged: recovery ended in it at"),
    "zeros from its middle on": (zeroed_from_the_middle, "is damaged: recovery ended in it at"),
    "rot in an unfinished segment": (rot_in_an_unfinished, ".partial is damaged: recovery ended in it at"),
    "a length in an unfinished segment": (rot_in_a_record(3), ".partial is damaged: recovery ended in it at"),
    "an order in an unfinished segment": (rot_in_a_record(8 + 6), ".partial is damaged: recovery ended in it at"),
    "rot in a middle segment": (rot_in_the_middle, "the WAL archive has a gap: recovery ended at"),
    "the last segment is zeros": (zeros, "holds zeros where a segment begins"),
    "the last segment is half": (half, f"is {SEGMENT // 2} bytes long instead of {SEGMENT}"),
    "the last segment is empty": (nothing, "is empty"),
    "a segment is missing": (gap, "the WAL archive has a gap: recovery ended at"),
    "a segment holds another": (misnamed, "not what its name says"),
    "a segment is named as an older one": (named_as_older, "not what its name says"),
    "a segment is a link to production": (linked_to_nowhere, "cannot be looked at: No such file or directory"),
    "a segment is a pipe": (a_pipe, "is no regular file"),
    "a packed segment is broken": (broken_packing, "cannot be unpacked (gzip)"),
    "a segment departs from its digest": (wrong_digest, "does not have the SHA-1 that its name says"),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_damage_to_a_log_is_named(postgres_bench: Bench, postgres_production: Production, damage: str) -> None:
    change, said = DAMAGES[damage]
    lay(postgres_bench, postgres_production, change)
    with pytest.raises(Failed) as failed:
        postgres_bench.start(wal_archive="wal")
    assert said in str(failed.value)
    assert "wal/0000000100000000" in str(failed.value)


def test_trying_again_makes_nothing_better(postgres_bench: Bench, postgres_production: Production) -> None:
    """The server has opened, and its log is its own by now: it must not be taken for one that was recovered."""
    lay(postgres_bench, postgres_production, rot_in_the_last)
    for _ in range(2):
        with pytest.raises(Failed, match="is damaged: recovery ended in it at"):
            postgres_bench.start(wal_archive="wal")
    postgres_bench.program("stop")
    with pytest.raises(Failed, match="restore again"):
        postgres_bench.start(wal_archive="wal")


def test_rot_at_any_page_of_the_last_segment_never_passes(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """A sweep: wherever it is, either all rows are there or the start fails."""
    last = with_rows(postgres_production.folder / "wal")
    used = len(last.read_bytes().rstrip(b"\0"))
    for offset in range(64, used, used // 6):

        def change(wal: Path, offset: int = offset) -> None:
            flip(wal / last.name, offset, 4)
            cut_behind(wal, wal / last.name)

        lay(postgres_bench, postgres_production, change)
        assert last.name in said_of(postgres_bench) or postgres_bench.rows() == 400, offset
