"""Restored files that may be compressed, read as they were before; their names say how: ``dump.sql.gz``.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from client import Failure, restored

LIBRARIES: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".lzma": lzma.LZMAFile,
}
PROGRAMS = {".zst": ("zstd", "-dcq"), ".lz4": ("lz4", "-dcq")}


def readable(suffix: str) -> bool:
    """Return whether files with this suffix can be read here; no suffix can."""
    return not suffix or suffix in LIBRARIES or (suffix in PROGRAMS and shutil.which(PROGRAMS[suffix][0]) is not None)


def lacking(suffix: str) -> str:
    """Return the program without which files with this suffix cannot be read, if that is all that is lacking."""
    return PROGRAMS[suffix][0] if suffix in PROGRAMS and not readable(suffix) else ""


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Yield the content of a file, unpacked as its name says. Raises Failure when it cannot be unpacked to its end."""
    try:
        with restored(path) as raw:
            if path.suffix in LIBRARIES:
                with LIBRARIES[path.suffix](raw) as stream:
                    yield stream
            elif path.suffix in PROGRAMS:
                yield from _through(PROGRAMS[path.suffix], raw, path.name)
            else:
                yield raw
    except (EOFError, zlib.error, lzma.LZMAError) as damage:
        raise Failure("{name} is damaged: {damage}", name=path.name, damage=damage) from None
    except OSError as damage:
        if damage.errno is not None:
            raise
        raise Failure("{name} is damaged: {damage}", name=path.name, damage=damage) from None


def _through(words: tuple[str, ...], raw: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    with subprocess.Popen(words, stdin=raw, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdout
        try:
            yield program.stdout
            whole = not program.stdout.read(1)
        finally:
            program.stdout.close()
            code = program.wait()
    if whole and code:
        raise Failure("{name} is damaged: {program} ended with {code}", name=name, program=words[0], code=code)
