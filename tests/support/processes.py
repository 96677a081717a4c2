"""Looks for what a drill could have left on the machine."""

from __future__ import annotations

import os
from pathlib import Path


def descendants_in_namespaces(site: Path) -> list[str]:
    """Return the command lines of live processes that belong to the site's drills."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and ("drp.cli.worker" in line or "bwrap" in line or str(site / "state" / "run") in line):
            found.append(line)
    return found


def restored_data_left(site: Path) -> list[str]:
    """Return mounts, loop devices, control groups and files that a drill of the site left."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(site) in line]
    run = site / "state" / "run"
    found += [str(path) for path in run.rglob("*") if path.name == "data" or path.suffix == ".img"]
    for root in ("/sys/fs/cgroup/drp", *(f"/sys/fs/cgroup/{name}/drp" for name in ("memory", "pids", "cpu", "unified"))):
        found += [str(path) for path in Path(root).glob("*") if path.is_dir()]
    return found
