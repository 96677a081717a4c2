"""Workers that are killed while a manifest is made: what they held is done again, and nothing is mixed or passed over."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from drp.errors import ManifestError
from drp.hashing import creation
from drp.hashing.tree import create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.hashing.workers.create_job import CreateJob
from drp.manifests.entries import entries
from drp.manifests.layout import decode
from drp.manifests.opening import open_manifest
from tests.support.hashers import workers
from tests.support.trees import ordinary, write


def plain(path: Path) -> list[tuple]:
    """Return all that a manifest says of its entries."""
    with open_manifest(path) as manifest:
        return [(entry.path, *entry.row) for entry in entries(manifest)]


class Killer:
    """Kills a worker whenever two megabytes more were read, until it has killed enough."""

    def __init__(self, most: int) -> None:
        self.most, self.killed, self.last, self.said = most, 0, 0, []

    def __call__(self, files: int, size: int, seen: int) -> None:
        self.last = min(self.last, size)
        running = workers()
        if size - self.last > 2 << 20 and self.killed < self.most and running:
            self.killed, self.last = self.killed + 1, size
            os.kill(running[self.killed % len(running)], signal.SIGKILL)


@pytest.mark.parametrize("count", [1, 3])
def test_manifest_is_whole_though_workers_are_killed(tmp_path, count):
    root = ordinary(tmp_path / "tree")
    for large in ("exact", "large"):  # it could die twice of these
        (root / large).unlink()
    for number in range(500):
        directory = root / "wide" / f"{number:04}" / "inner"
        directory.mkdir(parents=True)
        for image in range(3):
            write(directory / f"image-{image}", b"%d %d" % (number, image) + bytes(3000))
    (root / "crowded").mkdir()
    for number in range(4000):
        write(root / "crowded" / f"name-{number}", b"%d" % number + bytes(500))
    os.link(root / "wide" / "0001" / "inner" / "image-0", root / "crowded" / "linked")
    create_manifest(root, tmp_path / "whole", application="a", workers=2)
    killer = Killer(3)
    made = creation.create_manifest(
        root, tmp_path / "m", application="a", workers=count, watch=killer, rate=float(3 << 20), say=killer.said.append
    )
    assert killer.killed >= 2
    assert sum("killed by signal 9" in sentence for sentence in killer.said) == killer.killed
    mine, whole = dict_of(plain(tmp_path / "m")), dict_of(plain(tmp_path / "whole"))
    twice = [one.split(" at ")[1].split(":")[0].encode() for one in killer.said if one.startswith("two ")]
    assert len(twice) <= 1  # the killer may happen upon the same place again: then that is said, and all else is whole
    assert bool(twice) == bool(made.errors)
    differing = {path for path in mine.keys() | whole.keys() if mine.get(path) != whole.get(path)}
    assert all(any(path == place or path.startswith(place + b"/") for place in twice) for path in differing)


def dict_of(rows: list[tuple]) -> dict[bytes, tuple]:
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1:] for row in rows}


def test_what_kills_two_workers_is_recorded_as_unreadable(tmp_path):
    root = ordinary(tmp_path / "tree", files=3)
    write(root / "volume", bytes(70 << 20))
    said: list[str] = []

    def kill(files: int, size: int, seen: int) -> None:
        if size > (2 << 20) and len(said) < 3:
            for pid in workers():
                os.kill(pid, signal.SIGKILL)

    made = creation.create_manifest(
        root, tmp_path / "m", application="a", workers=1, watch=kill, rate=float(20 << 20), say=said.append
    )
    assert made.errors == 1
    assert said[-1] == "two hashing workers were killed at volume: recorded as unreadable"
    with open_manifest(tmp_path / "m") as manifest:
        (lost,) = [entry for entry in entries(manifest) if entry.errno]
        assert lost.path == b"volume"
        assert lost.errno == errno.EOWNERDEAD
    difference = verify_tree(root, tmp_path / "m", Plan(workers=1)).difference
    assert dict(difference.counts) == {"unreadable": 1}
    assert "EOWNERDEAD" in difference.deviations[0].expected


@pytest.fixture
def job(tmp_path: Path) -> Iterator[CreateJob]:
    job = CreateJob({"key": bytes(32), "options": {"algorithms": ["blake3"]}}, (), [], tmp_path)
    job.spool(0)
    yield job
    job.close()


@pytest.mark.parametrize("again", [[b"a", b"c"], [b"a"], []])
def test_directory_that_changed_after_a_death_is_never_mixed(job, again):
    """Its later parts may be hashed and spooled: a first part of another moment would leave a gap, or doubles."""
    job.pending.append((b"", [b"big"]))
    task = job.next()
    for name in (b"a", b"b"):
        job.message(0, ("part", task[1], b"big", name == b"b", name, b""))
    job.died(0, [task], -9)
    job.spool(0)
    repeated = next(task for task in iter(job.next, None) if task[0] == "directories")

    def listed_again() -> None:
        for name in again:
            job.message(0, ("part", repeated[1], b"big", name == b"c", name, b""))
        job.done(0, repeated, ("done", repeated[1], False))

    with pytest.raises(ManifestError, match="changed after a hashing worker was killed"):
        listed_again()


def test_directory_that_two_workers_died_in(job):
    said: list[str] = []
    job.say = said.append
    job.pending.append((b"", [b"good", b"bad"]))
    job.waiting = 2
    job.died(0, [("directories", 1, b"", [b"good", b"bad"])], -9)
    job.pending.clear()
    job.spool(0)
    job.died(0, [("directories", 2, b"", [b"bad"]), ("directories", 3, b"", [b"good"])], -9)
    assert [decode(stored).directory for _, stored, _ in job.lost] == [b"bad"]
    assert decode(job.lost[0][1]).errno == errno.EOWNERDEAD
    assert job.pending == [(b"", [b"good"])]
    part = ("part", 4, b"big", True, b"x\0y", b"")
    job.spool(0)
    for _ in range(2):
        job.died(0, [part], -9)
        job.spool(0)
    assert decode(job.lost[1][1]).errors == 2
    assert said[-1] == "two hashing workers were killed at big: recorded as unreadable"


def test_workers_that_keep_dying_or_end_by_themselves_stop_it(job):
    with pytest.raises(ManifestError, match="ended with 1"):
        job.died(0, [], 1)
    for _ in range(100):
        job.died(0, [], -9)
    with pytest.raises(ManifestError, match="101 hashing workers were killed, the last by signal 9"):
        job.died(0, [], -9)
