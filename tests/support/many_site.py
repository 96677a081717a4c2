"""A site of many small applications, all backed up with restic into one folder, and a drill of all in one wave."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.restic_tools import Restic, executable
from tests.support.words import in_words

FILES = {
    "drp.yml": "version: 1\nname: many\nlocale: en\n",
    "inventory/repositories.yml": """version: 1
repositories:
  vault: {{kind: restic, executable: {restic}, password: {{file: secrets/password}}, location: {{directory: vault}}}}
""",
    "inventory/sandboxes.yml": "version: 1\nsandboxes:\n  default: {memory_bytes: 256MiB, data_bytes: 64MiB}\n",
}
APPLICATION = """version: 1
name: {name}
title: Department {name}
tier: 2
owner: Departments
objectives: {{rto: 4h, rpo: 1d}}
backup: {{repositories: [vault], points: {{tags: [app={name}]}}}}
runbook: {{kind: files}}
checks:
  - {{name: files, verifier: files, options: {{files_at_least: {files}, newest: true}}}}
"""
DRILL = """version: 1
name: {name}
scenario: {{title: Everything at once, disaster_at: now}}
recoveries: [{applications}]
select: {{policy: newest}}
require_manifest: false
"""
PASSWORD = "correct horse"


@dataclass
class ManySite:
    """The site below a folder, its production data beside it."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def make(self, count: int, *, files: int = 10, file_bytes: int = 100_000, quick_key: bool = True) -> ManySite:
        """Back up ``count`` applications, and write the site."""
        names = [f"app-{number:03}" for number in range(count)]
        contents = {
            name: text.format(restic=executable("current")) if "repositories" in name else text
            for name, text in FILES.items()
        }
        contents |= {f"inventory/applications/{name}.yml": APPLICATION.format(name=name, files=files) for name in names}
        contents["secrets/password"] = PASSWORD + "\n"
        for name, content in contents.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (self.site / "secrets/password").chmod(0o600)
        writer = Restic(executable("current"), str(self.site / "vault"), PASSWORD).init(quick_key=quick_key)
        for name in names:
            production = self.folder / "srv" / name
            production.mkdir(parents=True)
            for number in range(files):
                (production / f"file-{number}").write_bytes(os.urandom(file_bytes))
            writer.backup(production, tags=[f"app={name}"])
        self.drill("all", count)
        return self

    def drill(self, name: str, count: int) -> None:
        """Write a drill of the first applications."""
        applications = ", ".join(f"app-{number:03}" for number in range(count))
        path = self.site / "inventory/drills" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(DRILL.format(name=name, applications=applications))

    def run(self, drill: str = "all", *, descriptors: int | None = None) -> tuple[int, list[dict[str, Any]], str]:
        """Run a drill with no more descriptors than that; return exit status, events, and standard error."""

        def limit() -> None:
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        done = subprocess.run(
            [sys.executable, "-m", "drp", "drill", "run", drill, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "DRP_SITE": str(self.site), "LC_ALL": "C.UTF-8"}, preexec_fn=limit, timeout=3600,
        )  # fmt: skip
        return done.returncode, [in_words(json.loads(line)) for line in done.stdout.splitlines()], done.stderr
