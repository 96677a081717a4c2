"""The command line without its start: each `drp` is a process of its own, forked from one that has imported everything.

Starting the interpreter and importing takes most commands longer than what they do, and the suites run a thousand of them. What
is tried stays the same: own process, streams, environment, directory, exit status. What restores, serves or stays is started as
users start it, and so is whatever sets more of the environment than `PLAIN`.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import pkgutil
import random
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
"""What every command gets."""
PLAIN = {"PATH", "HOME", "DRP_SITE", "LC_ALL"}
"""What a forked process takes over from an environment just as one that is started does."""
STARTED = {"run", "resume", "exec", "clean", "abort", "try", "serve", "lint"}
"""Words of commands that are started as users do."""
_NUMBER = struct.Struct("=i")
_ONE_AT_A_TIME = threading.Lock()


def drp(
    *arguments: object, environment: Mapping[str, str] = ENVIRONMENT, cwd: str | Path = ROOT, text: bool = True, timeout: float = 120,
    stdin: int | bytes = subprocess.DEVNULL,
) -> subprocess.CompletedProcess[Any]:  # fmt: skip
    """Run `drp` with these words and nothing of this process's environment, as `subprocess.run` does; capture what it says."""
    words = [str(word) for word in arguments]
    if STARTED & set(words) or not PLAIN.issuperset(environment) or environment.get("LC_ALL") != "C.UTF-8":
        given: dict[str, Any] = (
            {"input": stdin.decode() if text else stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        )
        return subprocess.run(
            [sys.executable, "-m", "drp", *words], env=dict(environment), cwd=cwd, capture_output=True, text=text,
            check=False, timeout=timeout, **given,
        )  # fmt: skip
    request = json.dumps([words, dict(environment), os.fspath(cwd)]).encode()
    status, *said = _forked(request, stdin, timeout)
    return subprocess.CompletedProcess(["drp", *words], status, *(each.decode() if text else each for each in said))


def _forked(request: bytes, stdin: int | bytes, timeout: float) -> tuple[int, bytes, bytes]:
    """Return exit status and both streams of a command; one that takes too long is killed."""
    given, kept = (stdin, -1) if isinstance(stdin, int) else os.pipe()
    given = os.open(os.devnull, os.O_RDONLY) if given == subprocess.DEVNULL else given
    pipes = [os.pipe(), os.pipe()]
    with _ONE_AT_A_TIME, ThreadPoolExecutor(3) as threads:
        socket.send_fds(_server(), [request], [given, *(write for _, write in pipes)])
        for descriptor in {given} - {stdin} | {write for _, write in pipes}:
            os.close(descriptor)
        pid = _told()
        killer = threading.Timer(timeout, os.kill, (pid, signal.SIGKILL))
        killer.start()
        try:
            readers = [threads.submit(_read, read) for read, _ in pipes]
            if isinstance(stdin, bytes):
                threads.submit(_write, kept, stdin)
            said = [reader.result() for reader in readers]
            status = _told()
        finally:
            killer.cancel()
    assert status != -signal.SIGKILL, f"it did not end within {timeout} s"
    return status, said[0], said[1]


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _told() -> int:
    number = _server().recv(_NUMBER.size)
    assert number, "what forks the commands has ended"
    return int(_NUMBER.unpack(number)[0])


@functools.cache
def _server() -> socket.socket:
    """Start what forks the commands; it ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        argv = [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())]
        process = subprocess.Popen(
            argv, env=ENVIRONMENT, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
        )
    _started.append(process)
    return ours


_started: list[subprocess.Popen[bytes]] = []


def pytest_sessionfinish() -> None:
    """Let it end."""
    for process in _started:
        _server().close()
        process.wait()
    _started.clear()
    _server.cache_clear()


def _import_everything() -> None:
    """Import whatever a command may; the programs of sandboxes are none of drp's modules."""
    for root in ("drp", "drp_verifiers"):
        package = importlib.import_module(root)
        for module in pkgutil.walk_packages(package.__path__, f"{root}."):
            if not {"payload", "native", "__main__"} & set(module.name.split(".")):
                try:
                    importlib.import_module(module.name)
                except ImportError:  # an option that is not installed
                    continue
    importlib.import_module("boto3")
    assert threading.active_count() == 1, "a thread does not survive a fork"
    gc.collect()
    gc.freeze()  # what is shared stays shared


def _serve(requests: socket.socket) -> tuple[list[str], dict[str, str], str]:
    """Fork for every request, and return it in the fork."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, 1 << 20, 3)
        if not request:
            os._exit(0)
        pid = os.fork()
        if not pid:
            requests.close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            words, environment, directory = json.loads(request)
            return words, environment, directory
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(_NUMBER.pack(pid))
        _, status = os.waitpid(pid, 0)
        requests.send(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _become(words: list[str], environment: dict[str, str], directory: str) -> None:
    """Do what `python -m drp` does."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    sys.path[0] = directory
    sys.argv[1:] = words
    runpy.run_module("drp", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _import_everything()
    _become(*_serve(socket.socket(fileno=int(sys.argv[1]))))
