"""The single door to other programs: nothing else in drp starts a process.

`run` waits for a program (through ``sh``): bounded output, own time limits, its whole process group gone at the end
of them, secrets only through memfd. `start` leaves one running. The rules are hardened defaults of ``sh`` 2.x, each
of which was a trap: no pseudo terminal, a session of its own (else killing the group kills drp), callbacks that may
not raise, inheritable descriptors set by hand, and no argv in any message.
"""

from __future__ import annotations

import collections
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sh

from drp.errors import CommandFailed, Interrupted
from drp.redact import redact, remember

Stream = Literal["stdout", "stderr"]
OnLine = Callable[[Stream, str], None]

MINIMAL_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}
_TAIL_LINES = 40
_LINE_LIMIT = 400
_CAPTURE_LIMIT = 64 << 20
_GRACE_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How a program ended."""

    exit_code: int
    """Negative: killed by that signal."""
    stdout: str
    """Whole up to 64 MiB when asked for with ``capture``, otherwise empty."""
    tail: tuple[str, ...]
    """The last lines of both streams, redacted."""
    ended_by: Literal["itself", "timeout", "idle"] = "itself"
    duration_ms: int = 0


@contextmanager
def memory_file(name: str, content: bytes) -> Iterator[int]:
    """Yield the descriptor of an anonymous file in memory: how secrets travel."""
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield descriptor
    finally:
        os.close(descriptor)


def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    idle_seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    directory: Path | str = "/",
    on_line: OnLine | None = None,
    capture: bool = True,
    check: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
    activity: Callable[[], object] | None = None,
) -> Output:
    """Run a program to its end.

    ``environment`` is the whole environment besides a minimal PATH, HOME and locale; ``secrets`` maps environment
    variables to values: each value goes into a memfd and the variable names its path. ``idle_seconds`` without
    output ends the program; ``activity``, if given, counts as output whenever its value changes (for tools that
    print nothing). Raises ``CommandFailed`` on a non-zero end when ``check``, ``Interrupted`` when cancelled,
    ``CommandFailed`` with exit code 127 when there is no such program.
    """
    watch = _Watch(timeout_seconds, idle_seconds, cancelled, activity)
    collector = _Collector(on_line, capture=capture, touch=watch.touch)
    descriptors: list[int] = []
    variables = {**MINIMAL_ENVIRONMENT, **(environment or {})}
    try:
        for variable, value in (secrets or {}).items():
            remember(value)
            descriptors.append(os.memfd_create(variable.lower(), os.MFD_CLOEXEC))
            os.write(descriptors[-1], value.encode())
            variables[variable] = f"/proc/self/fd/{descriptors[-1]}"
        exit_code = _supervise(argv, variables, descriptors, stdin, directory, collector, watch)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    output = Output(
        exit_code=exit_code,
        stdout="".join(collector.captured),
        tail=tuple(collector.tail),
        ended_by=watch.ended_by,
        duration_ms=watch.elapsed_ms(),
    )
    if watch.was_cancelled:
        message = f"{Path(argv[0]).name} was stopped"
        raise Interrupted(message)
    if check and (exit_code != 0 or output.ended_by != "itself"):
        raise failure(argv[0], output)
    return output


def failure(program: str, output: Output) -> CommandFailed:
    """Return the error for a program that ended badly: its name, how, and its last words; never its argv."""
    how = {
        "timeout": "exceeded its time limit",
        "idle": "showed no sign of life",
        "itself": f"ended with signal {-output.exit_code}"
        if output.exit_code < 0
        else f"ended with {output.exit_code}",
    }[output.ended_by]
    last = f": {output.tail[-1]}" if output.tail else ""
    return CommandFailed(f"{Path(program).name} {how}{last}", exit_code=output.exit_code, tail=output.tail)


def _supervise(  # noqa: PLR0917 - one caller
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    stdin: bytes,
    directory: Path | str,
    collector: _Collector,
    watch: _Watch,
) -> int:
    options: dict[str, Any] = {
        "_env": dict(environment),
        "_cwd": str(directory),
        "_in": stdin,  # empty: the program reads end of file instead of waiting for ever
        "_tty_out": False,
        "_out": collector.callback("stdout"),
        "_err": collector.callback("stderr"),
        "_bg": True,
        "_bg_exc": False,
        "_new_session": True,
        "_pass_fds": set(descriptors),
        "_preexec_fn": lambda: _in_child(descriptors),
        "_return_cmd": True,
        "_decode_errors": "replace",
    }
    try:
        process = sh.Command(_resolve(argv[0], environment))(*argv[1:], **options)
    except sh.CommandNotFound:
        message = f"{argv[0]} is not installed"
        raise CommandFailed(message, exit_code=127, hint="run `drp doctor`") from None
    watcher = threading.Thread(target=watch.over, args=(process,), daemon=True)
    watcher.start()
    try:
        process.wait()
    except sh.ErrorReturnCode as error:
        return int(error.exit_code)
    finally:
        watch.finished.set()
        watcher.join()
        if watch.intervened:  # whoever ignored the polite signal, such as a shell's background jobs
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return 0


def _resolve(program: str, environment: Mapping[str, str]) -> str:
    if "/" in program:
        return program
    for folder in environment["PATH"].split(":"):
        candidate = Path(folder) / program
        if os.access(candidate, os.X_OK):
            return str(candidate)
    return program


def _in_child(descriptors: Sequence[int]) -> None:
    """Between fork and exec: die with drp, and keep the secret descriptors (sh does not clear close-on-exec)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)


class _Collector:
    """Takes lines as they come; an exception inside a callback of sh would be swallowed with the rest of the output."""

    def __init__(self, on_line: OnLine | None, *, capture: bool, touch: Callable[[], None]) -> None:
        self.tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        self.captured: list[str] = []
        self._size = 0
        self._on_line, self._capture, self._touch = on_line, capture, touch

    def callback(self, stream: Stream) -> Callable[[str | bytes], None]:
        def take(raw: str | bytes) -> None:
            try:
                self._take(stream, raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw)
            except Exception as error:  # noqa: BLE001 - see the class docstring
                self.tail.append(f"<reading {stream}: {error!r}>")

        return take

    def _take(self, stream: Stream, line: str) -> None:
        self._touch()
        if self._capture and stream == "stdout" and self._size < _CAPTURE_LIMIT:
            self.captured.append(line)
            self._size += len(line)
        text = line.rstrip("\n")
        if text.strip():
            self.tail.append(redact(text[:_LINE_LIMIT]))
        if self._on_line is not None:
            self._on_line(stream, text)


class _Watch:
    """Ends a program at its time limits or on request: SIGINT to its group, then SIGKILL."""

    def __init__(
        self,
        timeout: float,
        idle: float | None,
        cancelled: Callable[[], bool],
        activity: Callable[[], object] | None,
    ) -> None:
        self.finished = threading.Event()
        self.ended_by: Literal["itself", "timeout", "idle"] = "itself"
        self.was_cancelled = False
        self._timeout, self._idle = timeout, idle
        self._cancelled, self._activity = cancelled, activity
        self._started = self._last = time.monotonic()
        self._last_activity: object = None

    def touch(self) -> None:
        self._last = time.monotonic()

    @property
    def intervened(self) -> bool:
        return self.was_cancelled or self.ended_by != "itself"

    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def over(self, process: Any) -> None:
        deadline: float | None = None
        while not self.finished.wait(0.05):
            now = time.monotonic()
            if deadline is None and self._must_end(now):
                self._signal(process, signal.SIGINT)
                deadline = now + _GRACE_SECONDS
            elif deadline is not None and now > deadline:
                self._signal(process, signal.SIGKILL)

    def _must_end(self, now: float) -> bool:
        if self._activity is not None and (value := self._activity()) != self._last_activity:
            self._last_activity = value
            self.touch()
        if self._cancelled():
            self.was_cancelled = True
        elif now - self._started > self._timeout:
            self.ended_by = "timeout"
        elif self._idle is not None and now - self._last > self._idle:
            self.ended_by = "idle"
        else:
            return False
        return True

    @staticmethod
    def _signal(process: Any, number: int) -> None:
        with suppress(ProcessLookupError):
            process.signal_group(number)


_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drp-spawner")
"""PR_SET_PDEATHSIG fires when the spawning *thread* ends, so one thread that never ends starts all that stays."""


def start(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stdout: int | None = None,
    stderr: int | None = None,
    directory: Path | str = "/",
) -> subprocess.Popen[bytes]:
    """Start a program that stays, in a session of its own; stdin is /dev/null, and so are the streams not given.

    The caller ends it. Raises ``CommandFailed`` with exit code 127 when there is no such program.
    """

    def spawn() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.DEVNULL,
            stderr=stderr if stderr is not None else subprocess.DEVNULL,
            cwd=directory,
            env={**MINIMAL_ENVIRONMENT, **(environment or {})},
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )

    try:
        return _spawner.submit(spawn).result()
    except FileNotFoundError as error:
        message = f"{argv[0]} is not installed"
        raise CommandFailed(message, exit_code=127, hint="run `drp doctor`") from error


Process = subprocess.Popen[bytes]
