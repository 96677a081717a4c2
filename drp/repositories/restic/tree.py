"""What a snapshot's tree says of itself, asked of restic: where it begins, what is at a sub-path, how much that is."""

from __future__ import annotations

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import Held
from drp.errors import RepositoryError
from drp.repositories.restic.source_root import TreeListing, declared_root, folders_to_list
from drp.repositories.restic.sub_path import Contents, SubPathListing, folders_on_the_way
from drp.repositories.restic.tool import ResticTool


def source_root(tool: ResticTool, point: RecoveryPoint) -> str:
    """Return where what is restored begins; a tree that cannot be read is met again by the restore.

    Raises ``RepositoryError`` for a sub-path at which the tree has nothing.
    """
    if not point.sub_path:
        listing = TreeListing(point.paths)
        return (
            listing.root()
            if _listed(tool, point, listing, folders_to_list(point.paths))
            else declared_root(point.paths)
        )
    found = _at_sub_path(tool, point)
    if found is not None and (lacking := found.lacking()):
        raise RepositoryError(
            f"recovery point {point.short_id} of {point.repository} has nothing at {point.sub_path}: {lacking}",
            hint="correct `backup.sub_path` in the application's file, or the backup job",
        )
    return (found.place() if found is not None else None) or point.sub_path


def held(tool: ResticTool, point: RecoveryPoint, *, counted: bool) -> Held:
    """Return what a point has at its sub-path; a tree that cannot be read is met again by the restore."""
    found = _at_sub_path(tool, point)
    if found is None or (lacking := found.lacking()):
        return Held(lacking=lacking if found is not None else "")
    contents = contents_of(tool, point) if counted else None
    return Held(size_bytes=contents.size if contents is not None else None)


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
    return listing if _listed(tool, point, listing, folders_on_the_way(point.sub_path, point.paths)) else None


def _listed(tool: ResticTool, point: RecoveryPoint, listing: TreeListing, folders: tuple[str, ...]) -> bool:
    """Have restic list the direct children of folders; return whether it could."""
    output = tool.call("ls", point.id, *folders, on_line=lambda _, line: listing.take(line), capture=False)
    return output.exit_code == 0
