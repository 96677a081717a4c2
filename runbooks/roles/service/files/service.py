"""Start a daemon inside the sandbox and wait until it is ready, or stop it. Reads a request as JSON, answers as JSON.

It runs on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. The daemon stays in the
foreground of a session of its own. A failure is one line on standard error, with the daemon's last words. The daemon is
restored code: whatever it makes of its log, its answers and its children, each wait here has one end.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

if "__file__" in globals():  # run as a file, beside its parts; else they come before it
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from first_fatal import first_fatal
from readiness import ATTEMPT_SECONDS, SMALL, WORDS, Failure, Overdue, Readiness, listening, within

LOOKED_AT = 64 << 10
HOME = Path("/run/service")
OVERLAYS = ("/run/", "/tmp/")  # noqa: S108 - inside the sandbox, which has a /tmp of its own
POLL_SECONDS = 0.05
KILL_SECONDS = 10


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
            with regular(self.process) as stream:
                pid, born = stream.read(SMALL).decode().split()
            return int(pid) if int(pid) > 1 and birth(int(pid)) == born else 0
        except (OSError, ValueError):
            return 0

    def last_words(self) -> str:
        """Return the end of the log on one line, and before it what says why, if that stands further up."""
        try:
            with regular(self.log) as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - LOOKED_AT))
                lines = stream.read(LOOKED_AT).decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        text = " · ".join(" ".join(line.split()) for line in lines[-8:] if line.strip())
        shown = "… " + text[-WORDS:] if len(text) > WORDS else text
        why = " ".join(first_fatal(lines).split())[:WORDS]
        first = f"it said: {why}; " if why not in shown else ""
        return f"{first}its last words: {shown}" if text else "it said nothing"

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
            real = os.path.join(os.path.realpath(os.path.dirname(path)), "")
            if not (os.path.normpath(path).startswith(OVERLAYS) and real.startswith(OVERLAYS)):
                raise Failure(f"the overlay {path} must lie below /run or /tmp: nothing restored is edited")
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with made(Path(path)) as stream:
                stream.write(text.encode())

    def spawn(self, request: dict[str, Any]) -> subprocess.Popen[bytes]:
        """Start the daemon in a session of its own, its words in the log."""
        command = [str(word) for word in request["command"]]
        environment = {"LOGNAME": os.environ.get("USER", "daemon"), **os.environ}
        environment.update({name: str(value) for name, value in (request.get("environment") or {}).items()})
        program = shutil.which(command[0], path=environment.get("PATH"))
        directory = request.get("directory") or "/"
        if not command[0] or program is None:
            raise Failure(f"there is no program {command[0]} in the sandbox: neither backup nor software brought it")
        if not os.path.isdir(directory):
            raise Failure(f"there is no directory {directory} in the sandbox: is it right?")
        self.folder.mkdir(parents=True, exist_ok=True)
        with made(self.log) as sink:
            daemon = subprocess.Popen(
                [program, *command[1:]], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment,
                cwd=directory, start_new_session=True,
            )  # fmt: skip
        with made(self.process) as stream:
            stream.write(f"{daemon.pid} {birth(daemon.pid)}".encode())
        return daemon

    def await_readiness(self, daemon: subprocess.Popen[bytes] | None, ready: Readiness, deadline: float) -> None:
        """Return as soon as it is ready; an early end and an answer that will never get better fail at once."""
        started = time.monotonic()
        while True:
            alive = self.running()
            code = daemon.poll() if daemon is not None else None  # asked last: who is gone now has left it
            if code is not None or not alive:
                how = f"was killed by signal {-code}" if code and code < 0 else f"ended with {code}"
                how = "is not to be found" if code is None else how
                seconds = time.monotonic() - started
                raise Failure(f"{self.name} {how} after {seconds:.1f} s, before it was ready; {self.last_words()}")
            try:
                with within(min(ATTEMPT_SECONDS, max(1.0, deadline - time.monotonic()))):
                    lacking = ready.lacking()
            except Overdue as overdue:
                lacking = str(overdue)
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
        how, born = "ended", birth(pid)
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while birth(pid) == born:  # and not what its file says meanwhile
            if time.monotonic() > deadline and how == "killed":
                raise Failure(f"{self.name} cannot be ended: process {pid} outlives KILL")
            if time.monotonic() > deadline:
                how, deadline = "killed", time.monotonic() + KILL_SECONDS
                os.killpg(pid, signal.SIGKILL)
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # children that outlived it
        self.process.unlink(missing_ok=True)
        return {"changed": True, "stopped": how}


def regular(path: Path) -> IO[bytes]:
    """Open a file that may have been replaced meanwhile: no link, no pipe, and never waiting. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(handle, "rb")


def made(path: Path) -> IO[bytes]:
    """Make a private file anew, whatever stands in its place."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def birth(pid: int) -> str:
    """Return when a process began, in clock ticks; empty if it is gone or dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


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
