"""The system call filter of every sandbox: a classic BPF program, assembled here from tables, for ``bwrap --seccomp``.

Shape: foreign architecture killed · x32 refused · calls judged by an argument · flat list of refusals · all else
allowed. Sockets are the exception, an allow-list of families: AF_VSOCK is not covered by network namespaces.
io_uring is refused since it would go round any filter. Needs no libseccomp.
"""

from __future__ import annotations

import errno
import platform
import struct

from drp.domain.phrase import say
from drp.errors import SandboxError

_LOAD, _EQUAL, _GREATER_OR_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64); None where the architecture has no such call
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "clone": (56, 220), "unshare": (272, 97), "setns": (308, 268), "clone3": (435, 435),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429), "open_tree": (428, 428),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "syslog": (103, 116),
    "quotactl": (179, 60), "nfsservctl": (180, 42), "lookup_dcookie": (212, 18), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "personality": (135, 92), "vhangup": (153, 58), "fanotify_init": (300, 262),
    "ioctl": (16, 29), "mknod": (133, None), "mknodat": (259, 33), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "_sysctl": (156, None), "uselib": (134, None), "ustat": (136, None),
}  # fmt: skip
_OWNERSHIP: dict[str, tuple[int | None, int | None]] = {
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
}  # fmt: skip
_JUDGED_BY_ARGUMENT = {"socket", "clone", "clone3", "ioctl", "personality", "mknod", "mknodat"}
_SOCKET_FAMILIES = (1, 2, 10, 16)
"""UNIX, INET, INET6, NETLINK; not VSOCK (40), PACKET (17), ALG (38), BLUETOOTH (31)…"""
_CLONE_NEW_NAMESPACES = 0x7E020000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_S_IFCHR_BIT, _S_IFREG_BIT = 0x2000, 0x8000
_X32_BIT = 0x40000000


def program(architecture: str | None = None, *, owners_may_change: bool = True) -> bytes:
    """Return the filter for an architecture (default: this machine's); raises SandboxError for one without table.

    Where a single user id is mapped, the kernel answers a change of owner with EINVAL, which backup tools report as
    damage. Without ``owners_may_change`` they hear EPERM, as any plain user does, and know what to make of it.
    """
    architecture = architecture or platform.machine()
    if architecture not in ARCHITECTURES:
        message = say("no system call filter for the architecture {architecture}", architecture=architecture)
        raise SandboxError(message, hint="run sandboxes on x86_64 or aarch64")
    column = 0 if architecture == "x86_64" else 1
    calls = _NUMBERS if owners_may_change else {**_NUMBERS, **_OWNERSHIP}
    numbers = {name: pair[column] for name, pair in calls.items() if pair[column] is not None}
    code = [
        _instruction(_LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        _instruction(_EQUAL, 1, 0, ARCHITECTURES[architecture]),
        _instruction(_RETURN, 0, 0, _KILL_PROCESS),
        _instruction(_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if architecture == "x86_64":
        code += [_instruction(_GREATER_OR_EQUAL, 0, 1, _X32_BIT), _refuse(errno.ENOSYS)]
    bodies = {**_judgements(), **{name: [_refuse(errno.EPERM)] for name in numbers if name not in _JUDGED_BY_ARGUMENT}}
    for name in sorted(numbers, key=lambda each: (each not in _JUDGED_BY_ARGUMENT, each)):
        # a body is jumped over unless the number matches; every body ends in a return, so no jump is counted by hand
        code += [_instruction(_EQUAL, 0, len(bodies[name]), numbers[name] or 0), *bodies[name]]
    return b"".join([*code, _accept()])


def _judgements() -> dict[str, list[bytes]]:
    count = len(_SOCKET_FAMILIES)
    bodies = {
        "socket": [
            _argument(0),
            *[_instruction(_EQUAL, count - index, 0, family) for index, family in enumerate(_SOCKET_FAMILIES)],
            _refuse(errno.EAFNOSUPPORT),
            _accept(),
        ],
        "clone": [
            _argument(0),
            _instruction(_ANY_BIT, 0, 1, _CLONE_NEW_NAMESPACES),
            _refuse(errno.EPERM),
            _accept(),
        ],
        # its flags live in user memory, unseen by the filter: refused as unknown, glibc falls back to clone
        "clone3": [_refuse(errno.ENOSYS)],
        "ioctl": [
            _argument(1),
            _instruction(_EQUAL, 1, 0, _TIOCSTI),
            _instruction(_EQUAL, 0, 1, _TIOCLINUX),
            _refuse(errno.EPERM),
            _accept(),
        ],
        "personality": [
            _argument(0),
            _instruction(_EQUAL, 1, 0, 0),
            _instruction(_EQUAL, 0, 1, 0xFFFFFFFF),
            _accept(),
            _refuse(errno.EPERM),
        ],
    }
    for name, index in (("mknod", 1), ("mknodat", 2)):
        bodies[name] = [  # block and character devices refused; pipes, sockets and files allowed
            _argument(index),
            _instruction(_ANY_BIT, 2, 0, _S_IFREG_BIT),
            _instruction(_ANY_BIT, 0, 1, _S_IFCHR_BIT),
            _refuse(errno.EPERM),
            _accept(),
        ]
    return bodies


def _instruction(code: int, if_true: int, if_false: int, operand: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand & 0xFFFFFFFF)


def _argument(index: int) -> bytes:
    return _instruction(_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * index)


def _refuse(number: int) -> bytes:
    return _instruction(_RETURN, 0, 0, _ERRNO | number)


def _accept() -> bytes:
    return _instruction(_RETURN, 0, 0, _ALLOW)
