"""What of the host a sandbox may read: a cell its tool and repository, a run sandbox the software declared for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from drp.domain.application import SoftwareImage
from drp.domain.restore import RestoreOrder
from drp.errors import SandboxError
from drp.sandboxes import mounts
from drp.sandboxes.arguments import INSIDE
from drp.sandboxes.identity import Identity, standing
from drp.sandboxes.layout import open_to_all

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
            message = f"the restore cell needs {source}, which does not exist"
            raise SandboxError(message, hint="install the tool or attach the medium, then run `drp doctor`")
        if standing() == "root" and (source in order.read_only_binds or not _is_open(path)):
            path = _stage(path, staging / str(number), identity.host_uid_of(0))
        binds[str(path)] = target
    return binds


def software(images: Iterable[SoftwareImage], staging: Path, identity: Identity, run_as: int) -> dict[str, str]:
    """Return host path → path inside for software images; root makes closed ones readable for the sandbox's user."""
    found: dict[str, str] = {}
    for number, image in enumerate(images):
        path = Path(image.image)
        if not path.is_dir():
            message = f"the software image {path} is no directory"
            raise SandboxError(message, hint="put the image there, or correct `software` in the application's file")
        if standing() == "root":
            path = _stage(path, staging / str(number), identity.host_uid_of(run_as))
        if str(path) in found:
            message = f"the software image {path} is wanted in two places"
            raise SandboxError(message, hint="bind it once, and link to it from the application's configuration")
        found[str(path)] = image.at
    return found


def _is_open(path: Path) -> bool:
    return standing() != "root" or (open_to_all(path.parent) and bool(path.stat().st_mode & os.X_OK))


def _stage(source: Path, place: Path, uid: int) -> Path:
    try:
        mounts.bind_readable(source.resolve(), place, uid=uid)
    except OSError as error:
        message = f"cannot bind {source} into the sandbox: {error.strerror}"
        raise SandboxError(message) from error
    return place
