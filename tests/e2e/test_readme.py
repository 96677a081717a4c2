"""The README's commands work as they stand there, one after the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.hospital.rig import HospitalRig
from tests.support.readme import README, commands, promised
from tests.support.rig import Rig

pytestmark = [pytest.mark.real, pytest.mark.slow]


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
