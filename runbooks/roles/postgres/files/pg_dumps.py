"""A folder of dumps: what each file is by its content, and what a dump says about itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pg_common import MAINTENANCE, Failure, Limit, complaint, notice, opened_plain, printable, run_tool

NAMED = (".dump", ".pgdump", ".backup")
GLOBALS = "globals.sql"
_UNREAD = "cannot be read"


class Dump(NamedTuple):
    """A dump that pg_restore reads, by its own table of contents."""

    path: Path
    database: str
    version: int
    extensions: tuple[str, ...]
    parallel: bool
    """Whether several parts can be loaded at once: of an archive of tar they cannot."""
    tables: tuple[str, ...]
    """Numbers of the tables whose rows it holds."""

    @property
    def makes_database(self) -> bool:
        """Return whether its database is made by it, and not by every new server."""
        return self.database not in MAINTENANCE


def find(folder: Path) -> tuple[list[Path], list[dict[str, str]]]:
    """Return the dumps of a folder, and notices of everything else in it. Raises Failure if there is none."""
    if not folder.is_dir():
        raise Failure("there is no folder {folder}: is dumps right?", folder=folder)
    dumps, told = [], []
    for path in sorted(folder.iterdir()):
        subject = f"{folder.name}/{path.name}"
        if path.is_dir():
            if (path / "toc.dat").is_file():
                dumps.append(path)
            else:
                told.append(notice("unused", subject, "a folder without toc.dat: no dump that pg_restore reads"))
        elif path.name != GLOBALS:
            what = _looks_like(path)
            if what.startswith(_UNREAD) and path.name.endswith(NAMED):
                raise Failure("the dump {name} {what}", name=printable(path.name), what=what)
            if what == "dump" or path.name.endswith(NAMED):
                dumps.append(path)
            elif what:
                told.append(notice("unused", subject, what))
            else:
                told.append(notice("beside", subject, "no dump"))
    if not dumps:
        unread = "; ".join(f"{one['subject']}: {one['observed']}" for one in told if one["kind"] == "unused")
        if unread:
            raise Limit(
                "there is no dump in {folder} that is loaded here: *.dump, *.pgdump, *.backup, or a folder with "
                "toc.dat ({unread})",
                folder=folder,
                unread=unread,
            )
        raise Failure(
            "there is no dump in {folder}: *.dump, *.pgdump, *.backup, or a folder with toc.dat", folder=folder
        )
    return dumps, told


def _looks_like(path: Path) -> str:
    """Return ``dump`` for what pg_restore reads, empty for what is none, else why it is not loaded."""
    try:
        with opened_plain(path) as stream:
            first = stream.read(4096)
    except OSError as error:
        return f"{_UNREAD}: {error.strerror or error}"
    if first.startswith(b"PGDMP") or (first[257:262] == b"ustar" and first.startswith(b"toc.dat\0")):
        return "dump"
    if b"PostgreSQL database dump" in first or b"PostgreSQL database cluster dump" in first:
        return "a plain SQL dump, which is not loaded: dump with pg_dump -Fc or -Fd"
    packed = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
    if first.startswith(packed):
        return "packed, and not unpacked here: pg_dump -Fc and -Fd pack what they write themselves"
    if first.startswith((b"age-encryption.org/", b"-----BEGIN", b"Salted__")) or re.search(
        r"\.(age|gpg|pgp|enc)$", path.name
    ):
        return "encrypted, and its key is not here"
    return "" if first and not path.name.lower().endswith((".sql", ".tar")) else "no dump that is known here"


def look(path: Path, programs: Path) -> Dump:
    """Return what a dump says about itself. pg_restore is a child: dumps with flipped bytes are known to kill it."""
    ended = run_tool([programs / "pg_restore", "-l", path])
    if ended.returncode:
        raise Failure(
            "the dump {name} is damaged: {how}", name=printable(path.name), how=complaint(ended, "pg_restore")
        )
    version = re.search(r"^; *Dumped from database version: *(\d+)", ended.stdout, re.MULTILINE)
    database = re.search(r"^; *dbname: (.*)$", ended.stdout, re.MULTILINE)
    extensions = re.findall(r"^\d+; \d+ \d+ EXTENSION - (\S+) *$", ended.stdout, re.MULTILINE)
    if version is None or database is None:
        raise Failure(
            "the dump {name} is damaged: its contents do not say where it came from", name=printable(path.name)
        )
    parallel = re.search(r"^; *Format: TAR\b", ended.stdout, re.MULTILINE) is None
    tables = re.findall(r"^(\d+); \d+ \d+ TABLE DATA ", ended.stdout, re.MULTILINE)
    return Dump(path, database.group(1), int(version.group(1)), tuple(extensions), parallel, tuple(tables))


def once(dumps: list[Dump]) -> None:
    """Raise Failure where two dumps are of one database: only one of them is what is to come back."""
    seen: dict[str, Path] = {}
    for dump in dumps:
        if dump.database in seen:
            both = f"{printable(seen[dump.database].name)} and {printable(dump.path.name)}"
            raise Failure(
                "{files} are both of the database {database}: keep one in the folder",
                files=both,
                database=printable(dump.database),
            )
        seen[dump.database] = dump.path
