"""Programs of the shipped roles, as a runbook runs them: read in from their parts, or given to a Python in a sandbox."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from drp.share import shared

ROLES = shared("runbooks") / "roles"
STARTER = (ROLES / "service/files/parts.py").read_text()


def load(role: str, *names: str) -> list[ModuleType]:
    """Return modules of a role's programs, for what needs no sandbox around it."""
    return _from(str(ROLES / role / "files"), names)


def payload(*names: str) -> list[ModuleType]:
    """Return modules of the programs that verifiers run inside, for the same."""
    return _from(str(files("drp_verifiers") / "payload"), names)


def _from(folder: str, names: Sequence[str]) -> list[ModuleType]:
    sys.path.insert(0, folder)
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(folder)


def command(role: str, *parts: str) -> list[str]:
    """Return the words that run a role's program inside, with its parts before it."""
    texts = {part: (Path(ROLES) / role / "files" / f"{part}.py").read_text() for part in parts}
    return ["/usr/bin/python3", "-I", "-S", "-c", STARTER, json.dumps(texts)]


def prepare(role: str) -> ModuleType:
    """Return a role's program of that name; several roles have one."""
    folder = str(ROLES / role / "files")
    spec = importlib.util.spec_from_file_location(f"{role}_prepare", f"{folder}/prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def taken(
    settings: dict[str, Any], *trusted: str, software: Path = Path("/nonexistent"), restored: Path = Path("/data")
) -> Any:
    """Return the brake of Orthanc on settings, where nothing is installed but what lies in ``software``."""
    (brake,) = load("orthanc", "brake")
    found = brake.Brake(settings)
    found.take()
    place = brake.Place(str(software), str(restored), restored / "kept")
    place.roots = [str(software)]  # and not what this machine has
    found.plugins(list(trusted), place)
    return found
