"""Say whether a daemon is ready: a port, an answer over HTTP, a command; each attempt has one end.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WORDS = 420
SMALL = 8192
ATTEMPT_SECONDS = 20
ANSWER_LIMIT = 1 << 20
LISTENING = "0A"
ANY = {"0.0.0.0", "::"}  # noqa: S104 - looked for, not bound


class Failure(Exception):
    """What to tell, in one line."""


class Overdue(Exception):
    """One attempt took too long, however it was spun out."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise Overdue out of whatever is being done when the time is over, and again if that was swallowed."""

    def ring(*_: object) -> None:
        raise Overdue(f"no whole answer within {seconds:.0f} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Readiness:
    """What must hold before the daemon counts as started: a port, an answer over HTTP, a command; all that is given."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.host, self.port = str(wanted.get("host") or "127.0.0.1"), int(wanted.get("port") or 0)
        self.http, self.command = wanted.get("http") or {}, [str(word) for word in wanted.get("command") or []]
        if not (self.port or self.http or self.command):
            raise Failure("ready says nothing: give a port, http or a command, or the start would prove nothing")
        self.url = urlsplit(str(self.http.get("url", "")))
        self.hopeless = False
        self.ports = [(self.host, self.port)] if self.port else []
        if self.http:
            if self.url.scheme not in {"http", "https"} or not self.url.hostname:
                raise Failure(f"ready.http.url is {self.url.geturl()!r}: it must be a whole http or https address")
            self.ports.append((self.url.hostname, self.url.port or (443 if self.url.scheme == "https" else 80)))

    def lacking(self) -> str:
        """Return what is not ready yet, or an empty text."""
        for host, port in self.ports:
            if not listening(host, port):
                return f"nothing listens on port {port}"
        return (self.ask() if self.http else "") or (self.run() if self.command else "")

    def ask(self) -> str:
        host, port = self.ports[-1]
        connection = http.client.HTTPConnection(host, port, timeout=ATTEMPT_SECONDS)
        if self.url.scheme == "https":
            unverified = ssl.create_default_context()  # the name is production's, the address loopback
            unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(host, port, timeout=ATTEMPT_SECONDS, context=unverified)
        try:
            path = (self.url.path or "/") + (f"?{self.url.query}" if self.url.query else "")
            body = self.http.get("body")
            headers = {name: str(value) for name, value in (self.http.get("headers") or {}).items()}
            connection.request(self.http.get("method") or ("POST" if body else "GET"), path, body, headers)
            answer = connection.getresponse()
            text = answer.read(ANSWER_LIMIT).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return f"no answer over HTTP: {error or type(error).__name__}"
        finally:
            connection.close()
        if answer.status not in (self.http.get("status") or [200]):
            self.hopeless = answer.status in (self.http.get("hopeless") or [])
            return f"it answers {answer.status} over HTTP"
        refusal = self.http.get("refused")
        if refusal and re.search(refusal, text):
            self.hopeless = True
            return f"it refuses over HTTP: {' '.join(text.split())[:120]}"
        pattern = self.http.get("matches")
        if pattern and not re.search(pattern, text):
            return f"its answer over HTTP does not match {pattern!r}"
        return ""

    def run(self) -> str:
        try:
            command = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return f"the readiness command could not be run: {error}"
        words = Words(command)
        try:
            code = command.wait()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(command.pid, signal.SIGKILL)
            command.wait()
        return f"the readiness command ended with {code}: {words.last()}" if code else ""


class Words(threading.Thread):
    """Takes what a command says, and keeps the end of it; nobody waits for a child that keeps the pipe open."""

    def __init__(self, command: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        assert command.stderr
        self.pipe, self.kept = command.stderr.fileno(), b""
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self.pipe, 1 << 16):
                self.kept = (self.kept + chunk)[-SMALL:]

    def last(self) -> str:
        """Return the last line that was said."""
        self.join(0.5)
        lines = self.kept.decode("utf-8", "replace").strip().splitlines()
        return " ".join(lines[-1:])[:WORDS]


def listening(host: str, port: int) -> bool:
    """Return whether somebody listens. Read from the kernel, since a connection that fails would count as egress."""
    try:
        wanted = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise Failure(f"{host} is no address that the sandbox knows: {error}") from None
    anywhere = bool(wanted & ANY)
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        try:
            rows = Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            local, state = row.split()[1], row.split()[3]
            address, _, number = local.partition(":")
            if state == LISTENING and int(number, 16) == port:
                words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
                text = socket.inet_ntop(family, b"".join(words)).removeprefix("::ffff:")
                if anywhere or text in wanted or text in ANY:
                    return True
    return False
