"""The pages in `docs/`, run as a reader would run them: their `sh` blocks, one after the other, in one shell.

A comment `# ends with N` behind a command promises its exit status, as in the README; every other command has to end well. A
`text` block shows what the block above it prints: each of its lines has to come, in this order. In such a line `…` stands for
anything, one number for any other, and blanks for blanks. A block of `sh elsewhere` needs what no test may start (systemd, an
engine of containers): its shell is parsed, and its commands of drp are asked for their help.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sysconfig
import tempfile
import venv
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.readme import promised
from tests.support.restic_tools import executable
from tests.support.scratch import scratch

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d+")
_MARK = "=== block "


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its info string, its text, and the number of its first line."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Told:
    """What one `sh` block printed, and what the page says that it prints."""

    block: Block
    said: str
    shown: tuple[str, ...]


def blocks(page: Path) -> tuple[Block, ...]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return tuple(
        Block(found["kind"], found["text"], text.count("\n", 0, found.start("text")) + 1)
        for found in _BLOCK.finditer(text)
    )


def follow(
    page: Path, folder: Path, environment: Mapping[str, str] | None = None, *, seconds: float = 300
) -> list[Told]:
    """Do in ``folder`` what a page says, and return what came of each block; the first command that ends otherwise fails."""
    found = blocks(page)
    steps = [each for each in found if each.kind == "sh"]
    script = "set -euo pipefail\n" + "".join(f"echo '{_MARK}{each.line}'\n{_held(each.text)}" for each in steps)
    with scratch("drp-test-page-environment") as own:
        status, told = _run(script, folder, _environment(own) | dict(environment or {}), seconds)
    _, *said = re.split(rf"^{_MARK}\d+\n", told, flags=re.MULTILINE)
    assert status == 0, f"{page.name}, block of line {steps[len(said) - 1].line}: {said[-1]}"
    return [Told(each, text, _shown(found, each)) for each, text in zip(steps, said, strict=True)]


def absent(told: Told) -> str | None:
    """Return the first line that a page shows and its block did not print, or None."""
    left = told.said.splitlines()
    for line in told.shown:
        pattern = re.compile(_pattern(line))
        place = next((number for number, text in enumerate(left) if pattern.fullmatch(" ".join(text.split()))), None)
        if place is None:
            return line
        del left[: place + 1]
    return None


def _run(script: str, folder: Path, environment: Mapping[str, str], seconds: float) -> tuple[int, str]:
    """Return exit status and words of a shell; whatever it left running ends with it."""
    with tempfile.TemporaryFile("w+") as said:
        shell = subprocess.Popen(
            ["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            cwd=folder, env=dict(environment),
        )  # fmt: skip
        try:
            with suppress(subprocess.TimeoutExpired):  # what it said until then tells where it hung
                shell.wait(seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        said.seek(0)
        return shell.returncode, said.read()


def _environment(own: Path) -> dict[str, str]:
    """Return what a reader's shell has: a home, restic, and an environment of Python with drp, into which one may install."""
    venv.create(own / "venv", symlinks=True)
    (packages,) = (own / "venv" / "lib").glob("python*/site-packages")
    (packages / "drp.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name, module in (("drp", "drp"), ("pip", "pip")):
        program = own / "venv" / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {own}/venv/bin/python -m {module} "$@"\n')
        program.chmod(0o755)
    path = [own / "venv" / "bin", executable("current").parent, os.environ["PATH"]]
    return {"PATH": ":".join(str(each) for each in path), "HOME": str(own), "LC_ALL": "C.UTF-8", "PIP_NO_INDEX": "1"}


def _held(text: str) -> str:
    """Return a block whose commands end the shell when they do not end as the page promises."""
    lines = []
    for line in text.splitlines():
        status = promised(line)
        lines.append(f'ended=0; {line.partition("#")[0]} || ended=$?; test "$ended" = {status}' if status else line)
    return "".join(f"{line}\n" for line in lines)


def _shown(found: tuple[Block, ...], step: Block) -> tuple[str, ...]:
    """Return the lines that a page shows right behind a block."""
    following = found[found.index(step) + 1 :]
    if not following or following[0].kind != "text":
        return ()
    return tuple(line for line in following[0].text.splitlines() if line.strip(" …"))


def _pattern(line: str) -> str:
    """Return the expression of a shown line."""
    parts = (_NUMBER.sub(r"\\d+", re.escape(part)) for part in " ".join(line.split()).split("…"))
    return ".*".join(parts)
