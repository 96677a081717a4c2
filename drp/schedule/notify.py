"""What a service tells systemd, where that started it: that it is ready, that it lives, that it ends (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress


class Service:
    """The line to the service manager; without one, nothing is said."""

    def __init__(self) -> None:
        """Read from the environment where it listens, and how often it wants a sign of life."""
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        mine = os.environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        self._every = int(microseconds) / 2_000_000 if microseconds.isdecimal() and mine else 0.0
        self._last = 0.0

    def ready(self) -> None:
        """Say that it is at work."""
        self._say("READY=1")

    def alive(self) -> None:
        """Give a sign of life, in half the time after which the manager would start it again."""
        now = time.monotonic()
        if self._every and now - self._last >= self._every:
            self._last = now
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that it ends."""
        self._say("STOPPING=1")

    def _say(self, state: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.sendto(state.encode(), address)
