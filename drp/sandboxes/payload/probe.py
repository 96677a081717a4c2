"""The isolation probe: tries to get out by every way that once worked. Targets (JSON) on stdin, result (JSON) on stdout.

Run inside a sandbox, where every check must be denied, and once outside as the positive control, with the same host
uid: what it reaches there shows that it is able. In control mode the checks that could harm the host are left out.
A check that returns is ``allowed``; one that raises OSError, FileNotFoundError or Denied is ``denied``.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import signal
import socket
import stat
import struct
import sys
import time
from typing import Any, Callable

TARGETS: dict[str, Any] = {}
RESULTS: list[dict[str, Any]] = []
LIBC = ctypes.CDLL(None, use_errno=True)
SECONDS = 0.2
NOT_IN_CONTROL = ("repo.remount-rw", "repo.truncate", "proc.setns", "net.af_packet", "leak.")
NUMBERS = {
    "x86_64": {
        "unshare": 272,
        "bpf": 321,
        "io_uring_setup": 425,
        "perf_event_open": 298,
        "userfaultfd": 323,
        "keyctl": 250,
        "kexec_load": 246,
        "finit_module": 313,
        "clock_settime": 227,
        "sethostname": 170,
        "open_by_handle_at": 304,
        "process_vm_readv": 310,
        "setns": 308,
    },
    "aarch64": {
        "unshare": 97,
        "bpf": 280,
        "io_uring_setup": 425,
        "perf_event_open": 241,
        "userfaultfd": 282,
        "keyctl": 219,
        "kexec_load": 104,
        "finit_module": 273,
        "clock_settime": 112,
        "sethostname": 161,
        "open_by_handle_at": 265,
        "process_vm_readv": 270,
        "setns": 268,
    },
}
DNS_QUERY = (
    struct.pack("!HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + b"\x09drp-probe\x07invalid\x00" + struct.pack("!HH", 1, 1)
)

Check = Callable[[], Any]


class Denied(Exception):
    pass


def check(name: str, kind: str, attempt: Check) -> None:
    if TARGETS.get("control") and (kind == "kernel" or name.startswith(NOT_IN_CONTROL)):
        return
    started = time.monotonic()
    try:
        detail = attempt()
        outcome = "allowed"
    except FileNotFoundError:
        outcome, detail = "denied", "ENOENT"
    except (socket.timeout, TimeoutError):
        outcome, detail = "denied", "timeout"
    except OSError as error:
        outcome, detail = "denied", errno.errorcode.get(error.errno or 0, str(error))
    except Denied as error:
        outcome, detail = "denied", str(error)
    except Exception as error:
        outcome, detail = "error", "%s: %s" % (type(error).__name__, error)
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    text = "" if detail is None else str(detail)[:160]
    RESULTS.append({"id": name, "kind": kind, "outcome": outcome, "detail": text, "ms": milliseconds})


def failed() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def nonce() -> bytes:
    value: str = TARGETS["nonce"]
    return value.encode()


def must_be_canary(answer: bytes) -> str:
    """Inside, every address may be the sandbox's own: only the canary's word proves that something else answered."""
    if nonce() not in answer:
        raise Denied("answered, but not by the canary")
    return "the canary answered"


def tcp(host: str, port: int) -> Check:
    def attempt() -> str:
        with socket.create_connection((host, port), timeout=SECONDS) as peer:
            peer.sendall(nonce() + b"\n")
            return must_be_canary(peer.recv(64))

    return attempt


def production(host: str, port: int) -> Check:
    """Whether anything answers at an address of production; whoever runs us knows whether it was its own recorder."""

    def attempt() -> str:
        with socket.create_connection((host, port), timeout=SECONDS):
            return "connected"

    return attempt


def udp(host: str, port: int, payload: bytes | None = None) -> Check:
    def attempt() -> str:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(SECONDS)
            peer.connect((host, port))
            peer.send((payload or b"") + nonce())
            return must_be_canary(peer.recv(512))

    return attempt


def icmp(host: str, kind: int) -> Check:
    def attempt() -> str:
        with socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP) as peer:
            peer.settimeout(SECONDS)
            message = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"drp!"
            total = sum(struct.unpack("!6H", message))
            total = (total >> 16) + (total & 0xFFFF)
            peer.sendto(message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:], (host, 0))
            peer.recv(512)
            return "echo reply"

    return attempt


def unix_socket(address: str) -> Check:
    def attempt() -> str:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(SECONDS)
            peer.connect(address)
            peer.sendall(b"GET / HTTP/1.0\r\n\r\n")
            try:
                peer.recv(32)
            except socket.timeout:
                pass
            return "connected"

    return attempt


def read(path: str) -> Check:
    def attempt() -> str:
        with open(path, "rb") as source:
            content = source.read(64)
        return "read %d bytes%s" % (len(content), ", the canary's secret" if nonce() in content else "")

    return attempt


def read_environ(process: int) -> Check:
    def attempt() -> str:
        with open("/proc/%d/environ" % process, "rb") as source:
            if nonce() not in source.read(1 << 16):
                raise Denied("another process has that number here")
        return "the canary's environment"

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


def is_decoy(process: int) -> bool:
    """Numbers of host processes may be taken by others in here: only the marker tells."""
    try:
        with open("/proc/%d/cmdline" % process, "rb") as source:
            return TARGETS["marker"].encode() in source.read(4096)
    except OSError:
        return True


def kill(process: int) -> Check:
    def attempt() -> None:
        os.kill(process, 0)
        if not is_decoy(process):
            raise Denied("another process has that number here")

    return attempt


def ptrace(process: int) -> Check:
    def attempt() -> None:
        if LIBC.ptrace(16, process, 0, 0) < 0:
            raise failed()
        os.waitpid(process, 0x40000000)
        LIBC.ptrace(17, process, 0, 0)
        if process != 1 and not is_decoy(process):
            raise Denied("another process has that number here")

    return attempt


def system_call(name: str, *arguments: Any) -> int:
    number = NUMBERS.get(platform.machine(), {}).get(name)
    if number is None:
        raise RuntimeError("no number for %s on %s" % (name, platform.machine()))
    result = LIBC.syscall(number, *arguments)
    if result < 0:
        raise failed()
    return int(result)


def in_child(name: str, *arguments: Any) -> Check:
    """Try a call in a child, so that what it changes goes with it."""

    def attempt() -> None:
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            number = 0
            try:
                system_call(name, *arguments)
            except OSError as error:
                number = error.errno or 255
            except RuntimeError:
                number = -1
            os.write(sending, struct.pack("i", number))
            os._exit(0)
        os.close(sending)
        answer = os.read(receiving, 4)
        os.close(receiving)
        _, status = os.waitpid(child, 0)
        if len(answer) < 4:
            raise RuntimeError("the child died: status %d" % status)
        number = struct.unpack("i", answer)[0]
        if number < 0:
            raise RuntimeError("no number for this call")
        if number:
            raise OSError(number, os.strerror(number))

    return attempt


def read_memory(process: int) -> Check:
    def attempt() -> None:
        buffer = ctypes.create_string_buffer(8)
        local = struct.pack("QQ", ctypes.addressof(buffer), 8)
        with open("/proc/%d/maps" % process) as source:
            start = int(source.readline().split("-")[0], 16)
        system_call("process_vm_readv", process, local, 1, struct.pack("QQ", start, 8), 1, 0)
        if not is_decoy(process):
            raise Denied("another process has that number here")

    return attempt


def enter_namespace(path: str) -> Check:
    def attempt() -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            system_call("setns", descriptor, 0)
        finally:
            os.close(descriptor)

    return attempt


def interfaces() -> str:
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    if not names:
        raise Denied("only lo")
    return ",".join(names)


def routes() -> str:
    with open("/proc/net/route") as source:
        names = [line.split()[0] for line in source.read().splitlines()[1:]]
    names = [name for name in names if name != "lo"]
    if not names:
        raise Denied("no route")
    return ",".join(names)


def vsock() -> str:
    with socket.socket(40, socket.SOCK_STREAM) as peer:
        peer.bind((0xFFFFFFFF, TARGETS["vsock_port"]))
    return "bound: this family is not covered by network namespaces"


def family(number: int, kind: int) -> Check:
    return lambda: socket.socket(number, kind).close()


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
        raise Denied("%d processes visible, the canary's is not among them" % len(numbers))
    return "the canary's process is visible: " + ",".join(seen)


def environment_leak() -> str:
    seen = []
    for number in processes():
        try:
            with open("/proc/%s/environ" % number, "rb") as source:
                if nonce() in source.read(1 << 20):
                    seen.append(number)
        except OSError:
            continue
    if not seen:
        raise Denied("no readable environment holds the canary's secret")
    return "the canary's secret is in the environment of " + ",".join(seen)


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
                mode = os.stat(path).st_mode
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                    leaks.append("%s->%s" % (path, os.readlink(path)))
            except OSError:
                continue
    if not leaks:
        raise Denied("no descriptor of another process can be reopened")
    return ", ".join(leaks[:3])


def open_for_writing(path: str) -> Check:
    return lambda: os.close(os.open(path, os.O_WRONLY))


def network() -> None:
    for host in TARGETS["hosts"]:
        check("net.tcp:" + host, "net", tcp(host, TARGETS["tcp_port"]))
        check("net.udp:" + host, "net", udp(host, TARGETS["udp_port"]))
        check("net.dns-udp:" + host, "net", udp(host, TARGETS["dns_port"], DNS_QUERY))
        if ":" not in host:
            check("net.icmp-dgram:" + host, "net", icmp(host, socket.SOCK_DGRAM))
            check("net.icmp-raw:" + host, "net", icmp(host, socket.SOCK_RAW))
    check("net.mllp:production", "net", production(TARGETS["production"], 2575))
    check("net.smtp:production", "net", production(TARGETS["production"], 25))
    check("net.getaddrinfo", "net", lambda: socket.getaddrinfo("example.org", 443))
    check("net.interfaces", "net", interfaces)
    check("net.routes", "net", routes)
    check("net.af_packet", "net", family(17, socket.SOCK_RAW))
    check("net.af_vsock", "net", vsock)
    check("net.af_alg", "kernel", family(38, socket.SOCK_SEQPACKET))
    check("unix.path", "unix", unix_socket(TARGETS["unix_path"]))
    check("unix.abstract", "unix", unix_socket("\0" + TARGETS["abstract"]))
    for path in (
        "/var/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/dbus/system_bus_socket",
        "/run/systemd/private",
    ):
        check("unix:" + path, "unix", unix_socket(path))


def files() -> None:
    for path in TARGETS["secrets"]:
        check("fs.read:" + path, "fs", read(path))
        check("fs.read-via-proc1root:" + path, "fs", read("/proc/1/root" + path))
    check("fs.read:environ-of-canary", "fs", read_environ(TARGETS["process"]))
    for path in (
        "/dev/vda",
        "/dev/sda",
        "/dev/mem",
        "/dev/kmsg",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/net/tun",
        "/proc/kcore",
        "/sys/kernel/debug",
        "/dev/loop-control",
    ):
        check("fs.open:" + path, "fs", read(path))
    repository = TARGETS["repository"]
    chunk = repository + "/chunk0"
    check("repo.overwrite", "repo", write(chunk))
    check("repo.create", "repo", create(repository))
    check("repo.rename", "repo", rename(chunk))
    check("repo.truncate", "repo", lambda: os.truncate(chunk, 0))
    check("repo.chmod", "repo", lambda: os.chmod(chunk, 0o666))
    check("repo.utime", "repo", lambda: os.utime(chunk))
    check("repo.remount-rw", "repo", mount(repository, "", 32 | 4096))
    check("repo.setxattr", "repo", lambda: os.setxattr(chunk, "user.x", b"1"))


def other_processes() -> None:
    process = TARGETS["process"]
    check("proc.kill", "proc", kill(process))
    check("proc.ptrace", "proc", ptrace(process))
    check("proc.vm_readv", "proc", read_memory(process))
    check("proc.setns", "proc", enter_namespace("/proc/%d/ns/net" % process))
    check("proc.visible", "proc", visible)
    check("proc.ptrace:1", "proc", ptrace(1))


def kernel() -> None:
    check("kernel.mount-tmpfs", "kernel", mount("/tmp", "tmpfs", 0))
    check("kernel.unshare-user", "kernel", in_child("unshare", 0x10000000))
    check("kernel.unshare-net", "kernel", in_child("unshare", 0x40000000))
    check("kernel.mknod-blk", "kernel", lambda: os.mknod("/tmp/.drp-block", 0o60600, os.makedev(254, 0)))
    check("kernel.bpf", "kernel", in_child("bpf", 0, 0, 0))
    check("kernel.io_uring", "kernel", in_child("io_uring_setup", 4, ctypes.create_string_buffer(256)))
    counter = ctypes.create_string_buffer(struct.pack("II", 1, 112).ljust(112, b"\0"), 112)
    check("kernel.perf_event", "kernel", in_child("perf_event_open", counter, 0, -1, -1, 0))
    check("kernel.userfaultfd", "kernel", in_child("userfaultfd", 1))
    check("kernel.keyctl", "kernel", in_child("keyctl", 0, -3, 1))
    check("kernel.kexec", "kernel", in_child("kexec_load", 0, 0, 0, 0))
    check("kernel.finit_module", "kernel", in_child("finit_module", 0, b"", 0))
    check("kernel.settimeofday", "kernel", in_child("clock_settime", 0, struct.pack("qq", int(time.time()), 0)))
    check("kernel.sethostname", "kernel", in_child("sethostname", b"sandbox", 7))
    handle = struct.pack("IIII", 8, 1, 2, 0)
    check("kernel.open_by_handle", "kernel", in_child("open_by_handle_at", -100, handle, 0))
    for path in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/net/ipv4/ip_forward",
    ):
        check("kernel.write:" + path, "kernel", open_for_writing(path))
    check("leak.environ", "fs", environment_leak)
    check("leak.fd-reopen", "fs", descriptor_leak)


def facts() -> dict[str, Any]:
    with open("/proc/self/status") as source:
        status = dict(line.split(":", 1) for line in source.read().splitlines() if ":" in line)
    found: dict[str, Any] = {}
    for name in ("Uid", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
        if name in status:
            found[name] = " ".join(status[name].split())
    with open("/proc/self/uid_map") as source:
        found["uid_map"] = [" ".join(line.split()) for line in source]
    with open("/proc/self/mountinfo") as source:
        found["writable"] = [line.split()[4] for line in source if line.split()[5].startswith("rw")]
    found["root"] = sorted(os.listdir("/"))
    found["environment"] = sorted(os.environ)
    return found


def main() -> None:
    signal.alarm(30)
    TARGETS.update(json.load(sys.stdin))
    network()
    files()
    other_processes()
    kernel()
    json.dump({"probe": 1, "facts": facts(), "checks": RESULTS}, sys.stdout)


if __name__ == "__main__":
    main()
