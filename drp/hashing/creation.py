"""Makes a manifest of a tree: workers list and hash, the coordinator hands out directories and merges their spools.

Bounded memory whatever the tree: workers spool sorted runs, which are merged at the end; the coordinator holds the
directories still to be listed, the digests of large files, and open hard-link groups.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import IO

from drp.atomic import atomic_writer
from drp.clock import utc_now
from drp.domain import phrase
from drp.domain.manifest import ManifestSummary, show_path
from drp.domain.strict_json import Malformed
from drp.errors import ManifestError, NotFound, UsageError
from drp.hashing.reading.core import core_name
from drp.hashing.reading.descent import FLAGS, raise_descriptor_limit
from drp.hashing.reading.device import Kind, depth
from drp.hashing.reading.rows import INODE, Options
from drp.hashing.workers import create_worker  # noqa: F401 - forked workers find it loaded
from drp.hashing.workers.create_job import CreateJob, Say
from drp.hashing.workers.pool import Pool, hand
from drp.manifests import codec, merkle
from drp.manifests.attributes import visible
from drp.manifests.header_check import ALGORITHMS, require_header
from drp.manifests.layout import FIXED, GROUP, LINKED, PENDING, Group, Key, Tag, decode, encode, stored_key
from drp.manifests.opening import read_summary
from drp.manifests.writer import Writer

_READ_MOST, _READ_ALL = 256 << 10, 48 << 20
"""How much of a run is read at once, and how much of all runs together."""
_ERRNO_BYTES, _NODE = 4, 32
Watch = Callable[[int, int, int], None]
"""Called a few times a second with files, bytes and entries so far."""


def create_manifest(
    root: Path,
    output: Path,
    *,
    application: str,
    algorithms: Sequence[str] = ("blake3",),
    facts: Mapping[str, object] | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    options: Options | None = None,
    recovery_point: str = "",
    rate: float = 0.0,
    nice: int = 0,
    on_pool: Callable[[Pool], None] | None = None,
    say: Say | None = None,
    device: Kind = "auto",
) -> ManifestSummary:
    """Write the manifest of the tree at ``root`` to ``output``, whole or not at all, and return what it says.

    Entries that cannot be read are in it with their errno, and counted; EOWNERDEAD: two workers were killed there.
    ``say`` hears of workers that were lost, a sentence each. Raises ``NotFound`` when there is no tree at
    the root, ``ManifestError``, ``StorageFull``, ``Interrupted``.
    """
    _require_known(algorithms)
    settings = options or Options(tuple(algorithms))
    settings.algorithms = tuple(name for name in ALGORITHMS if name in algorithms)
    header = {
        "application": application,
        "algorithms": list(settings.algorithms),
        "codec": codec.DEFAULT,
        "facts": dict(facts or {}),
        "host": os.uname().nodename,
        "key": os.urandom(32).hex(),
        "options": {"xattrs": False, "attributes": []},
        "recovery_point": recovery_point,
        "root": show_path(os.path.abspath(os.fsencode(root))),  # noqa: PTH100 - links stay, as in restic's paths
        "started_at": utc_now().isoformat(),
        "tool": f"drp, {core_name(settings.core)} core",
    }
    _require_header(header)
    descriptor = open_root(root)
    with ExitStack() as stack:
        stack.callback(os.close, descriptor)
        settings.attributes = visible(descriptor) if settings.attributes is None else settings.attributes
        header["options"] = {"xattrs": settings.xattrs, "attributes": list(settings.attributes)}
        deep = depth(descriptor, workers, device)
        settings.strict = settings.strict or deep.strict
        settings.window, settings.blind = deep.window, deep.blind
        job = _job(descriptor, output.parent, settings, bytes.fromhex(str(header["key"])))
        stack.callback(job.close)
        job.say = say or job.say
        pool = Pool(job, deep, rate=rate, nice=nice)
        hand(pool, on_pool)
        try:
            pool.run(lambda: watch(*pool.page.totals()) if watch else None, cancelled)
            if watch:
                watch(*pool.page.totals())
        finally:
            pool.page.close()
        with atomic_writer(output) as stream:
            writer = Writer(stream, header)
            for stored, root_node in _merged(job, job.spools):
                writer.add(stored, root_node)
            writer.finish({"finished_at": utc_now().isoformat()})
    return read_summary(output)


def _require_known(algorithms: Sequence[str]) -> None:
    """Raise ``UsageError`` for algorithms that are none of ours, and for none at all."""
    if not algorithms or any(name not in ALGORITHMS for name in algorithms):
        named = phrase.several(algorithms) if algorithms else phrase.say("none")
        message = phrase.say("unknown digest algorithms: {algorithms}", algorithms=named)
        raise UsageError(message, hint="use blake3, sha256 or both")


def _require_header(header: Mapping[str, object]) -> None:
    """Raise ``UsageError`` for a header that no manifest can have."""
    try:
        require_header(header)
    except Malformed as error:
        message = phrase.say("no manifest can be made: {error}", error=error)
        raise UsageError(message, hint="give a short name and plain facts") from error


def open_root(root: Path) -> int:
    """Return a descriptor of the tree's root. Raises ``NotFound``."""
    try:
        return os.open(root, FLAGS)
    except OSError as error:
        raise NotFound(
            phrase.say(
                "cannot open the directory {root}: {strerror}", root=root, strerror=os.strerror(error.errno or 0)
            ),
            hint="name a directory that exists",
        ) from error


def _job(root: int, folder: Path, options: Options, key: bytes) -> CreateJob:
    setup = {
        "job": "create",
        "root": root,
        "descriptors": raise_descriptor_limit(),
        "options": asdict(options),
        "key": key,
    }
    job = CreateJob(setup, (root,), [], folder)
    job.pending.append((b"", [b""]))
    job.waiting = 1
    return job


def _merged(job: CreateJob, spools: Sequence[IO[bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield all stored groups and their Merkle nodes in order, hard links resolved and late digests filled in."""
    key, size = job.setup["key"], 32 * len(job.setup["options"]["algorithms"])
    piece = max(4096, min(_READ_MOST, _READ_ALL // max(1, len(job.runs))))
    runs = [_run(spools[number].fileno(), offset, length, piece) for number, offset, length in job.runs]
    firsts: dict[tuple[int, int], tuple[bytes, int]] = {}
    for _, stored, root in heapq.merge(*runs, sorted(job.lost), key=itemgetter(0)):
        if GROUP.unpack_from(stored)[3] & (LINKED | PENDING):
            group = decode(stored)
            if group.pending:
                _fill(group, job, size)
            if group.linked:
                _resolve(group, firsts)
            yield encode(group), merkle.tree(merkle.leaves(group, key, size))
        else:
            yield stored, root


def _run(descriptor: int, offset: int, length: int, read: int) -> Iterator[tuple[Key, bytes, bytes]]:
    """Yield keys, groups and Merkle nodes of one spooled run."""
    end, buffer, at = offset + length, b"", 0
    while offset < end or at < len(buffer):
        held = len(buffer) - at - _NODE
        if held < GROUP.size or held < int.from_bytes(buffer[at + _NODE : at + _NODE + 4], "little"):
            piece = os.pread(descriptor, min(read, end - offset), offset)
            if not piece:
                raise ManifestError("the spool of a hashing worker ends early", hint="run it again")
            buffer, at, offset = buffer[at:] + piece, 0, offset + len(piece)
            continue
        root, start = buffer[at : at + _NODE], at + _NODE
        at = start + int.from_bytes(buffer[start : start + 4], "little")
        yield stored_key(buffer, start), buffer[start:at], root


def _fill(group: Group, job: CreateJob, size: int) -> None:
    """Put the digests of large files in."""
    fixed, digests, regular = bytearray(group.fixed), bytearray(group.digests), 0
    for row, name in enumerate(group.names):
        mode, old_size, _ = FIXED.unpack_from(fixed, row * FIXED.size)
        if not stat.S_ISREG(mode):
            continue
        outcome = job.late.get((group.directory, name))
        if outcome is not None:
            errno, stable, digest, new_mode, new_size, mtime = outcome
            if errno:
                group.extras.setdefault(row, {})[Tag.ERROR] = errno.to_bytes(_ERRNO_BYTES, "little")
            else:
                FIXED.pack_into(fixed, row * FIXED.size, new_mode, new_size, mtime)
                digests[regular * size : (regular + 1) * size] = digest
                group.size += new_size - old_size
                if not stable:
                    group.extras.setdefault(row, {})[Tag.UNSTABLE] = b""
            group.errors += 1 if errno or not stable else 0
        regular += 1
    group.fixed, group.digests, group.pending = bytes(fixed), bytes(digests), False


def _resolve(group: Group, firsts: dict[tuple[int, int], tuple[bytes, int]]) -> None:
    """Replace inode numbers by the path of each link group's first member; forget groups that are complete."""
    for row in sorted(group.extras):
        inode = group.extras[row].pop(Tag.INODE, None)
        if inode is not None:
            device, number, links = INODE.unpack(inode)
            first = firsts.get((device, number))
            if first is None:
                firsts[device, number] = (group.path(group.names[row]), links - 1)
            else:
                group.extras[row][Tag.LINK_TO] = first[0]
                if first[1] <= 1:
                    del firsts[device, number]
                else:
                    firsts[device, number] = (first[0], first[1] - 1)
        if not group.extras[row]:
            del group.extras[row]
    group.linked = False
