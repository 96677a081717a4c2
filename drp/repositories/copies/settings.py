"""What a repository of dated folders is, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.phrase import say
from drp.domain.repository import RepositorySettings
from drp.repositories.copies.pattern import Zone

MANIFEST = "{folder}.drpm-id"
"""Where a folder's manifest is named unless a site says otherwise: a file beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideFile:
    """A small file that says something of a dated folder: inside of it, or beside it under its name."""

    path: str
    """Below the folder; or what follows the folder's name, beside it."""
    beside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesSettings(RepositorySettings):
    """One directory of dated folders."""

    kind: str = "copies"
    patterns: tuple[str, ...]
    """How its folders are named: texts of `FolderPattern`."""
    zone: Zone
    """Of names that state no offset from UTC."""
    root: str = "/"
    """What of the machine that was copied a folder holds."""
    instant: BesideFile | None = None
    """States the instant whose data a folder holds; None: its name does."""
    complete: BesideFile | None = None
    """Is there when a folder is whole; None: nothing says so."""
    manifest: BesideFile
    """Names the manifest of what a folder holds."""
    audited_files: int = 400
    """How many files of a point are asked for their protection at most; above it, a sample is."""


def beside_file(said: str) -> BesideFile:
    """Return what a path says: ``{folder}.done`` is beside a folder, ``state/done`` inside. Raises ``ValueError``."""
    beside = said.startswith("{folder}")
    path = said.removeprefix("{folder}")
    parts = path.split("/")
    if not path or not path.isprintable() or "{" in path or "}" in path:
        raise ValueError(
            say("names no file: write `name` for one inside each folder, `{{folder}}.name` for one beside it")
        )
    if (beside and len(parts) > 1) or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(say("leads elsewhere: it lies inside the folder, or directly beside it"))
    return BesideFile(path=path, beside=beside)
