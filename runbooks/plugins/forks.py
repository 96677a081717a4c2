# Copyright the drp authors. GNU General Public License v3.0 or later (see LICENSE in this folder).
"""Forks runs of an Ansible that has loaded already: each in network, pid and mount namespaces of its own.

Whoever connects to the socket sends a request and its three streams. Nobody but drp can: the socket lies in a private
folder. The process that loaded never runs anything itself, so that no run finds a trace of another one.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
import tempfile
from contextlib import suppress

REQUEST_BYTES = 1 << 16
BEGUN = b"begun"
NEWNS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def serve(listener, run):
    """Fork a run for each who connects, for as long as this process lives; ``run`` takes the request's FIFO."""
    while True:
        peer, _ = listener.accept()
        collect()
        if os.fork() == 0:
            listener.close()
            os._exit(watch(peer, run))
        peer.close()


def watch(peer, run):
    """Run one request in a child, and end it with the one who asked for it; return how this process ends."""
    die_with_parent()
    message, streams, flags, _ = socket.recv_fds(peer, REQUEST_BYTES, 3)
    if len(streams) != 3 or flags & socket.MSG_CTRUNC:
        return 1
    request = json.loads(message)
    isolate()
    peer.send(BEGUN)
    first = os.fork()
    if first == 0:
        peer.close()
        die_with_parent()
        own_processes()
        begin(request, streams)
        run(request["fifo"])  # does not come back
        os._exit(70)
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(first)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(peer, select.POLLIN)
    if ended not in dict(waiting.poll()):  # who asked has gone
        os.kill(first, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    with suppress(OSError):
        peer.send(str(code).encode())
    return 0


def collect():
    """Collect those who watched over runs that have ended, so that what they used is counted."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def isolate():
    """Leave all that is shared for namespaces of one's own: of a user namespace if that is what it takes."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(NEWNS | NEWPID | NEWNET) == 0:
        return
    check(libc.unshare(NEWUSER | NEWNS | NEWPID | NEWNET), "unshare")
    for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, content.encode())
        os.close(descriptor)


def own_processes():
    """Let ``/proc`` show the processes of this run alone."""
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    check(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None), "mount")


def check(result, what):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def begin(request, streams):
    """Become the process that was asked for: its streams, its folder, its environment and what was made of that."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # not that of the process that loaded
    constants = sys.modules["ansible.constants"]
    constants.ANSIBLE_HOME = os.environ["ANSIBLE_HOME"]
    temporary = os.environ["ANSIBLE_LOCAL_TEMP"]
    os.mkdir(temporary, 0o700)  # noqa: PTH102 - pathlib would only add an import
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix="ansible-local-", dir=temporary)
