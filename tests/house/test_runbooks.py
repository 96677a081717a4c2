"""Shipped runbooks are clean by ansible-lint's strictest profile and by drp's own eyes, and are documented."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from drp.runbooks.catalogue import runbooks
from drp.runbooks.lint import lint
from drp.share import shared

HOME = shared("runbooks")


@pytest.mark.slow
def test_ansible_lint_finds_nothing(tmp_path: Path) -> None:
    programs = Path(sys.executable).parent
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [programs / "ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"],
        cwd=HOME, env=environment, capture_output=True, text=True, check=False, timeout=850,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (HOME / ".ansible").exists()


def test_drp_finds_nothing_either() -> None:
    assert list(lint(list(runbooks([HOME])), [HOME])) == []


def test_every_input_of_a_runbook_is_documented() -> None:
    for folder in runbooks([HOME]):
        readme = (folder.path / "README.md").read_text()
        for step in folder.steps:
            used = set(re.findall(r"drp_inputs\.(\w+)", (folder.path / f"{step}.yml").read_text()))
            for name in used - {"order", "restored_root"}:
                assert f"`{name}`" in readme, f"{folder.kind}/README.md does not explain {name}"


def test_names_of_tasks_are_sentences() -> None:
    for path in HOME.glob("roles/*/tasks/*.yml"):
        for task in _tasks(yaml.safe_load(path.read_text())):
            assert re.fullmatch(r"[A-Z][^|:]{8,80}", task["name"]), (path, task["name"])


def _tasks(items: list[dict]) -> list[dict]:
    found = []
    for item in items:
        found.append(item)
        for part in ("block", "rescue", "always"):
            found += _tasks(item.get(part, []))
    return found


def test_programs_of_roles_run_on_the_oldest_python_there_may_be() -> None:
    """They run inside the sandbox: nothing that 3.9 does not know, no shell that has outgrown itself."""
    programs = sorted(HOME.glob("roles/*/files/*.py"))
    assert programs
    assert not list(HOME.glob("roles/*/files/*.sh"))
    for program in programs:
        tree = ast.parse(program.read_text(), feature_version=(3, 9))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Match)], program
        assert "from __future__ import annotations" in program.read_text(), program


def test_plugins_stand_apart_under_their_own_licence() -> None:
    assert "GNU GENERAL PUBLIC LICENSE" in (HOME / "plugins/LICENSE").read_text()
    for path in (HOME / "plugins").rglob("*.py"):
        assert "GNU General Public License v3.0 or later" in path.read_text().splitlines()[0], path
    product = HOME.parent / "drp"
    importers = [
        str(path.relative_to(product))
        for path in product.rglob("*.py")
        if re.search(r"^\s*(import|from) ansible(_runner)?\b", path.read_text(), re.MULTILINE)
    ]
    assert importers == ["runbooks/session.py"]
    assert os.access(HOME / "ansible.cfg", os.R_OK)
