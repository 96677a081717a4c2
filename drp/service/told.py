"""What was told to whom: one file in the state directory, whole or absent, without any secret.

It saves repetition and decides nothing. A file that is lost or cannot be read is an empty one: all is told again.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.codec import canonical, from_json, to_data
from drp.domain.phrase import Phrase, say
from drp.domain.telling import Listener
from drp.errors import Busy, Tampered

_LARGEST = 16 << 20
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What everybody has heard."""

    version: int = 1
    listeners: Mapping[str, Listener] = field(default_factory=dict)
    """Target → what it knows."""
    owed: Mapping[str, str] = field(default_factory=dict)
    """Policy → the sign that its ping still has to give: a success that got lost would look like a missed drill."""
    silent: Mapping[str, Phrase] = field(default_factory=dict)
    """What else is sent to (``ping``, ``ping:ehr/full``, ``traces``) → why it took nothing the last time."""


_unsaved: dict[Path, Memory] = {}
"""What this process could not write down: a full disk must neither silence drp nor make it repeat itself."""


def recall(state_directory: Path) -> Memory:
    """Return what is remembered; nothing, where there is no file or nobody can read it."""
    if state_directory in _unsaved:
        return _unsaved[state_directory]
    try:
        with _file(state_directory).open("rb") as stream:
            found = from_json(Memory, stream.read(_LARGEST))
    except (OSError, Tampered):
        return Memory()
    return found if found.version == 1 else Memory()


def deaf(state_directory: Path, targets: Collection[str]) -> tuple[str, ...]:
    """Return which of the targets have taken no message for several tries: somebody has to look after them."""
    if not targets:
        return ()
    listeners = recall(state_directory).listeners
    return tuple(name for name in targets if name in listeners and listeners[name].deaf)


def remember_told(state_directory: Path, memory: Memory) -> None:
    """Keep what was told; in this process, where it cannot be written. Raises ``StorageFull``."""
    _unsaved[state_directory] = memory
    file = _file(state_directory)
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    write_atomically(file, canonical(to_data(memory)))
    del _unsaved[state_directory]


@contextmanager
def one_teller(state_directory: Path) -> Iterator[None]:
    """Be the one process that tells for this site.

    Raises ``Busy`` while another does, and ``StorageFull`` where this user may not write; where there is no room, it is
    better told twice than not at all.
    """
    folder = _file(state_directory).parent
    lock = None
    with storage_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
    try:
        _take(lock)
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _take(lock: int | None) -> None:
    try:
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(
            say("another drp is telling what there is to tell"), hint="nothing is missed: it tells all"
        ) from None


def _file(state_directory: Path) -> Path:
    return state_directory / "monitoring" / "told.json"
