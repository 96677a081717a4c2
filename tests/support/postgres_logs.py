"""Where a log holds what, and how copies of one are altered."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.postgres_bench import PROGRAMS, Bench, Failed, Production


def segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if len(path.name) == 24)


def with_rows(folder: Path, place: int = -1) -> Path:
    """Return a segment that holds about a hundred of the rows: the last, or another."""
    found = []
    for path in segments(folder):
        said = subprocess.run([PROGRAMS / "pg_waldump", path], capture_output=True, text=True, check=False).stdout
        if said.count("INSERT") >= 90:
            found.append(path)
    return found[place]


def cut_behind(folder: Path, last: Path) -> None:
    for path in segments(folder):
        if path.name > last.name:
            path.unlink()


def flip(path: Path, offset: int, count: int = 40) -> None:
    content = bytearray(path.read_bytes())
    offset %= len(content)
    content[offset : offset + count] = bytes(255 - byte for byte in content[offset : offset + count])
    path.write_bytes(content)


def lay(bench: Bench, production: Production, change: Callable[[Path], None] | None = None, base: str = "base") -> Path:
    folder = production.folder
    return bench.lay(
        (folder / base, "pg"), (folder / "wal", "wal"), change=change and (lambda root: change(root / "wal"))
    )


def said_of(bench: Bench) -> str:
    """Return what a start has against the log, empty if nothing."""
    try:
        bench.start(wal_archive="wal")
    except Failed as failed:
        return str(failed)
    return ""


def packed(*words: str) -> Callable[[Path], None]:
    def change(wal: Path) -> None:
        for path in segments(wal):
            subprocess.run([*words, path], check=True, stderr=subprocess.DEVNULL)
            if path.exists():
                path.unlink()

    return change
