"""Starts the program that reads a repository's own documents, feeds it, and takes what it found.

This side parses nothing that a backup says: it hands over bytes by name, of what the listing has, and gets names back.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from drp.atomic import make_folder, storage_errors
from drp.command import Process, memory_file, start
from drp.domain.phrase import NOTHING, Phrase, fact, say
from drp.domain.repository_port import Needs
from drp.errors import ObjectAbsent, StorageFull, Unreachable
from drp.repositories.locations.stored import StoredObjects
from drp.repositories.restic.needs import wire
from drp.repositories.restic.needs.listing import Listing, Names, Object, name_of

Told = Callable[[str, int, int], None]
"""Hears how far it is: ``index``, ``trees`` or ``cache``; how much is done, of how much (0: nobody knows)."""

_FOLDERS = {wire.KEY: "keys", wire.SNAPSHOT: "snapshots", wire.INDEX_FILE: "index", wire.PACK: "data"}
_STAGES = {b"i": "index", b"t": "trees", b"c": "cache"}
_AT_ONCE = 8
_SILENT_SECONDS = 120.0
_MISSING_SHOWN = 100
_PROGRAM = "drp.repositories.restic.needs.program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked about a repository."""

    name: str
    """The repository's, for messages."""
    stored: StoredObjects
    listing: Listing
    password: bytes
    cache: Path | None
    """A folder for what never changes; None: nothing is kept."""
    seconds: float = float("inf")
    """How long it may take."""

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return f"Asked(name={self.name!r}, …)"


def needs_of(asked: Asked, points: Sequence[str], told: Told = lambda *_: None) -> Iterator[tuple[str, Needs]]:
    """Yield what each point, given by its id, needs. Raises as `StoredObjects` does."""
    session = _Session(asked, points, told)
    answered = 0
    why = NOTHING
    with _program(asked) as (channel, process):
        try:
            for answer in session.answers(channel):
                answered += 1
                yield answer
            why = session.failed
        except (wire.Cut, ConnectionError):
            why = fact("needs-ended", "the program that reads it ended before its time")
        except TimeoutError:
            why = fact("needs-late", "it takes longer than it may")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for point in points[answered:]:
        yield point, Needs(unknown=why or fact("needs-ended", "the program that reads it ended before its time"))


@contextmanager
def _program(asked: Asked) -> Iterator[tuple[socket.socket, Process]]:
    ours, theirs = socket.socketpair()
    with ours, theirs, memory_file("password", asked.password) as password:
        folder = _private(asked.cache)
        argv = [sys.executable, "-I", "-m", _PROGRAM, str(theirs.fileno()), str(password), folder]
        process = start(argv, pass_fds=(theirs.fileno(), password))
        theirs.close()
        yield ours, process


def _private(folder: Path | None) -> str:
    """Return the cache's folder, made if need be; empty where none can be."""
    if folder is None:
        return ""
    try:
        with storage_errors(folder):
            make_folder(folder.parent)
            folder.mkdir(exist_ok=True, mode=0o700)
    except (StorageFull, OSError):
        return ""
    return str(folder)


class _Session:
    """One conversation with the program."""

    def __init__(self, asked: Asked, points: Sequence[str], told: Told) -> None:
        self._asked, self._points, self._told = asked, points, told
        self._deadline = time.monotonic() + asked.seconds
        self._keys = b""
        self._failed = NOTHING

    @property
    def failed(self) -> Phrase:
        """Why the program gave up, if it did."""
        return self._failed

    def answers(self, channel: socket.socket) -> Iterator[tuple[str, Needs]]:
        """Yield each point's needs. Raises ``TimeoutError``, ``Cut``, ``ConnectionError``."""
        self._begin(channel)
        packs, sources = bytearray(), bytearray()
        waiting = iter(self._points)
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="drp-needs") as pool:
            while True:
                frame = self._heard(channel)
                match frame.kind:
                    case wire.READ:
                        self._serve(channel, frame.content, pool)
                    case wire.ALIVE:
                        stage, done, total = wire.PROGRESS.unpack(frame.content)
                        self._told(_STAGES.get(stage, ""), done, total)
                    case wire.OPENED:
                        self._keys += frame.content
                    case wire.PACKS:
                        packs += frame.content
                    case wire.SOURCES:
                        sources += frame.content
                    case wire.POINT:
                        point = next(waiting)
                        yield point, self._needs(point, frame.content, packs, sources)
                        packs, sources = bytearray(), bytearray()
                    case wire.FAILED:
                        self._failed = self._why(frame.content)
                        return
                    case wire.DONE:
                        return
                    case _:
                        raise wire.Cut

    def _heard(self, channel: socket.socket) -> wire.Frame:
        channel.settimeout(max(0.001, min(_SILENT_SECONDS, self._deadline - time.monotonic())))
        return wire.receive(channel)

    def _begin(self, channel: socket.socket) -> None:
        parts = self._asked.listing.parts
        channel.settimeout(_SILENT_SECONDS)
        wire.send_names(channel, wire.KEYS, b"".join(parts["keys"]))
        index = b"".join(wire.LISTED.pack(name, each.size) for name, each in parts["index"].items())
        step = wire.PART * wire.LISTED.size
        for start_at in range(0, len(index), step):
            wire.send(channel, wire.INDEX, index[start_at : start_at + step])
        wire.send_names(channel, wire.POINTS, b"".join(map(bytes.fromhex, self._points)))
        wire.send(channel, wire.BEGIN)

    def _serve(self, channel: socket.socket, requests: bytes, pool: ThreadPoolExecutor) -> None:
        for kind, content in pool.map(self._fetched, wire.REQUEST.iter_unpack(requests)):
            wire.send(channel, kind, content)

    def _fetched(self, request: tuple[bytes, bytes, int, int]) -> tuple[bytes, bytes]:
        folder, identity, offset, length = request
        found = self._listed(folder, identity)
        if found is None or offset + length > found[1].size:
            return wire.ABSENT, b""
        name, there = found
        wanted = length or there.size
        if wanted > wire.LONGEST:
            return wire.LARGE, b""
        version = there.version or None
        try:
            content = b"".join(self._asked.stored.read(name, version, offset=offset, length=wanted))
        except ObjectAbsent:
            return wire.ABSENT, b""
        if len(content) != wanted:
            raise Unreachable(
                say("repository {name} broke off while {object} was read", name=self._asked.name, object=name)
            )
        return wire.BYTES, content

    def _listed(self, folder: bytes, identity: bytes) -> tuple[str, Object] | None:
        listed = self._asked.listing
        if folder == wire.CONFIG:
            return ("config", listed.config) if listed.config else None
        part = _FOLDERS.get(folder)
        found = listed.parts[part].get(identity) if part else None
        return (name_of(part, identity), found) if part and found else None

    def _needs(self, point: str, ended: bytes, packs: bytearray, sources: bytearray) -> Needs:
        why = self._why(ended)
        if why:
            return Needs(unknown=why, missing=self._absent(ended))
        parts = self._asked.listing.parts
        names = Names(
            parts=(
                ("keys", b"".join(sorted(_split(self._keys)))),
                ("snapshots", bytes.fromhex(point)),
                ("index", sources),
                ("data", packs),
            )
        )
        lost = [
            name_of(folder, each)
            for folder, ids in (("index", sources), ("data", packs))
            for each in _split(ids)
            if each not in parts[folder]
        ]
        return Needs(names=names, missing=tuple(lost[:_MISSING_SHOWN]), own=f"snapshots/{point}")

    def _absent(self, ended: bytes) -> tuple[str, ...]:
        """Return the object whose absence is why nobody could tell, if that is why."""
        _, reason, folder, identity = wire.END.unpack(ended)
        return (_named(folder, identity),) if reason == wire.IS_ABSENT else ()

    def _why(self, ended: bytes) -> Phrase:
        _, reason, folder, identity = wire.END.unpack(ended)
        return reason_of(reason, _named(folder, identity))


def _named(folder: bytes, identity: bytes) -> str:
    part = _FOLDERS.get(folder)
    return "config" if folder == wire.CONFIG else name_of(part, identity) if part else identity.hex()


def _split(ids: bytes | bytearray) -> Iterator[bytes]:
    return (bytes(ids[at : at + wire.ID]) for at in range(0, len(ids), wire.ID))


def reason_of(reason: bytes, name: str) -> Phrase:
    """Return why nobody can tell, in words."""
    match reason:
        case wire.NO_REASON:
            return NOTHING
        case wire.IS_ABSENT:
            return fact("needs-absent", "{object} is not there", object=name)
        case wire.UNAUTHENTIC:
            return fact("needs-unauthentic", "{object} was not sealed with the repository's key", object=name)
        case wire.OTHER_DIGEST:
            return fact("needs-digest", "the content of {object} is not what its name says", object=name)
        case wire.MALFORMED:
            return fact("needs-malformed", "{object} makes no sense", object=name)
        case wire.UNINDEXED:
            return fact("needs-unindexed", "no index file names all that the point is made of")
        case wire.WRONG_PASSWORD:
            return fact("needs-password", "the password opens none of the repository's keys")
        case wire.TOO_LARGE:
            return fact("needs-large", "{object} is larger than drp reads", object=name)
        case wire.NO_MEMORY:
            return fact("needs-memory", "it takes more memory than drp gives it")
        case wire.NO_ROOM:
            return fact("needs-room", "there is no room for what has to be kept meanwhile")
        case _:
            return fact("needs-ended", "the program that reads it ended before its time")
