"""The README's commands work as they stand there, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.hospital.rig import HospitalRig
from tests.support.rig import Rig

pytestmark = [pytest.mark.real, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    (block,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def promised(command: str) -> int:
    """Return the exit status that the comment behind a command tells."""
    said = re.search(r"# ends with (\d+)", command)
    return int(said[1]) if said else 0


def test_every_command_of_the_readme(lost_hospital: HospitalRig, tmp_path: Path):
    assert len(commands()) >= 12
    for command in commands():
        words = shlex.split(command, comments=True)
        assert words.pop(0) == "drp"
        done = lost_hospital.drp(*words, check=False, cwd=tmp_path)
        assert done.returncode == promised(command), f"{command}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "my-site" / "drp.yml").is_file()


def test_every_noun_is_in_the_readme_and_has_help(stage: Rig):
    from drp.cli.main import LazyGroup

    for noun in LazyGroup.nouns:
        assert f"drp {noun}" in README, noun
        assert stage.drp(noun, "--help").stdout
