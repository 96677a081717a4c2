"""The README's commands, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Return the commands of drp that the README shows, with the comments behind them."""
    (block,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def promised(command: str) -> int:
    """Return the exit status that the comment behind a command tells."""
    said = re.search(r"# ends with (\d+)", command)
    return int(said[1]) if said else 0
