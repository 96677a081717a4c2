"""The single door to other programs: nothing else in drp starts a process.

`run` waits for a program (through ``sh``): bounded output, own time limits, its whole process group gone at the end
of them, secrets only through memfd. `start` leaves one running. The rules are hardened defaults of ``sh`` 2.x, each
of which was a trap: no pseudo terminal, a session of its own (else killing the group kills drp), callbacks that may
not raise, inheritable descriptors set by hand, and no argv in any message.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from drp.domain.first_fatal import first_fatal
from drp.domain.phrase import joined, say
from drp.errors import CommandFailed, Interrupted
from drp.redact import remember
from drp.watch import GRACE_SECONDS, Collector, OnLine, Stream, Watch

MINIMAL_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}
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
    grace_seconds: float = GRACE_SECONDS,
) -> Output:
    """Run a program to its end.

    ``environment`` is the whole environment besides a minimal PATH, HOME and locale; ``secrets`` maps environment
    variables to values: each value goes into a memfd and the variable names its path. ``idle_seconds`` without
    output ends the program; ``activity``, if given, counts as output whenever its value changes (for tools that
    print nothing). ``grace_seconds`` pass between the request to end and the end. Raises ``CommandFailed`` on a
    non-zero end when ``check``, ``Interrupted`` when cancelled, ``CommandFailed`` with exit code 127 when there is no
    such program.
    """
    watch = Watch(timeout_seconds, idle_seconds, cancelled, activity, grace_seconds)
    collector = Collector(on_line, capture=capture, touch=watch.touch)
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
        message = say("{name} was stopped", name=Path(argv[0]).name)
        raise Interrupted(message)
    if check and (exit_code != 0 or output.ended_by != "itself"):
        raise failure(argv[0], output)
    return output


def failure(program: str, output: Output) -> CommandFailed:
    """Return the error for a program that ended badly: its name, how, and its first fatal line; never its argv."""
    name, code = Path(program).name, output.exit_code
    if output.ended_by == "timeout":
        how = say("{program} exceeded its time limit", program=name)
    elif output.ended_by == "idle":
        how = say("{program} showed no sign of life", program=name)
    elif code < 0:
        how = say("{program} ended with signal {number}", program=name, number=str(-code))
    else:
        how = say("{program} ended with {status}", program=name, status=str(code))
    return CommandFailed(joined([how, first_fatal(list(output.tail))], ": "), exit_code=code, tail=output.tail)


def _supervise(  # noqa: PLR0917 - one caller
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Sequence[int],
    stdin: bytes,
    directory: Path | str,
    collector: Collector,
    watch: Watch,
) -> int:
    import sh  # noqa: PLC0415 - it brings asyncio and logging, and most verbs run no program

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
        message = say("{argv} is not installed", argv=argv[0])
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


@cache
def _spawner() -> Any:
    """Return the one thread that starts all that stays: PR_SET_PDEATHSIG fires when the spawning *thread* ends."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - it brings logging

    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="drp-spawner")


os.register_at_fork(after_in_child=_spawner.cache_clear)  # threads do not come along


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
        process: Process = _spawner().submit(spawn).result()
    except FileNotFoundError as error:
        message = say("{argv} is not installed", argv=argv[0])
        raise CommandFailed(message, exit_code=127, hint="run `drp doctor`") from error
    return process


Process = subprocess.Popen[bytes]

__all__ = ["MINIMAL_ENVIRONMENT", "OnLine", "Output", "Process", "Stream", "failure", "memory_file", "run", "start"]
