"""The live line says what a person wants to know, fits its terminal, and its time left is no nonsense."""

from __future__ import annotations

import io
import json

import pytest

from drp.hashing import progress
from drp.hashing.progress import Meter
from drp.reporting.i18n import language


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def fed(clock: Clock, samples: list[tuple[int, int]], **totals: int) -> Meter:
    meter = Meter(io.StringIO(), live=False, words=language("en").plain, **totals)
    for files, size in samples:
        clock.now += 1
        meter(files, size, files)
    return meter


def test_time_left_when_large_files_come_first(clock):
    """Few files a second while large ones are read must not mean hours for the small ones, nor bytes alone decide."""
    meter = fed(clock, [(0, 1 << 30), (1, 2 << 30), (1, 3 << 30)], total_files=10_001, total_bytes=4 << 30)
    assert 1.0 <= meter.seconds_left(1, 3 << 30) <= 2.0
    meter = fed(clock, [(1000, 0), (2000, 0)], total_files=10_000, total_bytes=0)  # empty files
    assert meter.seconds_left(2000, 0) == pytest.approx(8.0)
    assert meter.share(2000, 0) == pytest.approx(0.2)


def test_bar_is_full_only_at_the_end(clock):
    meter = fed(clock, [(1, 1000)], total_files=1000, total_bytes=1000)
    assert "100%" not in meter.line(1, 1000)
    assert "100%" in meter.line(1000, 1000)


def test_line_fits_and_keeps_the_end_of_the_slowest_path(clock):
    meter = fed(clock, [(1, 1 << 20)], total_files=10, total_bytes=10 << 20)
    meter.slowest = lambda: (b"archive/" * 30 + b"IM0001\n.dcm", 2.0, 1 << 20)
    for width in (1, 20, 79, 120, 200, 400):
        line = meter.line(1, 1 << 20, width)
        assert len(line) <= width
        assert "\n" not in line
    assert meter.line(1, 1 << 20, 120).endswith("IM0001\\x0a.dcm")
    assert "slowest 524\u00a0kB/s …" in meter.line(1, 1 << 20, 120)
    assert "slowest" not in meter.line(1, 1 << 20, 60)


def test_hours_are_told_as_hours(clock):
    meter = fed(clock, [(0, 100)], total_files=1, total_bytes=1_000_000)
    assert "2:53:19 left" in meter.line(0, 100)


def test_without_totals_there_is_no_bar(clock):
    line = fed(clock, [(5, 5000)]).line(5, 5000)
    assert "%" not in line
    assert "left" not in line


def test_pipe_gets_a_json_line_every_ten_seconds(clock):
    stream = io.StringIO()
    meter = Meter(stream, live=False, total_files=100, total_bytes=1000)
    for second in range(1, 25):
        clock.now += 1
        meter(second, second * 10, second)
    documents = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["files"] for one in documents] == [10, 20]
    assert documents[0]["schema"] == "drp/manifest-progress/1"
    assert documents[1]["seconds_left"] == pytest.approx(80, abs=1)


def test_the_line_is_in_the_reader_s_language(clock):
    meter = Meter(io.StringIO(), live=False, total_files=10, total_bytes=10_000_000, words=language("fr").plain)
    for done in (1, 2):
        clock.now += 1
        meter(done, done * 1_000_000, done)
    meter.slowest = lambda: (b"a.dcm", 2.0, 1_000_000)
    line = meter.line(2, 2_000_000).replace("\u00a0", " ").replace("\u202f", " ")
    assert "2 fichiers" in line
    assert "reste 0:08" in line
    assert "au plus lent 500 ko/s a.dcm" in line
