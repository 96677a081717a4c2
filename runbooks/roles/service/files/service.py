"""Start a daemon inside the sandbox and wait until it is ready, or stop it. Reads a request as JSON, answers as JSON.

It runs on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. The daemon stays in the
foreground of a session of its own. A failure is one line on standard error, with the daemon's last words.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOME = Path("/run/drp-service")
OVERLAYS = ("/run/", "/tmp/")  # noqa: S108 - inside the sandbox, which has a /tmp of its own
WORDS = 420
POLL_SECONDS = 0.05
ANSWER_LIMIT = 1 << 20
LISTENING = "0A"
ANY = {"0.0.0.0", "::"}  # noqa: S104 - looked for, not bound


class Failure(Exception):
    """What to tell, in one line."""


class Service:
    """One daemon, by its name: its process, its log, its overlays."""

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", name):
            raise Failure(f"{name!r} cannot be the name of a service: small letters, digits, hyphens")
        self.name, self.folder = name, HOME / name
        self.log, self.process = self.folder / "log", self.folder / "process"

    def running(self) -> int:
        """Return the daemon's process id, 0 if it does not run. A number may have been given anew: its birth tells."""
        try:
            pid, born = self.process.read_text().split()
        except (OSError, ValueError):
            return 0
        return int(pid) if birth(int(pid)) == born else 0

    def last_words(self) -> str:
        """Return the end of the log, on one line."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - 8192))
                lines = stream.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        text = " · ".join(" ".join(line.split()) for line in lines[-8:] if line.strip())
        return "its last words: " + ("… " + text[-WORDS:] if len(text) > WORDS else text) if text else "it said nothing"

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start it unless it runs, and wait until it is ready."""
        changed = not self.running()
        ready = Readiness(request.get("ready") or {})
        daemon = None
        started = time.monotonic()
        if changed:
            for host, port in ready.ports:
                if listening(host, port):
                    raise Failure(f"{self.name} cannot start: port {port} is already taken inside the sandbox")
            self.lay_over(request.get("overlays") or {})
            daemon = self.spawn(request)
        try:
            self.await_readiness(daemon, ready, started + float(request.get("seconds") or 120))
        except Failure:
            if daemon is not None:
                self.stop(2)
            raise
        return {"changed": changed, "pid": self.running(), "ready_ms": int((time.monotonic() - started) * 1000)}

    def lay_over(self, overlays: dict[str, str]) -> None:
        """Write the drill's own configuration beside what was restored, never over it."""
        for path, text in overlays.items():
            if not os.path.normpath(path).startswith(OVERLAYS):
                raise Failure(f"the overlay {path} must lie below /run or /tmp: nothing restored is edited")
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(text)

    def spawn(self, request: dict[str, Any]) -> subprocess.Popen[bytes]:
        """Start the daemon in a session of its own, its words in the log."""
        command = [str(word) for word in request["command"]]
        environment = {"LOGNAME": os.environ.get("USER", "drp"), **os.environ}
        environment.update({name: str(value) for name, value in (request.get("environment") or {}).items()})
        program = shutil.which(command[0], path=environment.get("PATH"))
        directory = request.get("directory") or "/"
        if not command[0] or program is None:
            raise Failure(f"there is no program {command[0]} in the sandbox: neither backup nor software brought it")
        if not os.path.isdir(directory):
            raise Failure(f"there is no directory {directory} in the sandbox: is it right?")
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as sink:
            daemon = subprocess.Popen(
                [program, *command[1:]], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment,
                cwd=directory, start_new_session=True,
            )  # fmt: skip
        self.process.write_text(f"{daemon.pid} {birth(daemon.pid)}")
        return daemon

    def await_readiness(self, daemon: subprocess.Popen[bytes] | None, ready: Readiness, deadline: float) -> None:
        """Return as soon as it is ready; an early end and an answer that will never get better fail at once."""
        started = time.monotonic()
        while True:
            code = daemon.poll() if daemon is not None else None
            if code is not None or not self.running():
                how = f"was killed by signal {-code}" if code and code < 0 else f"ended with {code}"
                seconds = time.monotonic() - started
                raise Failure(f"{self.name} {how} after {seconds:.1f} s, before it was ready; {self.last_words()}")
            lacking = ready.lacking()
            if not lacking:
                return
            if ready.hopeless or time.monotonic() > deadline:
                when = "will not become ready" if ready.hopeless else "was not ready in time"
                raise Failure(f"{self.name} {when}: {lacking}; {self.last_words()}")
            time.sleep(POLL_SECONDS)

    def stop(self, seconds: float) -> dict[str, Any]:
        """Ask it to end, wait, and kill what is left of its session."""
        pid = self.running()
        if not pid:
            return {"changed": False, "stopped": "not running"}
        how = "ended"
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                how = "killed"
                os.killpg(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # children that outlived it
        self.process.unlink()
        return {"changed": True, "stopped": how}


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
        connection = http.client.HTTPConnection(host, port, timeout=20)
        if self.url.scheme == "https":
            unverified = ssl.create_default_context()  # the name is production's, the address loopback
            unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(host, port, timeout=20, context=unverified)
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
            done = subprocess.run(self.command, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"the readiness command could not be run: {error}"
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"the readiness command ended with {done.returncode}: {' '.join(said[-1:])}" if done.returncode else ""


def birth(pid: int) -> str:
    """Return when a process began, in clock ticks; empty if it is gone or dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


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


def main() -> None:
    """Do what the request says."""
    request = json.load(sys.stdin)
    try:
        service = Service(str(request["name"]))
        stop = request["action"] == "stop"
        print(json.dumps(service.stop(float(request.get("seconds") or 30)) if stop else service.start(request)))
    except Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"{request['name']}: {error}")


if __name__ == "__main__":
    main()
