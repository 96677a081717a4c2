"""The contract of the EvidenceSink port, which every adapter keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.domain.ports import EvidenceSink
from drp.errors import EvidenceError
from drp.sinks import DirectorySink

ADAPTERS: dict[str, Callable[[Path], EvidenceSink]] = {"directory": lambda root: DirectorySink(root / "evidence")}


@pytest.fixture(params=sorted(ADAPTERS))
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> EvidenceSink:
    return ADAPTERS[request.param](tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", bytes(range(256)) * 4096])
def test_a_receipt_has_the_digest_of_the_content(sink: EvidenceSink, content: bytes) -> None:
    assert sink.put("drill", "record.json", content).digest == hashlib.sha256(content).hexdigest()


def test_other_content_under_the_same_name_is_refused(sink: EvidenceSink) -> None:
    sink.put("drill", "record.json", b"one")
    with pytest.raises(EvidenceError):
        sink.put("drill", "record.json", b"two")


def test_the_same_content_again_is_the_same_deposit(sink: EvidenceSink) -> None:
    assert sink.put("drill", "record.json", b"one") == sink.put("drill", "record.json", b"one")


def test_names_do_not_leave_their_place(sink: EvidenceSink) -> None:
    for drill, name in (("..", "x"), ("drill", "../x"), ("/etc", "x"), ("", "x"), ("drill", "")):
        with pytest.raises(EvidenceError):
            sink.put(drill, name, b"")


def test_drills_and_names_are_kept_apart(sink: EvidenceSink) -> None:
    places = {
        sink.put(drill, name, f"{drill}{name}".encode()).location
        for drill in ("a", "b")
        for name in ("record.json", "x")
    }
    assert len(places) == 4
