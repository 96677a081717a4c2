"""Whether a dump was written to its end: what pg_restore does not ask, since it takes the end of a file for the end.

An archive of tar and a folder hold a file for each table: rows as COPY reads them, which end with ``\\.``, or
statements, which end with an empty line. The custom format says where the rows of a table end, not where the dump does.
"""

from __future__ import annotations

import os
import re
import tarfile
from pathlib import Path
from typing import IO

from pg_common import Failure, Limit, opened_plain, printable, text_of
from pg_dumps import Dump

_TAIL = 4096
_CHUNK = 1 << 20
_ANOTHER = re.compile(rb"PGDMP\x01[\x00-\x40][\x00-\x40]\x04\x08[\x01-\x05]")
"""Head of a dump: its format's version, the size of numbers and of offsets, and which format it is."""
_FORMS = (".dat", ".dat.gz", ".dat.lz4", ".dat.zst")


def require(dump: Dump) -> None:
    """Raise Failure for a dump that breaks off, Limit for several in one file."""
    if dump.path.is_dir():
        for path in dump.path.iterdir():
            opened_plain(path).close()  # pg_restore would wait for a pipe
        for table in dump.tables:
            _in_folder(dump, table)
    elif dump.parallel:
        _alone(dump.path)
    else:
        _in_archive(dump)


def require_roles(path: Path) -> str:
    """Return what a file of roles says. Raises Failure when it breaks off."""
    text = text_of(path, "surrogateescape")
    begun, ended = "-- PostgreSQL database cluster dump\n", "-- PostgreSQL database cluster dump complete\n"
    if not text.strip() or text.count(begun) > text.count(ended):
        raise Failure("{name} breaks off: it lacks its last line, {line}", name=path.name, line=ended[:-1])
    return text


def _in_folder(dump: Dump, table: str) -> None:
    paths = [path for form in _FORMS if (path := dump.path / f"{table}{form}").exists()]
    if not paths:
        return  # pg_restore misses it
    with opened_plain(paths[0]) as stream:
        size = os.fstat(stream.fileno()).st_size
        if not size or (paths[0].suffix == ".dat" and not _ended(stream, size)):
            raise _broken(dump.path, f"{table}.dat")


def _in_archive(dump: Dump) -> None:
    wanted = {f"{table}.dat" for table in dump.tables}
    with opened_plain(dump.path) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                for member in archive:
                    rows = archive.extractfile(member) if member.name in wanted else None
                    if rows is not None:
                        if not _ended(rows, member.size):
                            raise _broken(dump.path, member.name)
                        wanted.remove(member.name)
                stream.seek(archive.offset)
        except (tarfile.TarError, OSError) as error:
            raise Failure("the dump {name} breaks off: {error}", name=printable(dump.path.name), error=error) from None
        if wanted:
            raise _broken(dump.path, min(wanted))
        if any(chunk.strip(b"\0") for chunk in iter(lambda: stream.read(_CHUNK), b"")):
            raise _several(dump.path)


def _ended(stream: IO[bytes], size: int) -> bool:
    """Return whether rows or statements of a table were written to their end."""
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    if not tail.endswith(b"\n\n"):
        return False
    return tail.rstrip(b"\n").endswith((b"\n\\.", b";")) or tail.strip(b"\n") in {b"\\.", b""}


def _alone(path: Path) -> None:
    with opened_plain(path) as stream:
        stream.seek(1)
        last = b""
        while chunk := stream.read(_CHUNK):
            if _ANOTHER.search(last + chunk):
                raise _several(path)
            last = chunk[-16:]


def _broken(path: Path, member: str) -> Failure:
    return Failure(
        "the dump {name} breaks off: the rows in its {member} do not go to their end",
        name=printable(path.name),
        member=member,
    )


def _several(path: Path) -> Limit:
    return Limit(
        "the dump {name} holds another one behind it, which pg_restore does not read: keep each dump in a file of "
        "its own",
        name=printable(path.name),
    )
