"""Programs that run inside, each as one text: none of them lies in a file that restored code could find."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

PAYLOAD = Path(__file__).parent / "payload"
PYTHON = "/usr/bin/python3"
"""What runs them: the system's own."""


@functools.cache
def packed_agent() -> str:
    """Return the agent with what it imports."""
    return "\n".join(
        [*_modules("", ("frames", "hiding", "running")), f"exec(compile({_source('agent')!a}, 'agent.py', 'exec'))", ""]
    )


@functools.cache
def packed_probe() -> str:
    """Return the isolation probe: its package, each module after those that it imports."""
    return "\n".join([*_modules("probe", ("core", "network", "host", "main")), "module.main()", ""])


def _source(name: str) -> str:
    return (PAYLOAD / f"{name}.py").read_text(encoding="utf-8")


def _modules(package: str, names: Sequence[str]) -> list[str]:
    """Return the lines that make modules of files; ``module`` is the last one."""
    lines = ["import sys, types"]
    if package:
        lines += [f"module = sys.modules[{package!r}] = types.ModuleType({package!r})", "module.__path__ = []"]
    for name in names:
        whole = f"{package}.{name}" if package else name
        lines += [
            f"module = sys.modules[{whole!r}] = types.ModuleType({whole!r})",
            f"module.__package__ = {package!r}",
            f"exec(compile({_source(whole.replace('.', '/'))!a}, '{name}.py', 'exec'), module.__dict__)",
        ]
    return lines
