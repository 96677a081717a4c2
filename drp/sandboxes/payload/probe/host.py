"""Ways out of a sandbox through files, processes and the kernel."""

from __future__ import annotations

import ctypes
import os
import stat
import struct

from .core import LIBC, TARGETS, Check, Denied, failed, is_decoy, nonce, system_call


def read(path: str) -> Check:
    def attempt() -> str:
        with open(path, "rb") as source:
            content = source.read(64)
        return "%s=%d" % ("read-secret" if nonce() in content else "read", len(content))

    return attempt


def read_environ(process: int) -> Check:
    def attempt() -> str:
        with open("/proc/%d/environ" % process, "rb") as source:
            if nonce() not in source.read(1 << 16):
                raise Denied("number-of-another")
        return "tripwire-environment"

    return attempt


def write(path: str) -> Check:
    def attempt() -> None:
        with open(path, "r+b") as target:
            target.write(b"X")

    return attempt


def create(directory: str) -> Check:
    def attempt() -> None:
        path = directory + "/.drp-probe-%d" % os.getpid()
        open(path, "x").close()
        os.unlink(path)

    return attempt


def rename(path: str) -> Check:
    def attempt() -> None:
        os.rename(path, path + ".enc")
        os.rename(path + ".enc", path)

    return attempt


def mount(target: str, kind: str, flags: int) -> Check:
    def attempt() -> None:
        if LIBC.mount(b"none", target.encode(), kind.encode(), flags, None):
            raise failed()
        if not flags & 32:
            LIBC.umount2(target.encode(), 2)

    return attempt


def kill(process: int) -> Check:
    def attempt() -> None:
        os.kill(process, 0)
        if not is_decoy(process):
            raise Denied("number-of-another")

    return attempt


def ptrace(process: int) -> Check:
    def attempt() -> None:
        if LIBC.ptrace(16, process, 0, 0) < 0:
            raise failed()
        os.waitpid(process, 0x40000000)
        LIBC.ptrace(17, process, 0, 0)
        if process != 1 and not is_decoy(process):
            raise Denied("number-of-another")

    return attempt


def read_memory(process: int) -> Check:
    def attempt() -> None:
        buffer = ctypes.create_string_buffer(8)
        local = struct.pack("QQ", ctypes.addressof(buffer), 8)
        with open("/proc/%d/maps" % process) as source:
            start = int(source.readline().split("-")[0], 16)
        system_call("process_vm_readv", process, local, 1, struct.pack("QQ", start, 8), 1, 0)
        if not is_decoy(process):
            raise Denied("number-of-another")

    return attempt


def enter_namespace(path: str) -> Check:
    def attempt() -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            system_call("setns", descriptor, 0)
        finally:
            os.close(descriptor)

    return attempt


def processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def visible() -> str:
    numbers = processes()
    seen = []
    for number in numbers:
        try:
            with open("/proc/%s/cmdline" % number, "rb") as source:
                if TARGETS["marker"].encode() in source.read(4096):
                    seen.append(number)
        except OSError:
            continue
    if not seen:
        raise Denied("visible=%d" % len(numbers))
    return "tripwire-visible=" + ",".join(seen)


def environment_leak() -> str:
    seen = ["self"] if any(nonce() in value for value in os.environb.values()) else []  # our file is closed to us
    for number in processes():
        try:
            with open("/proc/%s/environ" % number, "rb") as source:
                if nonce() in source.read(1 << 20):
                    seen.append(number)
        except OSError:
            continue
    if not seen:
        raise Denied("no-secret")
    return "secret-of=" + ",".join(seen)


def reachable_anyway(path: str, found: os.stat_result) -> bool:
    """Files on the sandbox's own volumes, and files that have the same name in here, are no leak."""
    for mounted in ("/data", "/tmp", "/run", "/dev/shm"):
        if os.path.exists(mounted) and os.stat(mounted).st_dev == found.st_dev:
            return True
    try:
        here = os.stat(os.readlink(path))
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino)


def descriptor_leak() -> str:
    leaks = []
    for number in processes():
        if int(number) == os.getpid():
            continue
        try:
            names = os.listdir("/proc/%s/fd" % number)
        except OSError:
            continue
        for name in names:
            path = "/proc/%s/fd/%s" % (number, name)
            try:
                found = os.stat(path)
                mode = found.st_mode
                if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and not reachable_anyway(path, found):
                    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                    leaks.append("%s->%s" % (path, os.readlink(path)))
            except OSError:
                continue
    if not leaks:
        raise Denied("no-reopening")
    return ", ".join(leaks[:3])


def open_for_writing(path: str) -> Check:
    return lambda: os.close(os.open(path, os.O_WRONLY))
