"""A terminal of so many columns, with somebody who looks: what a command shows, line by line, and when it came."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ANOTHER = re.compile(r"\x1b\[\d*[AK]")
"""What begins a line anew, or goes back to one above."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[()][A-Z0-9]")


@dataclass(frozen=True)
class Seen:
    """What a terminal was sent."""

    status: int
    text: str
    first_after: float
    """Seconds from the start of the command to its first character."""

    @property
    def lines(self) -> list[str]:
        """Return every line that was ever shown, without what moves the cursor."""
        plain = _CONTROL.sub("", _ANOTHER.sub("\n", self.text))
        return [line.rstrip() for part in plain.replace("\r\n", "\n").split("\n") for line in part.split("\r")]


def on_terminal(argv: Sequence[str], *, columns: int, environment: Mapping[str, str], cwd: Path | None = None) -> Seen:
    """Run a command whose three standard streams are one terminal, to its end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    began, first, parts = time.monotonic(), 0.0, []
    process = subprocess.Popen(
        list(argv),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env={"TERM": "xterm", **environment},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            first = first or time.monotonic() - began
            parts.append(part)
    finally:
        status = process.wait(timeout=300)
        os.close(ours)
    return Seen(status=status, text=b"".join(parts).decode(errors="replace"), first_after=first)
