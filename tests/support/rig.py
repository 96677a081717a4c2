"""A small hospital for drills: the EHR in production, its backups on WORM and on a medium, and a site that drills it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.support.ehr import Ehr, binaries
from tests.support.restic_tools import Restic, VersionKind, executable
from tests.support.s3_server import Identity, S3Server

PASSWORD_BYTES = 24
LABEL = "DRP-MEDIUM-01"


@dataclass
class Rig:
    """Everything below one folder; ``up`` makes what is missing, so a second time is fast."""

    folder: Path
    restic: VersionKind = "current"
    patients: int = 2_000
    encounters: int = 20_000
    document_megabytes: int = 4
    ehr: Ehr = field(init=False)
    server: S3Server = field(init=False)
    points: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.ehr = Ehr(self.folder / "production")
        self.server = S3Server(self.folder / "s3")

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def bucket(self) -> str:
        return "ehr-backups"

    @property
    def medium(self) -> Path:
        return self.folder / "medium"

    def up(self) -> None:
        """Start the servers, and make application, repositories and site where they are missing."""
        ready = (self.folder / "ready").exists()
        if not ready:  # what an interrupted first time left is of no use
            for name in ("production", "s3", "medium", "site", "keys.json"):
                path = self.folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self._keep_keys()
        self.server.start()
        if not ready:
            self.ehr.create(
                patients=self.patients, encounters=self.encounters, document_megabytes=self.document_megabytes
            )
            self._make_repositories()
            (self.folder / "ready").touch()
        else:
            self.ehr.start()
        self.write_site()

    def down(self) -> None:
        """Stop the servers."""
        self.ehr.stop()
        self.server.stop()

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def _keep_keys(self) -> None:
        """Use the same keys and ports as last time: the site's references point to them."""
        path = self.folder / "keys.json"
        if path.exists():
            kept = json.loads(path.read_text())
            self.server.ports = kept["ports"]
            for name, (access, secret) in kept["keys"].items():
                actions = self.server.identities[name].actions
                self.server.identities[name] = Identity(
                    name=name, actions=actions, access_key=access, secret_key=secret
                )
            return
        from tests.support.s3_server import _PORTS, free_ports

        self.server.ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        keys = {name: (one.access_key, one.secret_key) for name, one in self.server.identities.items()}
        path.write_text(json.dumps({"ports": self.server.ports, "keys": keys}))
        path.chmod(0o600)

    def _make_repositories(self) -> None:
        secrets = self.site / "secrets"
        secrets.mkdir(parents=True, exist_ok=True)
        reader = self.server.identities["ro_lock"]
        values = {"worm-password": os.urandom(12).hex(), "medium-password": os.urandom(12).hex()}
        values |= {"s3-access-key": reader.access_key, "s3-secret-key": reader.secret_key}
        for name, value in values.items():
            (secrets / name).write_text(value + "\n")
            (secrets / name).chmod(0o600)
        self.server.make_bucket(self.bucket)
        self.medium.mkdir(exist_ok=True)
        (self.medium / ".drp-medium").write_text(LABEL + "\n")
        self.worm().init()
        self.air_gap().init()

    def secret(self, name: str) -> str:
        return (self.site / "secrets" / name).read_text().strip()

    def worm(self) -> Restic:
        """The backup job's restic on the bucket."""
        url = f"s3:{self.server.endpoint}/{self.bucket}"
        return Restic(executable(self.restic), url, self.secret("worm-password"), self.server.environment("writer"))

    def air_gap(self) -> Restic:
        """The backup job's restic on the medium."""
        return Restic(executable(self.restic), str(self.medium / "restic"), self.secret("medium-password"))

    def backup(self, *, worm: bool = True, medium: bool = True) -> dict[str, str]:
        """Back up as a backup job should: manifest first, then restic, tagged with the manifest's id."""
        root = self.ehr.stage()
        words = ["--host", str(self.ehr.socket), "--port", "5432", "--user", "postgres"]
        facts = self.folder / "facts.json"
        facts.write_text(self.drp("verifier", "facts", "postgres", *words, path=f"{binaries()}").stdout)
        store = ["--into", str(self.site / "manifests")]
        made = self.drp(
            "manifest", "create", str(root), "--application", "ehr", "--facts", str(facts), *store, "--json"
        )
        manifest = json.loads(made.stdout)["id"]
        tags = ["app=ehr", f"drp-manifest={manifest}"]
        points = {"manifest": manifest}
        if worm:
            points["worm"] = self.worm().backup(root, tags=tags)
        if medium:
            points["medium"] = self.air_gap().backup(root, tags=tags)
        return points

    def drp(
        self, *arguments: str, check: bool = True, path: str = "", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run drp as its user does, on this site."""
        environment = {"PATH": f"{path}:{os.environ['PATH']}", "DRP_SITE": str(self.site), "LC_ALL": "C.UTF-8"}
        environment |= options.pop("environment", {})
        done = subprocess.run(
            [sys.executable, "-m", "drp", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=options.pop("timeout", 300), **options,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def write_site(self, **changes: str) -> None:
        """Write the site's files; ``changes`` replace whole files by name."""
        inventory = self.site / "inventory"
        for folder in (inventory / "applications", inventory / "drills"):
            folder.mkdir(parents=True, exist_ok=True)
        files = {
            "drp.yml": "version: 1\nname: demo\nlocale: en\n",
            "inventory/repositories.yml": REPOSITORIES.format(
                endpoint=self.server.endpoint,
                bucket=self.bucket,
                medium=self.medium,
                label=LABEL,
                restic=executable(self.restic),
            ),
            "inventory/sandboxes.yml": SANDBOXES,
            "inventory/applications/ehr.yml": APPLICATION,
            "inventory/drills/ehr-worm.yml": DRILL.format(
                name="ehr-worm", repository="worm", policy="newest-immutable"
            ),
            "inventory/drills/ehr-airgap.yml": DRILL.format(name="ehr-airgap", repository="medium", policy="newest"),
        }
        for name, content in {**files, **changes}.items():
            (self.site / name).write_text(content)


REPOSITORIES = """version: 1
repositories:
  worm:
    kind: restic
    executable: {restic}
    password: {{file: secrets/worm-password}}
    location:
      s3:
        endpoint: {endpoint}
        bucket: {bucket}
        access_key: {{file: secrets/s3-access-key}}
        secret_key: {{file: secrets/s3-secret-key}}
  medium:
    kind: restic
    executable: {restic}
    password: {{file: secrets/medium-password}}
    location:
      medium: {{mount: {medium}, label: {label}, path: restic}}
"""
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


def wait(condition: Any, seconds: float = 30.0) -> bool:
    """Return whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
