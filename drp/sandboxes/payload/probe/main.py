"""The isolation probe: tries to get out by every way that once worked. Targets (JSON) on stdin, result (JSON) on stdout.

Run inside a sandbox, where every check must be denied, and once outside as the positive control, with the same host
uid: what it reaches there shows that it is able. In control mode the checks that could harm the host are left out.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import sys
import time
from typing import Any

from .core import RESULTS, TARGETS, check, in_child
from .host import (
    create,
    descriptor_leak,
    enter_namespace,
    environment_leak,
    kill,
    mount,
    open_for_writing,
    ptrace,
    read,
    read_environ,
    read_memory,
    rename,
    visible,
    write,
)
from .network import (
    DNS_QUERY,
    UDP_LITE,
    either,
    family,
    icmp,
    interfaces,
    production,
    routes,
    tcp,
    udp,
    unix_socket,
    vsock,
)


def network() -> None:
    for host in TARGETS["hosts"]:
        check("net.tcp:" + host, "net", tcp(host, TARGETS["tcp_port"]))
        lite = udp(host, TARGETS["udp_port"], protocol=UDP_LITE)
        check("net.udp:" + host, "net", either(udp(host, TARGETS["udp_port"]), lite))
        check("net.dns-udp:" + host, "net", udp(host, TARGETS["dns_port"], DNS_QUERY))
        if ":" not in host:
            check("net.icmp-dgram:" + host, "net", icmp(host, socket.SOCK_DGRAM))
            check("net.icmp-raw:" + host, "net", icmp(host, socket.SOCK_RAW))
    mllp, smtp = TARGETS["production_ports"]
    check("net.mllp:production", "net", production(TARGETS["production"], mllp))
    check("net.smtp:production", "net", production(TARGETS["production"], smtp))
    check("net.getaddrinfo", "net", lambda: socket.getaddrinfo(TARGETS["name"], 443))
    check("net.interfaces", "net", interfaces)
    check("net.routes", "net", routes)
    raw = family(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    check("net.af_packet", "net", either(family(17, socket.SOCK_RAW), raw))
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
