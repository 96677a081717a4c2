"""What was told to whom: one file in the state directory, whole or absent, without any secret.

It saves repetition and decides nothing. A file that is lost or cannot be read is an empty one: all is told again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.codec import canonical, from_json, to_data
from drp.domain.telling import Listener
from drp.errors import Busy, Tampered

_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What everybody has heard."""

    version: int = 1
    listeners: Mapping[str, Listener] = field(default_factory=dict)
    """Target → what it knows."""
    owed: Mapping[str, str] = field(default_factory=dict)
    """Policy → the sign that its ping still has to give: a success that got lost would look like a missed drill."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """What else is sent to (``ping``, ``ping:ehr/full``, ``traces``) → why it took nothing the last time."""


def recall(state_directory: Path) -> Memory:
    """Return what is remembered; nothing, where there is no file or nobody can read it."""
    try:
        with _file(state_directory).open("rb") as stream:
            found = from_json(Memory, stream.read(_LARGEST))
    except (OSError, Tampered):
        return Memory()
    return found if found.version == 1 else Memory()


def remember_told(state_directory: Path, memory: Memory) -> None:
    """Keep what was told. Raises ``StorageFull``."""
    write_atomically(_file(state_directory), canonical(to_data(memory)))


@contextmanager
def one_teller(state_directory: Path) -> Iterator[None]:
    """Be the one process that tells for this site. Raises ``Busy`` while another does, and ``StorageFull``."""
    folder = _file(state_directory).parent
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Busy(
            "another drp is telling what this site has found out", hint="nothing is missed: it tells all"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _file(state_directory: Path) -> Path:
    return state_directory / "monitoring" / "told.json"
