"""What every check of the isolation probe stands on: how one is tried, judged and noted, and system calls by number."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import time
from typing import Any, Callable

TARGETS: dict[str, Any] = {}
RESULTS: list[dict[str, Any]] = []
LIBC = ctypes.CDLL(None, use_errno=True)
SECONDS = 0.2
CONTROL_SECONDS = 30.0
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


def patience() -> float:
    """How long an answer is waited for: what is denied has none, and a busy machine's control has one in the end."""
    return CONTROL_SECONDS if TARGETS.get("control") else SECONDS


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


def must_be_tripwire(answer: bytes) -> str:
    """Inside, every address may be the sandbox's own: only the tripwire's word proves that something else answered."""
    if nonce() not in answer:
        raise Denied("not-the-tripwire")
    return "tripwire-answered"


def is_decoy(process: int) -> bool:
    """Numbers of host processes may be taken by others in here: only the marker tells."""
    try:
        with open("/proc/%d/cmdline" % process, "rb") as source:
            return TARGETS["marker"].encode() in source.read(4096)
    except OSError:
        return True


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
