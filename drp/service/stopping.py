"""How somebody else than who started a drill asks it to stop: a paper in the state directory that its supervisor finds.

Who may write there may do anything to the site's drills anyway. The paper names who asks, and why, for the evidence.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.domain.visible import one_line

_LONGEST = 1000


def ask_to_stop(state_directory: Path, drill: str, by: str) -> None:
    """Leave word that a drill is to stop, for whoever supervises it on this site. Raises ``StorageFull``."""
    path = _paper(state_directory, drill)
    with storage_errors(path):
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    write_atomically(path, by.encode()[:_LONGEST])


def asked_to_stop(state_directory: Path, drill: str) -> str:
    """Return who asks that a drill stop, and take the paper away; empty: nobody does."""
    path = _paper(state_directory, drill)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as stream:
        said = stream.read(_LONGEST)
    with suppress(OSError):
        path.unlink()
    return one_line(said.decode("utf-8", "replace"), _LONGEST) or "somebody"


def _paper(state_directory: Path, drill: str) -> Path:
    return state_directory / "stop" / drill
