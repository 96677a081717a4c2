"""Looks at runbooks without running them: are they whole, does Ansible understand them, do they fit a drill.

Style is not its matter: that is ansible-lint's, for which the shipped folder holds a configuration.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from drp import command
from drp.domain.phrase import Phrase, fact, say
from drp.runbooks.catalogue import RunbookFolder
from drp.runbooks.runner import environment
from drp.share import shared

_HOSTS = {"sandbox", "localhost"}
_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is wrong (``problem``), or would be better otherwise (``advice``)."""

    path: str
    severity: Literal["problem", "advice"]
    text: Phrase


def lint(runbooks: Sequence[RunbookFolder], search_path: Sequence[Path]) -> Iterator[Remark]:
    """Yield what there is to say about runbooks; roles are looked up along ``search_path``."""
    legible: list[Path] = []
    for runbook in runbooks:
        yield from _folder(runbook, legible)
    # One Ansible for all of them; only when it objects, one for each, since it stops at the first.
    if legible and _objection(legible, search_path):
        for playbook in legible:
            if words := _objection([playbook], search_path):
                yield _problem(playbook, say("is not understood by Ansible: {words}", words=words))


def _folder(runbook: RunbookFolder, legible: list[Path]) -> Iterator[Remark]:
    for step in runbook.lacking:
        yield _problem(
            runbook.path, say("there is no {step}.yml: a runbook has restore.yml, start.yml and stop.yml", step=step)
        )
    if not (runbook.path / "README.md").is_file():
        yield _advice(
            runbook.path, say("there is no README.md that says what the runbook does and which inputs it takes")
        )
    for step in runbook.steps:
        playbook = runbook.path / f"{step}.yml"
        try:
            plays = yaml.safe_load(playbook.read_bytes())
        except yaml.YAMLError as error:
            yield _problem(playbook, say("is no YAML: {error}", error=" ".join(str(error).split())))
            continue
        except OSError as error:
            yield _problem(playbook, say("cannot be read: {why}", why=error.strerror))
            continue
        if not isinstance(plays, list) or not all(isinstance(play, dict) for play in plays):
            yield _problem(playbook, say("is no playbook: it must be a list of plays"))
            continue
        legible.append(playbook)
        for play in plays:
            yield from _play(playbook, play)
        if step == "restore" and not _hands_over(playbook, plays):
            yield _advice(playbook, say("gives no drp_restore: use the role restore, or set_stats as it does"))


def _play(playbook: Path, play: dict[str, Any]) -> Iterator[Remark]:
    hosts = play.get("hosts")
    if hosts is not None and hosts not in _HOSTS:
        yield _problem(playbook, say("addresses {hosts}: the only host of a run is called sandbox", hosts=hosts))
    if hosts == "sandbox" and play.get("gather_facts") is not False:
        yield _advice(playbook, say("gathers facts, which takes two seconds: say gather_facts: false"))


def _hands_over(playbook: Path, plays: list[dict[str, Any]]) -> bool:
    if "drp_restore" in playbook.read_text(encoding="utf-8", errors="replace"):
        return True
    roles = [role for play in plays for role in (play.get("roles") or ())]
    tasks = [task for play in plays for task in (play.get("tasks") or ()) if isinstance(task, dict)]
    for task in tasks:
        roles += [
            value
            for key, value in task.items()
            if key.rpartition(".")[2] in {"import_role", "include_role"} and isinstance(value, dict)
        ]
    return any(
        (role.get("role") or role.get("name") if isinstance(role, dict) else role) == "restore" for role in roles
    )


def _objection(playbooks: Sequence[Path], search_path: Sequence[Path]) -> str:
    """Return what Ansible has against playbooks, or an empty text."""
    with tempfile.TemporaryDirectory(prefix="drp-lint-") as folder:
        hosts = Path(folder) / "inventory.yml"
        hosts.write_text("all: {hosts: {sandbox: {}}}\n", encoding="utf-8")
        words = ("-I", "-m", "ansible", "playbook", "--syntax-check", "-i", str(hosts), *map(str, playbooks))
        places = tuple(dict.fromkeys((*search_path, shared("runbooks"))))
        output = command.run(
            [sys.executable, *words],
            timeout_seconds=_SECONDS,
            environment=environment(places, Path(folder)),
            capture=False,
            check=False,
        )
    if output.exit_code == 0 and output.ended_by == "itself":
        return ""
    return " ".join(" ".join(output.tail).split())[:600] or fact(
        "ended-with", "ended with {exit_code}", exit_code=str(output.exit_code)
    )


def _problem(path: Path, text: Phrase) -> Remark:
    return Remark(path=str(path), severity="problem", text=text)


def _advice(path: Path, text: Phrase) -> Remark:
    return Remark(path=str(path), severity="advice", text=text)
