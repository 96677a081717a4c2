"""Writes small synthetic CT instances (Part 10 files, explicit VR little endian) with the standard library only."""

from __future__ import annotations

import random
import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_LONG = {"OB", "OW", "SQ", "UN", "UT"}


@dataclass(frozen=True)
class Image:
    """What identifies one slice."""

    patient_id: str
    patient_name: str
    accession_number: str
    study_uid: str
    series_uid: str
    number: int
    taken_at: datetime
    size: int = 128


def new_uid() -> str:
    """Return a unique identifier under the root for UUIDs (PS3.5 §B.2): at most 44 characters, well below 64."""
    return f"2.25.{uuid.uuid4().int}"


def instance(image: Image, instance_uid: str | None = None) -> bytes:
    """Return the bytes of a CT instance whose pixels are noise that depends on nothing but its UID."""
    instance_uid = instance_uid or new_uid()
    taken = image.taken_at.astimezone(UTC)
    pixels = random.Random(instance_uid).randbytes(image.size * image.size * 2)
    meta = b"".join(
        _element(*row)
        for row in (
            (0x0002, 0x0001, "OB", b"\x00\x01"),
            (0x0002, 0x0002, "UI", CT_IMAGE_STORAGE),
            (0x0002, 0x0003, "UI", instance_uid),
            (0x0002, 0x0010, "UI", _EXPLICIT_LITTLE_ENDIAN),
            (0x0002, 0x0012, "UI", "2.25.1"),
        )
    )
    data = b"".join(
        _element(*row)
        for row in (
            (0x0008, 0x0016, "UI", CT_IMAGE_STORAGE),
            (0x0008, 0x0018, "UI", instance_uid),
            (0x0008, 0x0020, "DA", f"{taken:%Y%m%d}"),
            (0x0008, 0x0030, "TM", f"{taken:%H%M%S}"),
            (0x0008, 0x0050, "SH", image.accession_number),
            (0x0008, 0x0060, "CS", "CT"),
            (0x0008, 0x0070, "LO", "SYNTHETIC"),
            (0x0008, 0x0090, "PN", ""),
            (0x0010, 0x0010, "PN", image.patient_name),
            (0x0010, 0x0020, "LO", image.patient_id),
            (0x0010, 0x0030, "DA", ""),
            (0x0010, 0x0040, "CS", "O"),
            (0x0020, 0x000D, "UI", image.study_uid),
            (0x0020, 0x000E, "UI", image.series_uid),
            (0x0020, 0x0010, "SH", image.accession_number),
            (0x0020, 0x0011, "IS", "1"),
            (0x0020, 0x0013, "IS", str(image.number)),
            (0x0028, 0x0002, "US", struct.pack("<H", 1)),
            (0x0028, 0x0004, "CS", "MONOCHROME2"),
            (0x0028, 0x0010, "US", struct.pack("<H", image.size)),
            (0x0028, 0x0011, "US", struct.pack("<H", image.size)),
            (0x0028, 0x0100, "US", struct.pack("<H", 16)),
            (0x0028, 0x0101, "US", struct.pack("<H", 16)),
            (0x0028, 0x0102, "US", struct.pack("<H", 15)),
            (0x0028, 0x0103, "US", struct.pack("<H", 0)),
            (0x7FE0, 0x0010, "OW", pixels),
        )
    )
    length = _element(0x0002, 0x0000, "UL", struct.pack("<I", len(meta)))
    return b"\x00" * 128 + b"DICM" + length + meta + data


def _element(group: int, number: int, kind: str, value: str | bytes) -> bytes:
    raw = value.encode("ascii") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\x00" if kind in {"UI", "OB"} else b" "
    head = struct.pack("<HH", group, number) + kind.encode()
    return head + (struct.pack("<HI", 0, len(raw)) if kind in _LONG else struct.pack("<H", len(raw))) + raw
