"""The ``dicom`` verifier on files of an image archive that are whole, cut short, missing or no images at all."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drp.domain.check import CheckResult, Execution, Expectation
from drp_verifiers.dicom import DicomOptions, DicomVerifier
from tests.hospital import dicom
from tests.simulators.target import LocalTarget

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Archive:
    root: Path
    studies: dict[str, int] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def facts(self) -> dict[str, object]:
        counts = {"patients": 1, "studies": 2, "series": 2, "instances": 4}
        return {"dicom": {"counts": counts, "studies": self.studies}}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "archive")
    made.root.mkdir()
    for _ in range(2):
        study, series = dicom.new_uid(), dicom.new_uid()
        made.studies[study] = 2
        for number in (1, 2):
            path = made.root / f"{study[-6:]}-{number}.dcm"
            path.write_bytes(dicom.instance(dicom.Image("PAT1", "Doe^J", "001", study, series, number, NOW, size=16)))
            made.files.append(path)
    (made.root / "readme.txt").write_text("not an image")
    return made


def verify(archive: Archive, facts: dict[str, object] | None = None) -> dict[str, CheckResult]:
    expectation = Expectation(
        facts=archive.facts() if facts is None else facts, disaster_at=NOW, consistent_at=NOW, timeout_seconds=60
    )
    target = LocalTarget(user="root")
    results = DicomVerifier().read(target, DicomOptions(root=str(archive.root)), expectation)
    return {result.check: result for result in results}


def test_a_whole_archive_passes(archive: Archive) -> None:
    results = verify(archive)
    assert {check: result.outcome for check, result in results.items()} == dict.fromkeys(
        ("files", "counts", "duplicates", "studies"), "passed"
    )
    assert "4 whole, 0 damaged, 1 of other kinds" in results["files"].observed


def test_facts_of_an_archive_are_what_is_compared(archive: Archive) -> None:
    expectation = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=60)
    facts = DicomVerifier().facts(LocalTarget(user="root"), DicomOptions(root=str(archive.root)), expectation)
    assert {result.outcome for result in verify(archive, facts).values()} == {"passed"}
    with pytest.raises(ValueError, match="nothing"):
        DicomVerifier().facts(LocalTarget(user="root"), DicomOptions(root="/absent"), expectation)


def cut_the_pixels(content: bytes) -> bytes:
    return content[:-7]


def lie_about_the_rows(content: bytes) -> bytes:
    rows = struct.pack("<HH2sH", 0x0028, 0x0010, b"US", 2)
    at = content.index(rows) + len(rows)
    return content[:at] + struct.pack("<H", 32) + content[at + 2 :]


def damage_a_header(content: bytes) -> bytes:
    at = content.index(struct.pack("<HH2s", 0x0028, 0x0002, b"US"))
    return content[: at + 4] + b"\x00\xff" + content[at + 6 :]


def lose_the_study(content: bytes) -> bytes:
    at = content.index(struct.pack("<HH2s", 0x0020, 0x000D, b"UI"))
    return content[:at] + struct.pack("<HH", 0x0020, 0x000B) + content[at + 4 :]


def nest_for_ever(content: bytes) -> bytes:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + struct.pack("<HH2sxxI", 0x0008, 0x1140, b"SQ", 0xFFFFFFFF)
    at = content.index(struct.pack("<HH2s", 0x0008, 0x0016, b"UI"))
    return content[:at] + struct.pack("<HH2sxxI", 0x0008, 0x1140, b"SQ", 0xFFFFFFFF) + item * 5000


def test_what_goes_further_than_it_is_read_says_nothing_of_the_file(archive: Archive) -> None:
    archive.files[0].write_bytes(nest_for_ever(archive.files[0].read_bytes()))
    results = verify(archive)
    assert {results[check].outcome for check in ("files", "counts", "studies")} == {"undetermined"}
    assert "is nested more than 64 deep" in results["files"].observed


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut_the_pixels, "too early"),
        (lie_about_the_rows, "512 bytes of pixels, 1024 bytes are needed"),
        (damage_a_header, "no value representation"),
        (lose_the_study, "names no study"),
    ],
)
def test_a_damaged_file_is_named(archive: Archive, damage: Callable[[bytes], bytes], said: str) -> None:
    path = archive.files[0]
    path.write_bytes(damage(path.read_bytes()))
    results = verify(archive)
    assert results["files"].outcome == "failed"
    assert path.name in results["files"].observed
    assert said in results["files"].observed
    assert results["counts"].outcome == "failed"
    assert results["studies"].outcome == "failed"


def test_a_lost_image_is_counted_in_its_study(archive: Archive) -> None:
    archive.files[0].unlink()
    results = verify(archive)
    assert results["files"].outcome == "passed"
    assert results["counts"].outcome == "failed"
    assert "has 1 of 2" in results["studies"].observed


def test_an_empty_folder_and_no_folder_fail(archive: Archive) -> None:
    for path in archive.files:
        path.unlink()
    assert verify(archive)["files"].outcome == "failed"
    archive.root = archive.root / "absent"
    assert verify(archive)["files"].outcome == "failed"


def test_without_facts_completeness_is_not_judged(archive: Archive) -> None:
    results = verify(archive, {})
    assert (results["counts"].outcome, results["studies"].outcome) == ("undetermined", "undetermined")


def test_a_flipped_bit_of_a_pixel_is_not_what_this_verifier_sees(archive: Archive) -> None:
    content = bytearray(archive.files[0].read_bytes())
    content[-100] ^= 1
    archive.files[0].write_bytes(content)
    assert verify(archive)["files"].outcome == "passed", "the documentation says so: stored digests are needed"


def test_links_and_pipes_are_not_followed(archive: Archive) -> None:
    import os

    os.mkfifo(archive.root / "pipe.dcm")
    (archive.root / "link.dcm").symlink_to(archive.files[0])
    assert verify(archive)["files"].outcome == "passed"


class SmallTarget(LocalTarget):
    """A machine whose memory is small beside the images."""

    def run(self, argv: Sequence[str], **options: Any) -> Execution:
        return super().run(("prlimit", f"--as={128 << 20}", "--", *argv), **options)


def long_object(path: Path, size: int) -> None:
    """Write an uncompressed object of many frames; its pixels are a hole in the file."""

    def element(tag: tuple[int, int], kind: bytes, value: bytes) -> bytes:
        return struct.pack("<HH2sH", *tag, kind, len(value)) + value

    def number(tag: tuple[int, int], value: int) -> bytes:
        return element(tag, b"US", struct.pack("<H", value))

    frames = size // (1024 * 1024 * 2)
    head = element((2, 0x10), b"UI", b"1.2.840.10008.1.2.1\0")
    data = b"".join((
        element((8, 0x18), b"UI", b"2.25.9"), element((0x10, 0x20), b"LO", b"P1"), element((0x20, 0xD), b"UI", b"2.25.7"),
        element((0x20, 0xE), b"UI", b"2.25.8"), number((0x28, 2), 1), element((0x28, 8), b"IS", b"%06d" % frames),
        number((0x28, 0x10), 1024), number((0x28, 0x11), 1024), number((0x28, 0x100), 16),
    ))  # fmt: skip
    pixels = struct.pack("<HH2sxxI", 0x7FE0, 0x10, b"OW", size)
    path.write_bytes(bytes(128) + b"DICM" + head + data + pixels)
    os.truncate(path, path.stat().st_size + size)


def test_an_object_may_be_longer_than_memory(tmp_path: Path) -> None:
    size = 256 << 20
    long_object(tmp_path / "tomosynthesis.dcm", size)
    expectation = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=60)

    def files() -> CheckResult:
        results = DicomVerifier().read(SmallTarget(user="root"), DicomOptions(root=str(tmp_path)), expectation)
        return next(result for result in results if result.check == "files")

    assert (files().outcome, "1 whole" in files().observed) == ("passed", True), files()
    os.truncate(tmp_path / "tomosynthesis.dcm", size)
    assert files().outcome == "failed"
    assert "bytes too early" in files().observed


def deflated(content: bytes) -> bytes:
    """Return an object as its transfer syntax 1.2.840.10008.1.2.1.99 stores it (PS3.5 section A.5)."""
    start = content.index(struct.pack("<HH", 0x0008, 0x0016))
    syntax = b"1.2.840.10008.1.2.1.99"
    packer = zlib.compressobj(wbits=-15)
    head = bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    return head + packer.compress(content[start:]) + packer.flush()


def test_a_deflated_object_is_read_to_its_end(archive: Archive) -> None:
    path = archive.files[0]
    whole = deflated(path.read_bytes())
    path.write_bytes(whole)
    assert verify(archive)["files"].outcome == "passed"
    path.write_bytes(whole[:-40])
    results = verify(archive)
    assert (results["files"].outcome, "deflated data breaks off" in results["files"].observed) == ("failed", True)
