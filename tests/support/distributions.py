"""Distributions that a test installs: a folder on the path, with metadata and entry points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def lay_distribution(folder: Path, name: str, group: str, entries: Mapping[str, str], version: str = "1.2") -> Path:
    """Write what an installer writes of a distribution; return the folder, which has to come on the path."""
    information = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{entry} = {value}\n" for entry, value in entries.items()]
    (information / "entry_points.txt").write_text(f"[{group}]\n{''.join(lines)}")
    return folder
