"""Images that are made to hold up, blow up or mislead their reader: behaviour by behaviour, what it got."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Execution, Expectation
from drp_verifiers.dicom import DicomOptions, DicomVerifier
from tests.hospital import dicom
from tests.simulators.target import LocalTarget

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HEAD = b"\0" * 128 + b"DICM"
DEFLATED, EXPLICIT = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1"


def element(group: int, number: int, kind: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    if kind in {b"OB", b"SQ", b"UN"}:
        return struct.pack("<HH2sxxI", group, number, kind, size) + value
    return struct.pack("<HH2sH", group, number, kind, size) + value


def meta(syntax: bytes) -> bytes:
    return HEAD + element(2, 0x10, b"UI", syntax + b"\0" * (len(syntax) % 2))


def identified(*, study: bytes = b"1.2.3", instance: bytes = b"1.2.4") -> bytes:
    return element(8, 0x18, b"UI", instance) + element(0x20, 0x0D, b"UI", study) + element(0x20, 0x0E, b"UI", b"1.2.5")


class Folder:
    def __init__(self, root: Path) -> None:
        self.root, self.study = root, dicom.new_uid()
        for number in (1, 2):
            image = dicom.Image("P1", "DOE^J", "A1", self.study, dicom.new_uid(), number, NOW, 16)
            (root / f"{number}.dcm").write_bytes(dicom.instance(image))

    def read(self, seconds: float = 20, target: LocalTarget | None = None) -> dict[str, CheckResult]:
        facts = {
            "counts": {"patients": 1, "studies": 1, "series": 2, "instances": 2},
            "studies": {self.study: 2},
            "twice": 0,
        }
        expectation = Expectation(facts={"dicom": facts}, disaster_at=NOW, consistent_at=NOW, timeout_seconds=seconds)
        options = DicomOptions(root=str(self.root))
        answers = DicomVerifier().read(target or LocalTarget(user="root"), options, expectation)
        return {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "archive"
    root.mkdir()
    return Folder(root)


def pipe(root: Path) -> None:
    os.mkfifo(root / "0.dcm")


def endless_device(root: Path) -> None:
    (root / "0.dcm").symlink_to("/dev/zero")


def circle(root: Path) -> None:
    (root / "deep").mkdir()
    (root / "deep/up").symlink_to("..")


def holes(root: Path) -> None:
    """4 TiB that take no room: a thousand elements of nothing."""
    with (root / "0.dcm").open("wb") as file:
        file.write(meta(EXPLICIT))
        for _ in range(1000):
            file.write(element(9, 1, b"UN", b"", 0xFFFFFFF0))
            file.seek(0xFFFFFFF0, os.SEEK_CUR)
        file.truncate()


def blown_up(root: Path) -> None:
    """A megabyte that inflates to gigabytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = element(9, 1, b"UN", b"\0" * (1 << 20))
    packed = b"".join([packer.compress(identified()), *(packer.compress(piece) for _ in range(400)), packer.flush()])
    for number in range(60):
        (root / f"0{number}.dcm").write_bytes(meta(DEFLATED) + packed)


def nested(root: Path) -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    deep = b"".join(element(9, 1, b"SQ", b"", 0xFFFFFFFF) + item for _ in range(5000))
    (root / "0.dcm").write_bytes(meta(EXPLICIT) + deep)


def broken_off(root: Path) -> None:
    (root / "0.dcm").write_bytes(meta(EXPLICIT) + identified() + element(0x7FE0, 0x10, b"OB", b"\0" * 9, 0xFFFFFFFE))


def unprintable(root: Path) -> None:
    (root / "\x1b[2J\udc80.dcm").write_bytes(meta(EXPLICIT) + identified(study=b"1.2\x1b[31m.3\n4") + b"\0\0")


def another_study(root: Path) -> None:
    (root / "0.dcm").write_bytes(meta(EXPLICIT) + identified(study=b"1.9" * 20000))


def one_image_twice(root: Path) -> None:
    (root / "0.dcm").write_bytes((root / "1.dcm").read_bytes())


NOTHING: set[str] = set()
BEHAVIOURS: list[tuple[Callable[[Path], None], set[str], set[str]]] = [
    (pipe, NOTHING, NOTHING),
    (endless_device, NOTHING, NOTHING),
    (circle, NOTHING, NOTHING),
    (holes, NOTHING, {"files", "counts", "studies"}),
    (blown_up, NOTHING, {"files", "counts", "studies"}),
    (nested, NOTHING, {"files", "counts", "studies"}),
    (broken_off, {"files"}, NOTHING),
    (unprintable, {"files"}, NOTHING),
    (another_study, {"counts"}, NOTHING),
    (one_image_twice, {"duplicates"}, NOTHING),
]


@pytest.mark.parametrize(
    ("behaviour", "failed", "undetermined"), BEHAVIOURS, ids=[behaviour.__name__ for behaviour, *_ in BEHAVIOURS]
)
def test_an_image_that_misbehaves(
    folder: Folder, behaviour: Callable[[Path], None], failed: set[str], undetermined: set[str]
) -> None:
    """What it is not waited for is not the archive's fault; what is damaged or another one is."""
    behaviour(folder.root)
    results = folder.read(4 if undetermined else 20)
    found = {outcome: {check for check, each in results.items() if each.outcome == outcome}
             for outcome in ("failed", "undetermined")}  # fmt: skip
    assert (found["failed"], found["undetermined"]) == (failed, undetermined), results
    for result in results.values():
        assert (result.observed + result.statement).isprintable()
        assert len(result.observed) < 2000


class Killed(LocalTarget):
    """A reader that the limits of its cell end."""

    def __init__(self, signal: str) -> None:
        super().__init__(user="root")
        self.signal = signal

    def run(self, argv: object, **more: object) -> Execution:  # type: ignore[override]
        return super().run(["/bin/sh", "-c", f"kill -{self.signal} $$"], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signal", "outcome"),
    [("KILL", "undetermined"), ("XCPU", "undetermined"), ("XFSZ", "undetermined"), ("SEGV", "failed")],
)
def test_what_ends_the_reader_is_told_apart(folder: Folder, signal: str, outcome: str) -> None:
    """Memory, time and room are the machine's; content that crashes its reader is the backup's."""
    assert folder.read(target=Killed(signal))["files"].outcome == outcome


def test_a_reader_without_memory_says_nothing_of_the_archive(folder: Folder) -> None:
    many = b"".join(identified(instance=b"1.2.%d" % number) for number in range(3))
    (folder.root / "0.dcm").write_bytes(meta(EXPLICIT) + many)

    class Small(LocalTarget):
        def run(self, argv: object, **more: object) -> Execution:  # type: ignore[override]
            return super().run(["prlimit", "--as=9000000", *argv], **more)  # type: ignore[misc, arg-type]

    assert folder.read(target=Small(user="root"))["files"].outcome == "undetermined"
