"""Files of a real binary log, and the means to damage copies of them: events by kind, and their checksums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.role_programs import load

HEADER = struct.Struct("<IBIIIH")
GTID, ROWS = 162, 23
binary_log, client, events = load("mariadb", "binary_log", "client", "binlog_events")


@dataclass
class Logs:
    """Four files: the first ended by a crash, the second by a rotation, the third by a shutdown, the fourth in use."""

    path: Path
    position: tuple[str, int]
    gtid: str
    now: datetime


def look(folder: Path, logs: Logs, **changes: Any) -> Any:
    wanted = {"file": logs.position[0], "start": logs.position[1], "gtid": logs.gtid, "now": logs.now, **changes}
    return binary_log.BinaryLog(folder, binary_log.Wanted(**wanted))


def told(log: Any) -> set[tuple[str, str]]:
    return {(each["kind"], each["subject"]) for each in log.folder.notices.told()}


def spans(content: bytes, kind: int) -> list[range]:
    """Return where the events of a kind lie."""
    found, position = [], 4
    while position + HEADER.size <= len(content):
        _, this, _, size, _, _ = HEADER.unpack_from(content, position)
        found += [range(position, position + size)] if this == kind else []
        position += size
    return found


def number(folder: Path, which: int) -> Path:
    return folder / f"binlog.{which:06}"


def change(path: Path, do: Callable[[bytearray], object]) -> None:
    content = bytearray(path.read_bytes())
    do(content)
    path.write_bytes(content)


def flip(at: int) -> Callable[[bytearray], None]:
    def do(content: bytearray) -> None:
        content[at] ^= 1

    return do


def sealed(content: bytearray, span: range) -> None:
    """Give an event the checksum of what it now holds, as only who forges it would."""
    total = zlib.crc32(content[span.start : span.stop - 4])
    content[span.stop - 4 : span.stop] = struct.pack("<I", total)
