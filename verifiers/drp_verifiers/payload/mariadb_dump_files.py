"""The dumps of a folder that a MariaDB is loaded from, opened as their names say, and where each belongs."""

import bz2
import contextlib
import functools
import gzip
import lzma
import os
import re
import subprocess

from regular import opened as regular
from said import Said

DUMP = re.compile(r".+\.sql((?:\.\w+)?)", re.IGNORECASE)
LIBRARIES = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".lzma": lzma.LZMAFile,
}
PROGRAMS = {".zst": "zstd", ".lz4": "lz4"}
OWNER = re.compile(rb"^-- Host: .*\bDatabase: *(\S*)", re.MULTILINE)


class Packed(Said, EOFError):
    """What a dump is packed with did not unpack all of it."""


def dumps(folder):
    """Yield the path of each dump, and what opens it."""
    for name in sorted(os.listdir(folder)):
        path, found = os.path.join(folder, name), DUMP.fullmatch(name)
        suffix = found[1].lower() if found else None
        if found and os.path.isfile(path) and not os.path.islink(path) and suffix in {"", *LIBRARIES, *PROGRAMS}:
            yield path, functools.partial(unpacked, path, suffix)


@contextlib.contextmanager
def unpacked(path, suffix):
    """Give what a dump was before it was packed. Raises OSError, EOFError."""
    with regular(path) as raw:
        if suffix in PROGRAMS:
            words = [PROGRAMS[suffix], "-dcq"]
            with subprocess.Popen(words, stdin=raw, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
                yield program.stdout
                if program.wait():
                    raise Packed("program-ended", words[0], program.returncode)
        elif suffix:
            try:
                with LIBRARIES[suffix](raw) as stream:
                    yield stream
            except lzma.LZMAError as error:
                raise EOFError(str(error)) from None
        else:
            yield raw


def default_database(path, head, declared):
    """Return where a dump belongs that does not say it in its statements: by its head, as declared, or by its name."""
    found = OWNER.search(head)
    said = found[1].decode("utf-8", "replace") if found else ""
    return said or declared or os.path.basename(path).partition(".")[0]
