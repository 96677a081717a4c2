"""Becomes the first process of a sandbox: ``begin.py DESCRIPTOR``, from which its order (JSON) is read.

The outer process makes namespaces and waits; the inner one builds a root of its own, moves into it, enters a user
namespace in which nothing outside has a name, gives up what it may, and becomes the agent. A program for the system's
python3; nothing of drp is imported. Whatever fails ends both, with a line on standard error.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
NOSUID, NODEV, NOEXEC, BIND, RECURSIVE, PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
DETACH = 2
ATTRIBUTES = {"read-only": 1, "nosuid": 2, "nodev": 4}
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PDEATHSIG, SECCOMP, CAPBSET_DROP, NO_NEW_PRIVS = 1, 22, 24, 38
CAPABILITY_VERSION, LAST_CAPABILITY = 0x20080522, 63
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LIBC = ctypes.CDLL(None, use_errno=True)


def must(result: int, doing: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    words = [word.encode() or None for word in (source, target, kind)]
    must(LIBC.mount(*words, ctypes.c_ulong(flags), options.encode() or None), "mount " + target)


def restrict(target: str, *attributes: str, below: bool = False) -> None:
    """Set attributes of a mount, and of those below it; what it had already stays."""
    request = struct.pack("QQQQ", sum(ATTRIBUTES[name] for name in attributes), 0, 0, 0)
    flags = AT_RECURSIVE if below else 0
    must(LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, target.encode(), flags, request, len(request)), "restrict " + target)


def bind(source: str, target: str, *attributes: str) -> None:
    mount(source, target, flags=BIND | RECURSIVE)
    restrict(target, *attributes, below=True)


def memory(target: str, size: int, mode: str = "1777") -> None:
    os.makedirs(target, exist_ok=True)
    mount("tmpfs", target, "tmpfs", NOSUID | NODEV, f"size={size},mode={mode}")


def build(root: str, order: dict[str, Any]) -> None:
    """Make everything that is seen inside, below ``root``."""
    mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "size=4m,mode=0755")
    for name in ("usr", "etc", "data", "proc", "dev"):
        os.mkdir(root + "/" + name)
    bind("/usr", root + "/usr", "read-only", "nosuid", "nodev")
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        if os.path.islink("/" + name):
            os.symlink(os.readlink("/" + name), root + "/" + name)
        elif os.path.isdir("/" + name):
            os.mkdir(root + "/" + name)
            bind("/" + name, root + "/" + name, "read-only", "nosuid", "nodev")
    for path, text in order["files"].items():
        with open(root + path, "w") as target:
            target.write(text)
        os.chmod(root + path, 0o444)
    for path, size in order["memory"].items():
        if not path.startswith("/dev"):
            memory(root + path, size)
    for source, path in order["read_only"]:
        show(source, root + path)
    bind(order["data"], root + "/data", "nosuid", "nodev", *(["read-only"] if order["looks_only"] else []))
    make_devices(root + "/dev", order["memory"]["/dev/shm"])
    make_proc(root + "/proc")


def show(source: str, target: str) -> None:
    """Bind a file or directory of the host for reading; the way to it is open to all."""
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "w").close()
    bind(source, target, "read-only", "nosuid", "nodev")


def make_devices(dev: str, shared: int) -> None:
    mount("tmpfs", dev, "tmpfs", NOSUID, "size=64k,mode=0755")
    for name in DEVICES:
        open(dev + "/" + name, "w").close()
        mount("/dev/" + name, dev + "/" + name, flags=BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, dev + "/" + name)
    os.mkdir(dev + "/pts")
    mount("devpts", dev + "/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", dev + "/ptmx")
    memory(dev + "/shm", shared)
    restrict(dev, "read-only")


def make_proc(proc: str) -> None:
    mount("proc", proc, "proc", NOSUID | NODEV | NOEXEC)
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        if os.path.exists(proc + "/" + name):
            bind(proc + "/" + name, proc + "/" + name, "read-only")


def move_into(root: str) -> None:
    os.chdir(root)
    must(LIBC.pivot_root(b".", b"."), "pivot_root")
    must(LIBC.umount2(b".", DETACH), "leave the host's files")
    os.chdir("/")
    restrict("/", "read-only")


def map_ids(line: str) -> None:
    """Enter a user namespace; a child that is still outside says which ids there are."""
    ready, tell = os.pipe()
    first = os.getpid()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(tell)
            if os.read(ready, 1):
                for name in ("uid_map", "gid_map"):
                    with open(f"/proc/{first}/{name}", "w") as target:
                        target.write(line)
                code = 0
        finally:
            os._exit(code)
    must(LIBC.unshare(NEWUSER), "a user namespace")
    os.write(tell, b"1")
    if os.waitpid(child, 0)[1]:
        raise OSError(1, "cannot map user ids")
    os.close(ready)
    os.close(tell)


def become(uid: int, capabilities: list[int]) -> None:
    """Be that user, with these capabilities and no way to any other."""
    with open("/proc/self/setgroups") as source:
        if source.read().strip() != "deny":  # a plain user has no right to other groups, and none to leave his own
            os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    for number in range(LAST_CAPABILITY + 1):
        if number not in capabilities and LIBC.prctl(CAPBSET_DROP, number, 0, 0, 0) and number < 38:
            raise OSError(1, "cannot give up a capability")
    mask = sum(1 << number for number in capabilities)
    must(LIBC.prctl(NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    halves = struct.pack("6I", mask & 0xFFFFFFFF, mask & 0xFFFFFFFF, 0, mask >> 32, mask >> 32, 0)
    must(LIBC.capset(struct.pack("=Ii", CAPABILITY_VERSION, 0), halves), "capset")


def filter_calls(descriptor: int) -> None:
    program = os.read(descriptor, 1 << 16)
    os.close(descriptor)
    held = ctypes.create_string_buffer(program, len(program))
    request = struct.pack("H6xQ", len(program) // 8, ctypes.addressof(held))
    must(LIBC.prctl(SECCOMP, 2, request, 0, 0), "the system call filter")


def limit(limits: dict[str, int]) -> None:
    """Set limits, or those that we are under already where they are lower."""
    for name, wanted in limits.items():
        kind = getattr(resource, name)
        ours = resource.getrlimit(kind)[1]
        most = wanted if ours == resource.RLIM_INFINITY else min(wanted, ours)
        resource.setrlimit(kind, (most, most))


def join_network(descriptor: int) -> None:
    """Enter a network that drp made, or make one in which there is loopback alone."""
    if descriptor >= 0:
        must(LIBC.setns(descriptor, NEWNET), "the sandbox's network")
        os.close(descriptor)
        return
    must(LIBC.unshare(NEWNET), "a network")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def wait_for(first: int, order: dict[str, Any]) -> None:
    """Tell who the first process is, and stay as long as it: it goes with us."""
    os.write(order["status"], b"%d\n" % first)
    os.closerange(3, 1 << 12)
    _, status = os.waitpid(first, 0)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def main() -> None:
    with os.fdopen(int(sys.argv[1])) as source:
        order = json.load(source)
    LIBC.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    join_network(order["network"])
    must(LIBC.unshare(NEWNS | NEWUTS | NEWIPC | NEWPID | NEWCGROUP), "namespaces")
    mount("none", "/", flags=RECURSIVE | PRIVATE)
    first = os.fork()
    if first:
        wait_for(first, order)
    LIBC.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.close(order["status"])
    os.umask(0o022)
    os.setsid()
    socket.sethostname(order["hostname"])
    build(order["root"], order)
    move_into(order["root"])
    map_ids(order["ids"])
    limit(order["limits"])
    become(order["uid"], order["capabilities"])
    filter_calls(order["filter"])
    os.execve(order["argv"][0], order["argv"], order["environment"])


if __name__ == "__main__":
    main()
