"""The bytes of a repository's objects behind a REST server: listed by its parts, and read without landing on disk.

Keys are those of a directory (``data/ab/ab…``); the server itself has no such folders (``data/ab…``).
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime

from drp.domain.phrase import say
from drp.domain.worm.objects import ObjectVersion
from drp.errors import ObjectAbsent, ShortBody
from drp.repositories.locations.rest.connection import RestConnection
from drp.repositories.locations.rest.reader import RestReader
from drp.repositories.locations.stored import PIECE, Odd

_PARTS = ("keys", "snapshots", "index", "data", "locks")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Listings tell no times."""


class StoredServer:
    """The files of a repository behind a REST server, each an object; none has versions."""

    def __init__(self, name: str, connection: RestConnection) -> None:
        """Take the repository's name, for messages, and who speaks to the server."""
        self._name, self._connection = name, connection
        self._reader = RestReader(name, connection)

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        """Yield the files below a folder; what the server does not list, such as foreign names, is not there."""
        part, _, below = folder.strip("/").partition("/")
        if part in {"", "config"} and (size := self._reader.size("config")) is not None:
            yield _version("config", size)
        for each in _PARTS:
            if part not in {"", each}:
                continue
            for name, told in self._reader.names(each):
                if each == "data" and below not in {"", name[:2]}:
                    continue
                size = told if told is not None else self._reader.size(f"{each}/{name}")
                if size is not None:  # otherwise it went meanwhile
                    yield _version(f"data/{name[:2]}/{name}" if each == "data" else f"{each}/{name}", size)

    def everything(self, folder: str = "") -> Iterator[ObjectVersion | Odd]:
        """Yield the same: a server lists nothing but files."""
        yield from self.versions(folder)

    def read(self, key: str, version: str | None, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a file; a server keeps no versions but the current one."""
        path = _path(key)
        if version or path is None:
            raise self._absent(key)
        received = 0
        try:
            for piece in self._connection.stream(path, offset=offset, length=length, most=PIECE):
                received += len(piece)
                yield piece
        except FileNotFoundError:
            raise self._absent(key) from None
        except http.client.IncompleteRead as error:
            raise ShortBody(
                say(
                    "{object} of {repository} ended after {received} of {wanted} bytes",
                    object=key,
                    repository=self._name,
                    received=received,
                    wanted=received + (error.expected or 0),
                ),
                received=received,
            ) from error

    def views(self, key: str, version: str | None) -> Iterator[bytes | memoryview]:
        """Yield the bytes of a file from its start."""
        yield from self.read(key, version)

    def _absent(self, key: str) -> ObjectAbsent:
        return ObjectAbsent(say("{object} of {repository} is not there", object=key, repository=self._name))


def _version(key: str, size: int) -> ObjectVersion:
    return ObjectVersion(key=key, version="", size=size, modified=_EPOCH, latest=True, marker=False)


def _path(key: str) -> str | None:
    """Return how the server calls a file; None: it has none of that name."""
    parts = key.split("/")
    if any(part in {"", ".", ".."} or not part.isalnum() for part in parts):
        return None
    if parts[0] != "data":
        return key
    return f"data/{parts[2]}" if len(parts) == 3 and parts[2].startswith(parts[1]) else None
