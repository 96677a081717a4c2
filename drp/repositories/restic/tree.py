"""What a snapshot's tree says of itself, asked of restic: where it begins, what is at a sub-path, how much that is."""

from __future__ import annotations

from drp.command import Output
from drp.domain.phrase import NOTHING, Phrase
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import Held
from drp.repositories.parts import nothing_there
from drp.repositories.restic.source_root import FoldersBelow, TreeListing, declared_root, folders_to_list
from drp.repositories.restic.sub_path import Contents, SubPathListing, folders_on_the_way
from drp.repositories.restic.tool import ResticTool


def source_root(tool: ResticTool, point: RecoveryPoint) -> str:
    """Return where what is restored begins; a tree that cannot be read is met again by the restore.

    Raises ``RepositoryError`` for a sub-path at which the tree has nothing.
    """
    if not point.sub_path:
        listing = TreeListing(point.paths)
        output = _list(tool, point, listing, folders_to_list(point.paths))
        return listing.root() if output.exit_code == 0 else declared_root(point.paths)
    found = _at_sub_path(tool, point)
    if found is not None and (lacking := found.lacking()):
        raise nothing_there(point, lacking)
    return (found.place() if found is not None else None) or point.sub_path


def look(tool: ResticTool, point: RecoveryPoint) -> tuple[Output, Phrase]:
    """Return how restic ended on listing the top folders, and why there is nothing to restore; nothing: there is."""
    if not point.sub_path:
        return _list(tool, point, TreeListing(point.paths), folders_to_list(point.paths)), NOTHING
    listing = SubPathListing(point.sub_path, point.paths)
    return _list(tool, point, listing, folders_on_the_way(point.sub_path, point.paths)), listing.lacking()


def held(tool: ResticTool, point: RecoveryPoint, *, counted: bool) -> Held:
    """Return what a point has at its sub-path; a tree that cannot be read is met again by the restore."""
    found = _at_sub_path(tool, point)
    if found is None or (lacking := found.lacking()):
        return Held(lacking=lacking if found is not None else NOTHING)
    contents = contents_of(tool, point) if counted else None
    return Held(size_bytes=contents.size if contents is not None else None)


def folders_below(tool: ResticTool, point: RecoveryPoint) -> tuple[str, ...]:
    """Return the folders directly below the one path of a point; none of several, or where they cannot be listed."""
    if len(point.paths) != 1:
        return ()
    below = FoldersBelow(point.paths[0])
    tool.call("ls", point.id, point.paths[0], on_line=lambda _, line: below.take(line), capture=False)
    return tuple(sorted(below.found))


def contents_of(tool: ResticTool, point: RecoveryPoint) -> Contents | None:
    """Add up all files of a point's sub-path; None: the tree cannot be read. Raises as `source_root`."""
    contents = Contents()
    output = tool.call(
        *("ls", "--recursive", point.id, source_root(tool, point)),
        on_line=lambda _, line: contents.take(line),
        capture=False,
    )
    return contents if output.exit_code == 0 else None


def _at_sub_path(tool: ResticTool, point: RecoveryPoint) -> SubPathListing | None:
    listing = SubPathListing(point.sub_path, point.paths)
    output = _list(tool, point, listing, folders_on_the_way(point.sub_path, point.paths))
    return listing if output.exit_code == 0 else None


def _list(tool: ResticTool, point: RecoveryPoint, listing: TreeListing, folders: tuple[str, ...]) -> Output:
    """Have restic list the direct children of folders."""
    return tool.call("ls", point.id, *folders, on_line=lambda _, line: listing.take(line), capture=False)
