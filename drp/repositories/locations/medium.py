"""Air-gapped media: is one attached, and is it the right one?

The label is the first line of ``.drp-medium`` at the medium's root; without such a file, the label of the file system
that is mounted there. The file is the medium's own claim: it keeps people from drilling on last month's disk, it is no
proof against somebody who forges media; the backup's own keys are.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from drp.command import run
from drp.domain.phrase import say
from drp.errors import CommandFailed, MediaNeeded

LABEL_FILE = ".drp-medium"
_LABEL_LIMIT = 256
_MOUNTS = Path("/proc/self/mountinfo")
_LABELS = Path("/dev/disk/by-label")
_PROBE_SECONDS = 10.0


class Medium:
    """A place where one labelled medium is expected."""

    def __init__(self, mount: Path, label: str) -> None:
        """Take the place where the medium appears, and the label that it must have."""
        self.mount, self.label = mount, label

    def require(self) -> None:
        """Return when the right medium is there. Raises ``MediaNeeded``."""
        found = self.found_label()
        if found == self.label:
            return
        if found is None:
            raise MediaNeeded(
                say("medium {label} is not attached at {mount}", label=self.label, mount=self.mount), label=self.label
            )
        raise MediaNeeded(
            say(
                "medium {label} is needed at {mount}, and {found} is attached",
                label=self.label,
                mount=self.mount,
                found=repr(found),
            ),
            label=self.label,
            hint=say("detach it and attach medium {label}", label=self.label),
        )

    def found_label(self) -> str | None:
        """Return the label of what is attached: None when nothing is, empty when it has no label."""
        try:
            if not stat.S_ISDIR(self.mount.stat().st_mode):
                return None
            written = _read_label(self.mount / LABEL_FILE)
            if written is not None:
                return written
            device = mounted_device(self.mount)
            if device is not None:
                return file_system_label(device)
            with os.scandir(self.mount) as entries:
                return "" if next(entries, None) is not None else None
        except OSError:
            return None


def _read_label(path: Path) -> str | None:
    """Return the first line of a label file; a link, a pipe or a device is no label file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        text = os.read(descriptor, _LABEL_LIMIT).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    return text.split("\n", 1)[0].strip()


def mounted_device(place: Path, mounts: Path = _MOUNTS) -> Path | None:
    """Return the block device that is mounted exactly at ``place``, if one is (proc(5), mountinfo)."""
    wanted = str(place.resolve())
    device: Path | None = None
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) > 4 and _unescape(fields[4]) == wanted:  # the last one mounted there hides the others
            source = _unescape(right.split(" ")[1]) if right.count(" ") else ""
            device = Path(source) if source.startswith("/dev/") else None
    return device


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def file_system_label(device: Path, labels: Path = _LABELS) -> str:
    """Return the label of the file system on a device: as udev knows it, else as ``blkid`` reads it."""
    with suppress(OSError):
        for link in labels.iterdir():
            if link.resolve() == device.resolve():
                return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), link.name)
    with suppress(CommandFailed):
        output = run(["blkid", "-o", "value", "-s", "LABEL", str(device)], timeout_seconds=_PROBE_SECONDS, check=False)
        return output.stdout.split("\n", 1)[0].strip()
    return ""
