"""Looks for what the drills of one site could have left on the machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

_SANDBOX = re.compile(rb"drp-[0-9a-f]{12}")


def sandboxes_of(site: Path) -> set[str]:
    """Return the ids of all sandboxes that the site's journal names, as it is, or as a test wrote it out there."""
    found: set[str] = set()
    for path in (site / "state").glob("journal.*"):
        found |= {match.decode() for match in _SANDBOX.findall(path.read_bytes())}
    return found


def processes_left(site: Path) -> list[str]:
    """Return live processes of the site's drills: its workers, and whatever is in their sandboxes' control groups."""
    ids, found = sandboxes_of(site), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            groups = (entry / "cgroup").read_text(errors="replace")
            state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and (
            ("drp.service.worker" in line and str(site) in line) or any(name in groups for name in ids)
        ):
            found.append(line)
    return found


def data_left(site: Path) -> list[str]:
    """Return mounts and files with restored data that a drill of the site left."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(site) in line]
    homes = [site / "state" / "run", *Path("/run/drp").glob("*")]
    found += [str(path) for path in (site / "state" / "run").rglob("*.img")]
    return found + [str(home / name) for home in homes for name in sandboxes_of(site) if (home / name).exists()]


def control_groups_left(site: Path) -> list[str]:
    """Return control groups of the site's sandboxes."""
    roots = (
        Path("/sys/fs/cgroup/drp"),
        *(Path(f"/sys/fs/cgroup/{name}/drp") for name in ("memory", "pids", "cpu", "unified")),
    )
    return [str(root / name) for root in roots for name in sandboxes_of(site) if (root / name).is_dir()]


def left(site: Path) -> list[str]:
    """Return everything that is left."""
    return [*processes_left(site), *data_left(site), *control_groups_left(site)]
