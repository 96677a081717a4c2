"""A real REST server of restic repositories on loopback: `rclone serve restic`, append-only or not."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

USER, PASSWORD = "drp reader", "p@ss/w:rd {0} %41"
"""Marks that addresses, templates and headers each read in their own way; a name of RFC 7617 has no colon."""
_SECONDS = 20.0


@dataclass(frozen=True)
class RestServer:
    """A server, and the folder that it serves."""

    folder: Path
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def writer(self, path: str) -> str:
        """Return the address of a repository as a backup job's restic takes it."""
        return f"rest:{self.scheme}://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{path}"


@contextmanager
def rest_server(folder: Path, *, append_only: bool, more: tuple[str, ...] = ()) -> Iterator[RestServer]:
    """Serve a folder for as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    flags = ["--append-only"] if append_only else []
    said = (folder.parent / f"{folder.name}.log").open("wb")
    running = subprocess.Popen(
        ["rclone", "serve", "restic", "--addr", f"127.0.0.1:{port}", "--user", USER, "--pass", PASSWORD, *flags, *more, str(folder)],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "RCLONE_CONFIG": "/dev/null"},
        stdout=said, stderr=said,
    )  # fmt: skip
    try:
        _wait(running, port)
        yield RestServer(folder=folder, port=port, scheme="https" if "--cert" in more else "http")
    finally:
        running.terminate()
        running.wait()
        said.close()


def _wait(running: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _SECONDS
    while True:
        assert running.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, "the server does not listen"
            time.sleep(0.02)  # it says nothing when it is ready
        else:
            return
