"""A small hospital for drills: the EHR in production, its backups on WORM and on a medium, and a site that drills it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.ehr import Ehr, binaries
from tests.support.stage import Stage
from tests.support.waiting import eventually
from tests.support.words import in_words


@dataclass
class Rig(Stage):
    """Everything below one folder; ``up`` makes what is missing, so a second time is fast."""

    patients: int = 2_000
    encounters: int = 20_000
    document_megabytes: int = 4
    ehr: Ehr = field(init=False)
    parts = ("production", *Stage.parts)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ehr = Ehr(self.folder / "production")

    @property
    def bucket(self) -> str:
        return "ehr-backups"

    def up(self) -> None:
        """Start the servers, and make application, repositories and site where they are missing."""
        ready = self.ready.exists()
        if not ready:  # what an interrupted first time left is of no use
            self.clear()
        self.keep_keys()
        self.server.start()
        if not ready:
            self.ehr.create(
                patients=self.patients, encounters=self.encounters, document_megabytes=self.document_megabytes
            )
            self.make_repositories()
            self.ready.touch()
        else:
            self.ehr.start()
        self.write_site()

    def down(self) -> None:
        """Stop the servers."""
        self.ehr.stop()
        super().down()

    def count(self) -> Path:
        """Count what production holds now, and return the file with these facts."""
        words = ["--host", str(self.ehr.socket), "--port", "5432", "--user", "postgres"]
        facts = self.folder / "facts.json"
        facts.write_text(self.drp("verifier", "facts", "postgres", *words, path=f"{binaries()}").stdout)
        return facts

    def backup(self, *, worm: bool = True, medium: bool = True) -> dict[str, str]:
        """Back up as a backup job should: manifest first, then restic, tagged with the manifest's id."""
        root = self.ehr.stage()
        facts = self.count()
        store = ["--into", str(self.site / "manifests")]
        made = self.drp(
            "manifest", "create", str(root), "--application", "ehr", "--facts", str(facts), *store, "--json"
        )
        manifest = in_words(json.loads(made.stdout))["id"]
        tags = ["app=ehr", f"drp-manifest={manifest}"]
        points = {"manifest": manifest}
        if worm:
            points["worm"] = self.worm().backup(root, tags=tags)
        if medium:
            points["medium"] = self.air_gap().backup(root, tags=tags)
        return points

    def write_site(self, **changes: str) -> None:
        """Write the site's files; ``changes`` replace whole files by name."""
        inventory = self.site / "inventory"
        for folder in (inventory / "applications", inventory / "drills"):
            folder.mkdir(parents=True, exist_ok=True)
        files = {
            "drp.yml": "version: 1\nname: demo\nlocale: en\n",
            "inventory/repositories.yml": self.repositories_file(),
            "inventory/sandboxes.yml": SANDBOXES,
            "inventory/applications/ehr.yml": APPLICATION,
            "inventory/drills/ehr-worm.yml": DRILL.format(
                name="ehr-worm", repository="worm", policy="newest-immutable"
            ),
            "inventory/drills/ehr-airgap.yml": DRILL.format(name="ehr-airgap", repository="medium", policy="newest"),
        }
        for name, content in {**files, **changes}.items():
            (self.site / name).write_text(content)


SANDBOXES = """version: 1
sandboxes:
  default:
    memory_bytes: 1GiB
    data_bytes: 2GiB
"""
APPLICATION = """version: 1
name: ehr
title: Electronic health record
tier: 0
owner: Clinical applications
objectives: {rto: 15m, rpo: 1d}
backup:
  repositories: [worm, medium]
  points: {tags: [app=ehr]}
runbook:
  kind: postgres
  inputs: {data_directory: pg, database: ehr}
checks:
  - name: database
    verifier: postgres
    options:
      database: ehr
      row_counts: true
      amcheck: true
      checksums: required
      newest:
        query: select max(recorded_at) from encounter
      assertions:
        - {name: every encounter has its patient, sql: "select count(*) from encounter left join patient on patient.id = encounter.patient where patient.id is null", equals: 0}
  - name: documents
    verifier: files
    options: {root: documents, files_at_least: 10, must_exist: [newest], newest: false}
"""
DRILL = """version: 1
name: {name}
scenario: {{title: Ransomware on the production cluster, disaster_at: now}}
recoveries:
  - {{application: ehr, repository: {repository}}}
select: {{policy: {policy}}}
media_deadline: 2s
"""


def wait(condition: Any) -> bool:
    """Return whether a condition comes true."""
    return bool(eventually(condition))
