"""Calls the compiled core with what it may meet and what it may not: run under sanitizers by `test_accelerator`."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import sys

sys.path.insert(0, sys.argv[2])
import drp_hash_native as native

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
SIZES = (0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 200_000)
chance = random.Random(5)


def fill(folder: bytes) -> None:
    for _ in range(120):
        name = chance.randbytes(chance.randint(1, 255)).replace(b"/", b"_").replace(b"\0", b"_")
        if name in {b".", b".."}:
            continue
        path = folder + b"/" + name
        kind = chance.randrange(12)
        if kind == 0:
            os.symlink(b"nowhere", path)
        elif kind == 1:
            os.mkfifo(path)
        elif kind == 2:
            os.mkdir(path)
        else:
            with open(path, "wb") as stream:
                stream.write(chance.randbytes(chance.choice(SIZES)))
                stream.truncate() if kind > 3 else stream.truncate(300_000)


def look(directory: int) -> None:
    names, others, _ = native.entries(directory)
    codes = chance.choice([b"\0", b"\1", b"\0\1", b"\1\0"])
    at, buffer = 0, memoryview(bytearray(65536))
    skipped = set(others) if chance.random() < 0.5 else set()
    horizon = chance.choice([0, 2**63 - 1])
    while at < len(names):
        done, descriptor, number, fixed, owners, digests, _, _ = native.look(
            directory, names, at, len(names), skipped, FLAGS, buffer, horizon, codes,
            chance.choice([1, 70_000, 1 << 30]), chance.choice([1, 1 << 16, 1 << 30]),
            chance.choice([0, 0, 1, 7, 4096]), chance.random() < 0.5, chance.random() < 0.5,
        )  # fmt: skip
        assert (len(fixed), len(owners), len(digests)) == (20 * done, 8 * done, 32 * len(codes) * done)
        at += done
        if descriptor >= 0:
            os.close(descriptor)
        if descriptor >= 0 or number or (at < len(names) and names[at] in skipped):
            at += 1


def tree() -> None:
    count, width = chance.choice([1, 2, 15, 16, 17, 255, 256, 257, 1000]), chance.choice([0, 32, 64])
    names = [chance.randbytes(chance.randint(0, 300)) for _ in range(count)]
    columns = [chance.randbytes(size * count) for size in (20, 8, width, 16)]
    prefix = chance.randbytes(chance.randint(0, 200))
    made = native.tree(prefix, names, *columns, b"drp-leaf", b"drp-node")
    fixed, owners, digests, salts = columns
    level = [
        hashlib.blake2b(
            prefix + name + b"\0" + fixed[20 * at : 20 * at + 20] + owners[8 * at : 8 * at + 8]
            + digests[width * at : width * at + width],
            digest_size=32, salt=salts[16 * at : 16 * at + 16], person=b"drp-leaf",
        ).digest()
        for at, name in enumerate(names)
    ]  # fmt: skip
    while len(level) > 1:
        parts = [b"".join(level[at : at + 16]) for at in range(0, len(level), 16)]
        level = [hashlib.blake2b(part, digest_size=32, person=b"drp-node").digest() for part in parts]
    assert made == level[0]


def nonsense(directory: int) -> None:
    good = [directory, [b"a"], 0, 1, set(), FLAGS, memoryview(bytearray(65536)), 0, b"\0", 1, 1, 0, False]
    bad = [None, -1, 2**70, b"", b"x" * 70, [], [1], [b"a\0"], "text", (), 1.5, memoryview(b""), {}]
    for _ in range(300):
        arguments = list(good)
        for _ in range(chance.randint(1, 3)):
            arguments[chance.randrange(len(arguments))] = chance.choice(bad)
        for call in (native.look, native.tree, native.digest):
            try:
                result = call(*arguments[: chance.choice([2, 8, 13])])
                if call is native.look and result[1] >= 0:
                    os.close(result[1])
            except (TypeError, ValueError, OverflowError, BufferError, OSError):
                pass


def main() -> None:
    assert native.sound()
    folder = os.fsencode(sys.argv[1])
    fill(folder)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    descriptors = os.listdir("/proc/self/fd")
    for turn in range(200):
        look(directory)
        tree()
        nonsense(directory) if turn % 20 == 0 else None
        if turn == 50:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert os.listdir("/proc/self/fd") == descriptors
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown < 300_000, f"grew by {grown} KiB"  # the sanitizer holds freed memory back for a while
    print("sound")


main()
