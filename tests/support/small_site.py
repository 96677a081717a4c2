"""A site of one small application, backed up with restic into a folder, and a drill of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.restic_tools import Restic, executable
from tests.support.words import in_words

FILES = {
    "drp.yml": "version: 1\nname: small\nlocale: en\n",
    "inventory/repositories.yml": """version: 1
repositories:
  vault: {{kind: restic, executable: {restic}, password: {{file: secrets/password}}, location: {{directory: vault}}}}
""",
    "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB}\n",
    "inventory/drills/quarterly-drill.yml": """version: 1
name: quarterly-drill
scenario: {title: Fire in the machine room, disaster_at: now}
recoveries: [engine]
select: {policy: newest}
require_manifest: false
""",
}

ENGINE = """version: 1
name: engine
title: Interface engine
tier: 2
objectives: {rto: 4h, rpo: 1d}
backup: {repositories: [vault], points: {tags: [app=engine]}}
runbook: {kind: files}
checks: [{name: tree, verifier: files, options: {root: ".", files_at_least: 1, newest: true}}]
"""
"""Its one application."""


@dataclass
class SmallSite:
    """The site, its production data below it, and its repository."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def make(self, *, application: str, tree: Mapping[str, str]) -> SmallSite:
        """Write everything, and back the application ``engine`` up."""
        for name, content in {**FILES, "inventory/applications/engine.yml": application}.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content.format(restic=executable("current")) if "repositories" in name else content)
        secret = self.site / "secrets" / "password"
        secret.parent.mkdir()
        secret.write_text("correct horse\n")
        secret.chmod(0o600)
        production = self.folder / "srv" / "engine"
        production.mkdir(parents=True)
        for name, content in tree.items():
            (production / name).write_text(content)
        Restic(executable("current"), str(self.site / "vault"), "correct horse").init().backup(
            production, tags=["app=engine"]
        )
        return self

    def drp(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run drp on this site."""
        done = warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(self.site)}, timeout=300)
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self) -> tuple[int, dict[str, Any], str]:
        """Run the drill; return exit status, the recovery in its record, and standard error."""
        done = self.drp("drill", "run", "quarterly-drill", check=False)
        record = in_words(json.loads(self.drp("report", "latest", "--format", "json").stdout))
        return done.returncode, record["recoveries"][0], done.stderr
