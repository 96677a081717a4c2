"""A drill run as a user runs it, and its evidence record with the questions that tests ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.stage import Stage
from tests.support.words import in_words


@dataclass(frozen=True)
class Drilled:
    """How a drill ended."""

    status: int
    record: dict[str, Any]
    said: str

    @property
    def verdict(self) -> str:
        return str(self.record["verdict"])

    def recovery(self, name: str | None = None) -> dict[str, Any]:
        """Return one recovery of the record; without a name the only one."""
        found = [one for one in self.record["recoveries"] if name in {None, one["recovery"]}]
        assert len(found) == 1, [one["recovery"] for one in self.record["recoveries"]]
        return dict(found[0])

    def checks(self, name: str | None = None) -> dict[str, dict[str, Any]]:
        """Return the results of a recovery's checks."""
        verified = self.recovery(name)["verify"] or {"checks": []}
        return {check["check"]: check for check in verified["checks"]}

    def failed(self, name: str | None = None) -> set[str]:
        """Return the names of the checks that failed."""
        return {check for check, result in self.checks(name).items() if result["outcome"] == "failed"}

    def findings(self) -> dict[str, list[dict[str, Any]]]:
        """Return findings by code, over all recoveries."""
        found: dict[str, list[dict[str, Any]]] = {}
        for recovery in self.record["recoveries"]:
            for finding in recovery["findings"]:
                found.setdefault(finding["code"], []).append(finding)
        return found


def drill(stage: Stage, *words: str) -> Drilled:
    """Run a drill to its end."""
    done = stage.drp("drill", "run", *words, check=False)
    record = json.loads(stage.drp("report", "latest", "--format", "json").stdout)
    return Drilled(done.returncode, in_words(record), done.stderr)
