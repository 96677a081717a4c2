"""The pure parts of the role postgres: time lines, pages, instants, libraries, and what may be said."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from drp.share import shared

FILES = shared("runbooks") / "roles/postgres/files"
NAMES = ("common", "wal", "timelines", "settings")


@pytest.fixture(scope="module")
def role() -> Iterator[Any]:
    sys.path.insert(0, str(FILES))
    try:
        yield SimpleNamespace(**{name: __import__(f"pg_{name}") for name in NAMES})
    finally:
        sys.path.remove(str(FILES))


# ---- time lines: a base on 1 that begins at 100


def choose(
    role: Any, known: dict, present: dict, alive: dict, *, base: int = 1, wanted: int = 0, unread: dict | None = None
) -> Any:
    lines = role.timelines.Lines(base, 100, known, present, unread or {})
    return lines.choose(wanted, lambda line, position: alive.get((line, position), ""))


def test_one_line_is_followed(role: Any) -> None:
    assert choose(role, {}, {1: "a"}, {}).target == 1


def test_a_chain_of_fail_overs_is_followed_to_its_end(role: Any) -> None:
    known = {2: [(1, 200)], 3: [(1, 200), (2, 300)]}
    way = choose(role, known, {1: "a", 2: "b", 3: "c"}, {(3, 300): "c"})
    assert (way.target, way.lines, way.notes) == (3, ((1, 200), (2, 300), (3, 0)), ())
    assert [way.line_at(position) for position in (100, 199, 200, 299, 300, 10**9)] == [1, 1, 2, 2, 3, 3]


def test_what_a_descendant_says_about_its_elders_is_enough(role: Any) -> None:
    assert role.timelines.read({3: {"f": "1\t0/C8\tx\n2\t0/12C\ty\n"}}) == {3: [(1, 200), (2, 300)], 2: [(1, 200)]}


def test_two_lines_that_go_on_are_asked_for(role: Any) -> None:
    known, present = {2: [(1, 200)]}, {1: "a", 2: "b"}
    with pytest.raises(role.common.Failure, match=r"1 \(a\) and 2 \(b\), which parted at 0/C8: declare timeline"):
        choose(role, known, present, {(1, 200): "a", (2, 200): "b"})
    assert choose(role, known, present, {(1, 200): "a", (2, 200): "b"}, wanted=2).target == 2
    one = choose(role, known, present, {(1, 200): "a", (2, 200): "b"}, wanted=1)
    assert (one.target, one.notes) == (1, (("beside", "b", "time line 2: 1 is declared"),))


def test_two_children_of_one_line_that_go_on_are_asked_for(role: Any) -> None:
    known, present = {2: [(1, 200)], 3: [(1, 300)]}, {1: "a", 2: "b", 3: "c"}
    with pytest.raises(role.common.Failure, match=r"2 \(b\) and 3 \(c\), which parted at 0/C8"):
        choose(role, known, present, {(2, 200): "b", (3, 300): "c"})
    assert choose(role, known, present, {(3, 300): "c"}).target == 3


def test_a_newest_line_without_commits_is_not_believed_in_silence(role: Any) -> None:
    way = choose(role, {2: [(1, 200)]}, {1: "a", 2: "b"}, {(1, 200): "a"})
    assert way.target == 1
    assert way.notes[0][:2] == ("unused", "b")


def test_lines_from_before_the_base_are_none_of_its(role: Any) -> None:
    way = choose(role, {2: [(1, 50)]}, {1: "a", 2: "b"}, {(2, 50): "b"})
    assert (way.target, way.notes) == (1, (("beside", "b", "time line 2 left before the base"),))


def test_elders_of_the_base_need_no_history_of_their_own(role: Any) -> None:
    way = choose(role, {2: [(1, 80)]}, {1: "a", 2: "b"}, {}, base=2)
    assert (way.target, way.notes) == (2, (("beside", "a", "time line 1 left before the base"),))


def test_a_line_without_history_cannot_be_placed(role: Any) -> None:
    with pytest.raises(role.common.Failure, match="the history of time line 5 is missing"):
        choose(role, {}, {1: "a", 5: "e"}, {})
    with pytest.raises(
        role.common.Failure, match=r"the history of time line 5 cannot be read \(h is encrypted\), so e cannot"
    ):
        choose(role, {}, {1: "a", 5: "e"}, {}, unread={5: "h is encrypted"})
    with pytest.raises(role.common.Failure, match="time line 4 does not go on from the base"):
        choose(role, {}, {1: "a"}, {}, wanted=4)


# ---- pages


def page(role: Any, address: int, body: bytes, *, left: int = 0, timeline: int = 1) -> bytes:
    head = role.wal.HEADER.pack(0xD110, 1 if left else 0, timeline, address, left)
    return (head + body).ljust(8192, b"\0")


EACH = 1 << 20


def behind(role: Any, content: bytes, position: int, start: int = EACH, size: int = 0) -> str:
    """Say what stands behind a position in a segment that holds this content and then zeros."""
    whole = content.ljust(EACH, b"\0")
    pages = role.wal.written_pages(whole, start, {1})
    segment = role.wal.Segment(pages, role.wal.written_to(whole, start, size or EACH), EACH)
    begin = position - position % 8192 - start
    return segment.behind(position, whole[begin : begin + 8192])


def record(role: Any, position: int, length: int, *, before: int = 64) -> bytes:
    return role.wal.RECORD.pack(length, 1, position - before, 0, 0, 0).ljust(length, b"r")


def test_what_lies_behind_an_end(role: Any) -> None:
    start, at = EACH, EACH + 1000
    first = page(role, start, b"x" * (1000 - 24))
    assert behind(role, first, at) == "nothing"
    assert behind(role, first + page(role, start + 8192, b"y"), at) == "damage"
    assert behind(role, first + page(role, 8192, b"old"), at) == "nothing", "a page of a recycled segment"
    assert behind(role, first + page(role, start + 8192, b"y", timeline=7), at) == "nothing"


def test_a_record_that_is_there_to_its_end_is_damaged(role: Any) -> None:
    start, at = EACH, EACH + 1000
    short = page(role, start, b"x" * 976 + record(role, at, 100))
    assert behind(role, short, at) == "damage"
    assert behind(role, short, at, size=1050) == "unfinished", "the copy broke off in it"
    assert behind(role, page(role, start, b"x" * 976 + record(role, at, 100)[:40]), at) == "unfinished"
    assert behind(role, page(role, start, b"x" * 976 + record(role, at, 100, before=EACH)), at) == "garbage"


def test_a_record_over_several_pages_breaks_off_or_does_not(role: Any) -> None:
    start, at = EACH, EACH + 8000
    whole = record(role, at, 9000)
    first = page(role, start, b"x" * 7976 + whole[:192])
    second = page(role, start + 8192, whole[192 : 192 + 8168], left=9000 - 192)
    third = page(role, start + 16384, whole[192 + 8168 :], left=9000 - 192 - 8168)
    assert behind(role, first, at) == "unfinished"
    assert behind(role, first + second, at) == "unfinished"
    assert behind(role, first + second + third, at) == "damage"
    assert behind(role, first + second + third, at, size=16384 + 100) == "unfinished"
    assert behind(role, first + page(role, start + 8192, b"z" * 100, left=5), at) == "damage", "not the same record"
    assert behind(role, first + page(role, start + 8192, b"z" * 100), at) == "damage", "another record"


def test_names_of_segments(role: Any) -> None:
    for size in (1 << 20, 16 << 20, 64 << 20, 1 << 30):
        for number in (0, 1, (1 << 32) // size, 70_000):
            assert role.wal.segment_of(role.wal.segment_name(3, number, size), size) == (3, number)
    assert role.wal.segment_name(1, 256, 16 << 20) == "000000010000000100000000"
    assert struct.calcsize(role.wal.LONG_HEADER.format) == 40


# ---- words


@pytest.mark.parametrize(
    "text", ["2026-11-21T02:00:00Z", "2026-11-21 03:00:00+01", "2026-11-21T02:00Z", "2026-11-21T07:30:00.5+0530"]
)
def test_instants_have_a_zone(role: Any, text: str) -> None:
    assert role.common.instant(text).isoformat().startswith("2026-11-21T02:00:00")


def test_a_complaint_says_nothing_of_a_patient(role: Any) -> None:
    said = 'pg_restore: error: COPY failed for table "patient": ERROR:  invalid input syntax for type date: "1931-02-30"\nDETAIL: Dupont'
    ended = subprocess.CompletedProcess([], 1, "", said)
    told = role.common.complaint(ended, "pg_restore")
    assert told == 'pg_restore ended with 1: COPY failed for table "patient": ERROR: invalid input syntax for type date'
    assert (
        role.common.complaint(subprocess.CompletedProcess([], -11, "", ""), "pg_restore")
        == "pg_restore died by signal 11"
    )


def test_many_notices_of_a_kind_are_counted(role: Any) -> None:
    notices = [role.common.notice("beside", f"file {number}\x1b[2J", "x") for number in range(30)]
    told = role.common.capped(notices)
    assert len(told) == 12
    assert told[-1]["subject"] == "19 more"
    assert "\x1b" not in str(told)


def test_libraries_are_known_by_name(role: Any) -> None:
    libraries = role.settings.libraries
    assert libraries("") == ([], [], False)
    assert libraries("pg_stat_statements, auto_explain") == (["pg_stat_statements", "auto_explain"], [], False)
    assert libraries('"$libdir/pg_cron",pgaudit') == (["pgaudit"], ["$libdir/pg_cron"], False)
    assert libraries("timescaledb,acme_sender") == (["timescaledb", "acme_sender"], [], True)
