"""What the tests of clinical verifiers share: what a drill right after the backup expects, and outcomes by check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer
from tests.hospital.backups import Backup
from tests.support.fixtures_hospital import DAMAGES


def expecting(backup: Backup, **facts: object) -> Expectation:
    """Return what a drill right after the backup expects."""
    now = datetime.now(UTC)
    return Expectation(
        facts={**backup.facts, **facts},
        consistent_at=backup.consistent_at,
        disaster_at=now,
        declared_at=now,
        timeout_seconds=120,
    )


def everything(verifier: Any, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
    """Yield what a verifier reads, and what it says of the running application."""
    for place in ("read", "verify"):
        if hasattr(verifier, place):
            yield from getattr(verifier, place)(target, options, expectation)


def outcomes(answers: Sequence[Answer]) -> dict[str, str]:
    """Return the outcome of every check, those about single studies under one name."""
    found: dict[str, str] = {}
    for result in answers:
        if not isinstance(result, CheckResult):
            continue
        name = result.check.split(" ")[0]
        if found.get(name) in {None, "passed"}:
            found[name] = result.outcome
    return found


def caught(damage: str, results: Sequence[Answer]) -> set[str]:
    """Return which checks failed, and enter them in the table that ends the run."""
    found = failures(results)
    DAMAGES.append((damage.replace("_", " "), ", ".join(sorted(found))))
    return found


def failures(results: Sequence[Answer]) -> set[str]:
    return {name for name, outcome in outcomes(results).items() if outcome == "failed"}
