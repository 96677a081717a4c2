"""What of the host a sandbox may read: a cell its tool and repository, a run sandbox the software declared for it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from drp.domain.application import SoftwareImage
from drp.domain.phrase import Phrase, say
from drp.domain.restore import RestoreOrder
from drp.errors import SandboxError
from drp.sandboxes.host import mounts
from drp.sandboxes.host.identity import Identity, standing
from drp.sandboxes.host.layout import open_to_all

INSIDE = "/run/base"
"""Where a restore cell finds its tools."""
_KEEP_OWNERS = say(
    "keep copies on ext4, XFS, Btrfs or tmpfs, or set `identity: single`, by which owners are not judged"
)
_CERTIFICATES = ("/etc/ssl", "/etc/pki", "/etc/ca-certificates")


def cell(order: RestoreOrder, staging: Path, identity: Identity) -> dict[str, str]:
    """Return host path → path inside for what the cell may read; closed sources are made readable for its uid alone."""
    wanted = {path: path for path in _CERTIFICATES if Path(path).is_dir()}
    wanted |= {path: f"{INSIDE}/tool/{Path(path).name}" for path in order.executables}
    wanted |= dict(order.read_only_binds)
    binds: dict[str, str] = {}
    for number, (source, target) in enumerate(wanted.items()):
        path = Path(source)
        if not path.exists():
            message = say("the restore cell needs {source}, which does not exist", source=source)
            raise SandboxError(message, hint="install the tool or attach the medium, then run `drp doctor`")
        if standing() == "root" and (source in order.read_only_binds or not _is_open(path)):
            place = staging / str(number)
            owners = identity.range_size if order.of_many_owners and source in order.read_only_binds else 0
            if not _stage(path, place, identity.host_uid_of(0), owners) and source in order.read_only_binds:
                _require_open(path)
                if owners:  # owners would be restored as others than they are, and called damaged
                    raise SandboxError(_owners_lost(source), hint=_KEEP_OWNERS)
            path = place
        binds[str(path)] = target
    return binds


def _owners_lost(source: str) -> Phrase:
    return say("owners of {path} cannot be told inside the restore cell: its file system cannot map them", path=source)


def software(images: Iterable[SoftwareImage], staging: Path, identity: Identity, run_as: int) -> dict[str, str]:
    """Return host path → path inside for software images; root makes closed ones readable for the sandbox's user."""
    found: dict[str, str] = {}
    for number, image in enumerate(images):
        path = Path(image.image)
        if not path.is_dir():
            message = say("the software image {path} is no directory", path=path)
            raise SandboxError(message, hint="put the image there, or correct `software` in the application's file")
        if standing() == "root":
            _stage(path, staging / str(number), identity.host_uid_of(run_as))
            path = staging / str(number)
        if str(path) in found:
            message = say("the software image {path} is wanted in two places", path=path)
            raise SandboxError(message, hint="bind it once, and link to it from the application's configuration")
        found[str(path)] = image.at
    return found


def _is_open(path: Path) -> bool:
    return standing() != "root" or (open_to_all(path.parent) and bool(path.stat().st_mode & os.X_OK))


def _stage(source: Path, place: Path, uid: int, owners: int = 0) -> bool:
    """Bind it where the sandbox is made; return whether ``uid`` may read there what the owner may."""
    try:
        return mounts.bind_readable(source.resolve(), place, uid=uid, range_size=owners)
    except OSError as error:
        message = say("cannot bind {source} into the sandbox: {why}", source=source, why=error.strerror)
        raise SandboxError(message) from error


def _require_open(source: Path) -> None:
    """Raise SandboxError where others may not read: the tool would take it for a refusal of the repository."""
    for path in (source, *source.iterdir()) if source.is_dir() else (source,):
        mode = path.stat().st_mode
        if not mode & stat.S_IROTH or (stat.S_ISDIR(mode) and not mode & stat.S_IXOTH):
            message = say(
                "the restore cell cannot read {path}: others may not, and its file system cannot map owners", path=path
            )
            hint = say(
                "run `chmod -R o+rX {source}`, or keep it on ext4, XFS, Btrfs or tmpfs (overlay and NFS cannot)",
                source=source,
            )
            raise SandboxError(message, hint=hint)
