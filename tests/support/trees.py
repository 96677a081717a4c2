"""Trees for the hashing tests: ordinary ones, and the kind that hurts."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

HOSTILE_NAMES = [
    b"new\nline",
    b"\xff\xfe",
    b"x" * 255,
    b"-rf",
    b"..like",
    b"...",
    b" ",
    b"tab\there",
    b"bidi\xe2\x80\xaegpj.exe",
    "é".encode(),
    b"e\xcc\x81",
    b"Case",
    b"case",
    b"back\\slash",
    b"quote'\"",
    b"$(reboot)",
    b"%s%n",
    b"*",
    b"#comment",
    b"~",
]


def write(path: Path | bytes, content: bytes, mode: int = 0o644, mtime_ns: int | None = None) -> None:
    name = os.fsencode(path)
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    os.write(descriptor, content)
    os.fchmod(descriptor, mode)
    os.close(descriptor)
    if mtime_ns is not None:
        os.utime(name, ns=(mtime_ns, mtime_ns))


def ordinary(root: Path, *, files: int = 60, seed: int = 1) -> Path:
    """Make a small tree of ordinary files, some of them empty, some larger than a read buffer."""
    source = random.Random(seed)
    root.mkdir()
    for number in range(files):
        directory = root / f"d{number % 7}" / f"e{number % 3}"
        directory.mkdir(parents=True, exist_ok=True)
        size = source.choice([0, 1, 4096, 4097, 65536, 300_000])
        write(directory / f"f{number:04}", source.randbytes(size))
    write(root / "large", source.randbytes((1 << 20) + 17))
    write(root / "exact", source.randbytes(1 << 20))
    (root / "empty-directory").mkdir()
    return root


def hostile(root: Path) -> Path:
    """Make a tree with every kind of entry and name that hurts others."""
    root.mkdir()
    top = os.fsencode(root)
    for number, name in enumerate(HOSTILE_NAMES):
        write(top + b"/" + name, b"content %d" % number)
    os.mkdir(top + b"/dir\n\xff")
    write(top + b"/dir\n\xff/inside", b"inside")
    os.mkfifo(top + b"/fifo")
    listener = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    os.chdir(root)
    listener.bind("socket")
    os.fchdir(here)
    os.close(here)
    listener.close()
    os.symlink(b"/etc/passwd", top + b"/absolute-link")
    os.symlink(b"nowhere\xff", top + b"/dangling")
    os.symlink(b"loop-b", top + b"/loop-a")
    os.symlink(b"loop-a", top + b"/loop-b")
    os.symlink(b".", top + b"/self")
    write(root / "first-name", b"linked")
    os.link(root / "first-name", root / "second-name")
    (root / "zz").mkdir()
    os.link(root / "first-name", root / "zz" / "third-name")
    descriptor = os.open(root / "sparse", os.O_WRONLY | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, 5 << 20)
    os.pwrite(descriptor, b"data in the middle", 3 << 20)
    os.close(descriptor)
    descriptor = os.open(root / "all-hole", os.O_WRONLY | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, 2 << 20)
    os.close(descriptor)
    write(root / "empty", b"")
    if os.geteuid() == 0:
        os.mknod(root / "null", 0o020666, os.makedev(1, 3))
    return root


def copy(source: Path, target: Path) -> Path:
    """Copy a tree as a faithful restore would: bytes, modes, times, links."""
    import subprocess

    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)
    return target
