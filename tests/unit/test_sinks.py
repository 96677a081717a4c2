"""A deposit is whole, durable, write-once and named by its digest."""

from __future__ import annotations

import hashlib
import os
import resource
import stat
from pathlib import Path

import pytest

from drp.errors import EvidenceError, NotFound, StorageFull
from drp.sinks import DirectorySink


@pytest.fixture
def sink(tmp_path: Path) -> DirectorySink:
    return DirectorySink(tmp_path / "state" / "evidence")


def test_what_is_put_is_there_with_its_digest(sink: DirectorySink) -> None:
    receipt = sink.put("drill-1", "record.json", b"{}")
    assert receipt.digest == hashlib.sha256(b"{}").hexdigest()
    assert Path(receipt.location).read_bytes() == b"{}"
    assert sink.get("drill-1", "record.json") == b"{}"
    assert (sink.drills(), sink.names("drill-1")) == (("drill-1",), ("record.json",))


def test_a_deposit_is_read_only_and_leaves_no_temporary_file(sink: DirectorySink) -> None:
    path = Path(sink.put("drill-1", "record.json", b"{}").location)
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert os.listdir(path.parent) == ["record.json"]


def test_the_same_bytes_again_are_the_same_deposit(sink: DirectorySink) -> None:
    first = sink.put("drill-1", "record.json", b"{}")
    inode = Path(first.location).stat().st_ino
    assert sink.put("drill-1", "record.json", b"{}") == first
    assert Path(first.location).stat().st_ino == inode


def test_other_bytes_are_refused_and_change_nothing(sink: DirectorySink) -> None:
    receipt = sink.put("drill-1", "record.json", b"{}")
    with pytest.raises(EvidenceError, match="never overwritten"):
        sink.put("drill-1", "record.json", b"[]")
    assert Path(receipt.location).read_bytes() == b"{}"
    assert sink.names("drill-1") == ("record.json",)


def test_a_link_in_the_place_of_a_deposit_is_not_followed(sink: DirectorySink, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(b"{}")
    folder = Path(sink.put("drill-1", "other.json", b"").location).parent
    (folder / "record.json").symlink_to(target)
    with pytest.raises(EvidenceError):
        sink.put("drill-1", "record.json", b"{}")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../record.json", "a\n", "a\x00b", "é", "x" * 129])
def test_names_that_lead_elsewhere_are_refused(sink: DirectorySink, name: str) -> None:
    for drill, file in ((name, "record.json"), ("drill-1", name)):
        with pytest.raises(EvidenceError, match="cannot name evidence"):
            sink.put(drill, file, b"")
        with pytest.raises(EvidenceError, match="cannot name evidence"):
            sink.get(drill, file)


def test_what_is_not_there_is_not_found(sink: DirectorySink) -> None:
    assert (sink.drills(), sink.names("drill-1")) == ((), ())
    with pytest.raises(NotFound, match=r"no record\.json of drill drill-1"):
        sink.get("drill-1", "record.json")


def test_no_room_leaves_nothing(sink: DirectorySink) -> None:
    """A file size limit stands for a full disk: the kernel refuses the write in the same place."""
    folder = Path(sink.put("drill-1", "small", b"").location).parent
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageFull, match=r"record\.json"):
            sink.put("drill-1", "record.json", b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(folder) == ["small"]
