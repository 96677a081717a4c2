"""Programs of the shipped roles, as a runbook runs them: read in from their parts, or given to a Python in a sandbox."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType

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
