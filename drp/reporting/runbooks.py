"""What of a runbook's run is worth a reader's time."""

from __future__ import annotations

from collections.abc import Iterable

from drp.domain.runbook import TaskResult

ARGUMENTS = "Validating arguments against arg spec"
"""How Ansible names the look at a role's arguments: records of before do not say what is its own."""


def authored(tasks: Iterable[TaskResult]) -> list[TaskResult]:
    """Return the tasks without Ansible's own housekeeping, unless it failed."""
    return [
        task
        for task in tasks
        if task.outcome in {"failed", "unreachable"} or not (task.housekeeping or task.name.startswith(ARGUMENTS))
    ]
