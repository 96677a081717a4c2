"""How the agent and what it runs keep out of sight: names and words of any machine, and nobody looks into memory.

What is shown of a process inside (``/proc/PID``) is a channel to restored code, which runs as the same user.
"""

from __future__ import annotations

import ctypes
import contextlib
import os
import signal
import struct
import subprocess
from typing import Any

PYTHON = "/usr/bin/python3"
CAPABILITY_VERSION = 0x20080522
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME = 1, 4, 15
AGENT_LOADER = "import sys; exec(open(int(sys.argv[3]), closefd=False).read())"
LOADER = "import sys; exec(open(int(sys.argv[1])).read())"
HIDING = """
def hide():
    import ctypes, sys
    with open("/proc/self/stat", "rb") as source:
        start, end = map(int, source.read().rpartition(b")")[2].split()[45:47])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, %r, min(%d, end - start - 1))
    libc = ctypes.CDLL(None)
    libc.prctl(15, b"python3", 0, 0, 0)
    libc.prctl(4, 0, 0, 0, 0)
    sys.argv[1:] = %a
hide()
del hide
exec(compile(%a, "<string>", "exec"))
"""
"""Blanks the argument area, where /proc/PID/cmdline is read from, and lets nobody of the same user look further."""


interpreters: list[int] = []
"""Descriptor of a copy of Python that may be executed and not read: nobody can ever look into what it runs, not even
between its start and the moment at which it hides. None where the kernel executes nothing out of memory."""


def take_interpreter(words: list[str]) -> list[int]:
    interpreters[:] = [int(word) for word in words if int(word) >= 0]
    return interpreters


def spawn(argv: list[str], keep: list[int], **options: Any) -> subprocess.Popen[bytes]:
    """Start a command; a program of Python out of memory, hidden from its first instant on."""
    words, program = hidden(argv)
    if program < 0:
        return subprocess.Popen(words, pass_fds=keep, **options)
    try:
        if interpreters and os.path.realpath(argv[0]) == os.path.realpath(PYTHON):
            with contextlib.suppress(PermissionError):
                executable = "/proc/self/fd/%d" % interpreters[0]
                return subprocess.Popen(
                    words, executable=executable, pass_fds=[*keep, program, *interpreters], **options
                )
        return subprocess.Popen(words, pass_fds=[*keep, program], **options)
    finally:
        os.close(program)


def hidden(argv: list[str]) -> tuple[list[str], int]:
    """Return an argv that runs the same program of Python out of memory, and the descriptor of that; or -1."""
    at = argv.index("-c") if "-c" in argv[1:-1] else 0
    options = all(word.startswith("-") and not word.startswith("-m") for word in argv[1:at])
    if not at or not options or not os.path.basename(argv[0]).startswith("python"):
        return argv, -1
    name = os.fsencode(argv[0])
    text = HIDING % (name, len(name), argv[at + 2 :], argv[at + 1])
    descriptor = os.memfd_create("program", 0)
    with open(os.dup(descriptor), "wb") as target:
        target.write(text.encode("ascii"))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return [*argv[:at], "-c", LOADER, str(descriptor)], descriptor


def hide() -> None:
    """Look like the first process of any machine: words, name and files say nothing, and nobody may look into it."""
    with open("/proc/self/stat", "rb") as source:
        start, end = map(int, source.read().rpartition(b")")[2].split()[45:47])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, b"init", 4)
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NAME, b"init", 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a change of user took away the one that was set before
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def divide(words: list[str], drop: list[str]) -> None:
    """Stay behind as the first process, and go on as the second, as another user if ``drop`` says so.

    The first keeps the user that it was made with: the kernel takes it along with bubblewrap only while that is the
    same, and restored software, which is another then, cannot signal it.
    """
    agent = os.fork()
    if agent:
        os.closerange(3, 1 << 12)
        ctypes.CDLL(None).capset(struct.pack("=Ii", CAPABILITY_VERSION, 0), bytes(24))
        hide()
        reap(agent)
    if drop:
        os.lseek(int(words[2]), 0, os.SEEK_SET)
        os.execv(drop[0], [*drop, PYTHON, "-I", "-S", "-c", AGENT_LOADER, *words])


def reap(agent: int) -> None:
    """Be the first process: wait for whatever loses its parent, and end with the agent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # no other signal from inside reaches a first process
    while True:
        try:
            process, status = os.wait()
        except InterruptedError:
            continue
        if process == agent:
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
