"""Which runbooks there are: ``<kind>/<step>.yml`` in the site's folder first, then in the shipped one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from drp.domain.phrase import say
from drp.domain.runbook import RunbookStep
from drp.errors import RunbookError
from drp.share import shared

STEPS: tuple[RunbookStep, ...] = get_args(RunbookStep)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunbookFolder:
    """One runbook: a folder with a playbook for each step."""

    kind: str
    path: Path
    shipped: bool
    steps: tuple[RunbookStep, ...]

    @property
    def lacking(self) -> tuple[RunbookStep, ...]:
        """Return the steps that have no playbook."""
        return tuple(step for step in STEPS if step not in self.steps)


def find(search_path: Sequence[Path], kind: str, step: str) -> Path:
    """Return the playbook of a step. Raises ``RunbookError`` naming the folders that were looked through."""
    if not kind or "/" in kind or kind.startswith("."):
        message = say("{kind} cannot be the name of a runbook", kind=repr(kind))
        raise RunbookError(message)
    for folder in search_path:
        if (playbook := folder / kind / f"{step}.yml").is_file():
            return playbook
    looked = ", ".join(str(folder) for folder in search_path)
    message = say("there is no runbook {kind}/{step}.yml in {looked}", kind=kind, step=step, looked=looked)
    raise RunbookError(message, hint="write it as runbooks/README.md says, or see `drp runbook list`")


def runbooks(search_path: Sequence[Path]) -> Iterator[RunbookFolder]:
    """Yield every runbook once, by name; the first folder that has one counts."""
    seen: dict[str, RunbookFolder] = {}
    for folder in search_path:
        for candidate in sorted(folder.iterdir()) if folder.is_dir() else ():
            steps = tuple(step for step in STEPS if (candidate / f"{step}.yml").is_file())
            if steps and candidate.name not in seen:
                seen[candidate.name] = RunbookFolder(
                    kind=candidate.name, path=candidate, shipped=folder == shared("runbooks"), steps=steps
                )
    yield from (seen[kind] for kind in sorted(seen))
