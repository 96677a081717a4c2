"""A terminal for tests: runs a program on a pseudo terminal and returns what a screen would be sent."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def on_a_terminal(argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path | str = "/") -> tuple[int, bytes]:
    """Return exit status and everything that was written to the terminal."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
    finally:
        os.close(theirs)
    written = b""
    with suppress(OSError):  # the end of a terminal
        while part := os.read(ours, 65536):
            written += part
    os.close(ours)
    return process.wait(60), written
