"""A folder of a manifest by itself, where one manifest was made of more than an application's own tree.

Groups lie in the order of paths compared component by component, so a folder and all below it is one run of them, over
some frames: wholly those between, in part the first and the last.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from drp.domain.manifest import ManifestPart, show_path
from drp.domain.phrase import fact, say
from drp.errors import ManifestError, NotFound
from drp.manifests.frame import Frame
from drp.manifests.frame_check import decode_whole
from drp.manifests.layout import FIXED, Group, Tag, group_offsets, sort_key, stored_place
from drp.manifests.row import kind_of

Unpack = Callable[[Frame], bytes]
"""Gives a frame unpacked and checked."""
OUTSIDE = b"\0"
"""Begins the name of a file's first link where that is outside of the folder: no path begins so."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a frame has of the folder."""

    frame: Frame
    files: int
    """Regular files."""
    offsets: tuple[int, ...] | None = None
    """Of the groups that are the folder's, without later parts of a large directory; None: all of the frame is."""


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of a manifest."""

    below: bytes
    """Its path below the manifest's root."""
    counts: ManifestPart
    shares: tuple[Share, ...]


def holds(below: bytes, directory: bytes) -> bool:
    """Return whether a directory is the folder, or lies in it."""
    return not below or directory == below or directory.startswith(below + b"/")


def rooted(group: Group, below: bytes) -> Group:
    """Return a group of the folder with its paths below it. Raises ``ManifestError`` for another."""
    if not below:
        return group
    if not holds(below, group.directory):
        raise ManifestError(say("entries of the manifest are out of order"))
    group.directory = _cut(group.directory, below)
    for extras in group.extras.values():
        if Tag.LINK_TO in extras:
            first = extras[Tag.LINK_TO]
            extras[Tag.LINK_TO] = _cut(first, below) if first.startswith(below + b"/") else OUTSIDE + first
    return group


def _cut(path: bytes, below: bytes) -> bytes:
    return path[len(below) + 1 :]


def find_part(frames: Sequence[Frame], unpack: Unpack, below: bytes, digest_size: int, *, errors: bool) -> Part:
    """Return a folder of a manifest; ``errors``: some entry of the manifest could not be read.

    Raises ``NotFound`` when there is no such folder, ``ManifestError`` when the manifest is damaged.
    """
    _require_folder(frames, unpack, below, digest_size)
    key = sort_key(below)
    counts = ManifestPart(path=show_path(below))
    shares = []
    for number, frame in enumerate(frames):
        following = frames[number + 1] if number + 1 < len(frames) else None
        if frame.key[0] > key and not holds(below, frame.directory):
            break
        if following is not None and following.key[0] < key:
            continue
        whole = holds(below, frame.directory) and following is not None and holds(below, following.directory)
        if whole and not errors:
            shares.append(Share(frame, frame.files))
            counts = _plus(counts, frame.rows, frame.files, frame.size, 0)
            continue
        raw = unpack(frame)
        own = [at for at in group_offsets(raw) if holds(below, stored_place(raw, at)[0])]
        groups = [decode_whole(raw, at, digest_size) for at in own]
        files = sum(map(_files, groups))
        if groups:
            first = tuple(at for at, group in zip(own, groups, strict=True) if group.first)
            shares.append(Share(frame, files, None if whole else first))
        rows, size = sum(len(group.names) for group in groups), sum(group.size for group in groups)
        counts = _plus(counts, rows, files, size, sum(group.errors + bool(group.errno) for group in groups))
    return Part(below, counts, tuple(shares))


def _plus(counts: ManifestPart, entries: int, files: int, size: int, errors: int) -> ManifestPart:
    return replace(
        counts,
        entries=counts.entries + entries,
        files=counts.files + files,
        total_bytes=counts.total_bytes + size,
        errors=counts.errors + errors,
    )


def _files(group: Group) -> int:
    return sum(stat.S_ISREG(mode) for mode, _, _ in FIXED.iter_unpack(group.fixed))


def _require_folder(frames: Sequence[Frame], unpack: Unpack, below: bytes, digest_size: int) -> None:
    """Raise ``NotFound`` unless every component of a path is a directory of the manifest."""
    names = below.split(b"/")
    for count in range(1, len(names) + 1):
        path = b"/".join(names[:count])
        mode = next(_modes(frames, unpack, path, digest_size), None)
        if mode is None or not stat.S_ISDIR(mode):
            hint = say("list what is in it with `drp manifest show --tree`")
            if mode is None:
                raise NotFound(
                    fact("manifest-no-folder", "the manifest has no folder {path}", path=show_path(path)), hint=hint
                )
            what = fact(
                "manifest-other-kind",
                "the manifest has no folder {path}: it is a {kind}",
                path=show_path(path),
                kind=kind_of(mode),
            )
            raise NotFound(what, hint=hint)


def _modes(frames: Sequence[Frame], unpack: Unpack, path: bytes, digest_size: int) -> Iterator[int]:
    """Yield the mode of an entry; nothing where there is none."""
    directory, _, name = path.rpartition(b"/")
    before = [frame for frame in frames if frame.key <= (sort_key(directory), name)]
    if not before:
        return
    raw = unpack(before[-1])
    for at in group_offsets(raw):
        if stored_place(raw, at)[0] == directory:
            group = decode_whole(raw, at, digest_size)
            if name in group.names:
                yield FIXED.unpack_from(group.fixed, group.names.index(name) * FIXED.size)[0]
