"""What every stage for drills has: a WORM bucket, an air-gapped medium, a site, and drp run on it as its users run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from tests.support import warm
from tests.support.restic_tools import Restic, VersionKind, executable
from tests.support.s3_server import _PORTS, Identity, S3Server, free_ports
from tests.support.words import in_words

LABEL = "DRP-MEDIUM-01"


@dataclass
class Stage(ABC):
    """Repositories and site below one folder; keys and ports stay the same from one time to the next."""

    folder: Path
    restic: VersionKind = "current"
    quick_keys: bool = True
    """Whether repositories open without the time that restic's keys take, see `restic_keys`."""
    server: S3Server = field(init=False)
    points: dict[str, str] = field(default_factory=dict)
    parts: ClassVar[tuple[str, ...]] = ("s3", "medium", "site", "keys.json")
    """What is made the first time, and made anew when that was interrupted."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.server = S3Server(self.folder / "s3")

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def bucket(self) -> str:
        return "backups"

    @property
    def medium(self) -> Path:
        return self.folder / "medium"

    @property
    def ready(self) -> Path:
        return self.folder / "ready"

    @abstractmethod
    def up(self) -> None:
        """Bring everything up."""

    def down(self) -> None:
        """Stop the servers."""
        self.server.stop()

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def clear(self) -> None:
        """Remove everything that a first time makes."""
        self.ready.unlink(missing_ok=True)
        for name in self.parts:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def keep_keys(self) -> None:
        """Use the same keys and ports as last time: the site's references point to them."""
        path = self.folder / "keys.json"
        if path.exists():
            kept = in_words(json.loads(path.read_text()))
            self.server.ports = kept["ports"]
            for name, (access, secret) in kept["keys"].items():
                actions = self.server.identities[name].actions
                self.server.identities[name] = Identity(
                    name=name, actions=actions, access_key=access, secret_key=secret
                )
            return
        self.server.ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        keys = {name: (one.access_key, one.secret_key) for name, one in self.server.identities.items()}
        path.write_text(json.dumps({"ports": self.server.ports, "keys": keys}))
        path.chmod(0o600)

    def make_repositories(self) -> None:
        """Make bucket, medium and the repositories on them; their secrets go to the site."""
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
        self.worm().init(quick_key=self.quick_keys)
        self.air_gap().init(quick_key=self.quick_keys)

    def secret(self, name: str) -> str:
        return (self.site / "secrets" / name).read_text().strip()

    def worm(self) -> Restic:
        """The backup job's restic on the bucket."""
        url = f"s3:{self.server.endpoint}/{self.bucket}"
        return Restic(executable(self.restic), url, self.secret("worm-password"), self.server.environment("writer"))

    def air_gap(self) -> Restic:
        """The backup job's restic on the medium."""
        return Restic(executable(self.restic), str(self.medium / "restic"), self.secret("medium-password"))

    def drp(
        self, *arguments: str, check: bool = True, path: str = "", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run drp as its user does, on this site."""
        environment = {"PATH": f"{path}:{os.environ['PATH']}", "DRP_SITE": str(self.site), "LC_ALL": "C.UTF-8"}
        environment |= options.pop("environment", {})
        done = warm.drp(*arguments, environment=environment, timeout=options.pop("timeout", 1200), **options)
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def repositories_file(self) -> str:
        """Return ``inventory/repositories.yml``."""
        return REPOSITORIES.format(
            endpoint=self.server.endpoint,
            bucket=self.bucket,
            medium=self.medium,
            label=LABEL,
            restic=executable(self.restic),
        )


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
