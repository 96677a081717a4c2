"""The two restic versions that the suites run on, and small ways to make and damage repositories with them.

`tests/setup/restic.sh` puts the versions into ``.cache/restic``; a version that is missing fails the suite.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.support.restic_keys import cheapen

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / ".cache" / "restic"
PASSWORD = "correct-horse-battery-staple"
VersionKind = Literal["reduced", "current"]
KINDS: tuple[VersionKind, ...] = ("reduced", "current")
_FIRST_CURRENT = (0, 17, 1)


def executable(kind: VersionKind) -> Path:
    """Return the newest restic of a kind: reduced (before 0.17.1) or current."""
    found: dict[tuple[int, ...], Path] = {}
    for path in STORE.glob("*/restic"):
        version = tuple(int(part) for part in path.parent.name.split("."))
        if (version >= _FIRST_CURRENT) == (kind == "current"):
            found[version] = path
    if not found:
        message = f"no {kind} restic in {STORE}: run tests/setup/restic.sh"
        raise AssertionError(message)
    return found[max(found)]


@dataclass(frozen=True)
class Restic:
    """A restic on one repository, as a backup job uses it: it writes, and takes its password from a file."""

    program: Path
    repository: str
    password: str = PASSWORD
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str, check: bool = True, cwd: Path | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run restic; without a cache, so that damage cannot hide in one."""
        done = subprocess.run(
            [str(self.program), "--repo", self.repository, "--no-cache", *arguments],
            env={
                "PATH": os.defpath,
                "HOME": "/nonexistent",
                "LC_ALL": "C.UTF-8",
                "RESTIC_PASSWORD": self.password,
                **self.environment,
            },
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def init(self, *, quick_key: bool = True) -> Restic:
        """Make the repository; with a quick key, opening it costs nothing, see `restic_keys`."""
        if not quick_key:
            self.run("init")
        elif self.repository.startswith("s3:"):
            self._init_in_bucket()
        else:
            self.run("init")
            cheapen(Path(self.repository), self.password)
        return self

    def _init_in_bucket(self) -> None:
        """Make it in a folder, and put its two objects where restic would."""
        address = urlsplit(self.repository.removeprefix("s3:"))
        bucket, _, prefix = address.path.strip("/").partition("/")
        with tempfile.TemporaryDirectory() as folder:
            local = replace(self, repository=folder, environment={})
            local.run("init")
            cheapen(Path(folder), self.password)
            client = boto3.client(
                "s3",
                endpoint_url=f"{address.scheme}://{address.netloc}",
                region_name="us-east-1",
                aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
                verify=self.environment.get("RESTIC_CACERT"),
                config=Config(proxies={}, s3={"addressing_style": "path"}),
            )
            for path in (Path(folder, "config"), *Path(folder, "keys").iterdir()):
                key = "/".join(part for part in (prefix, str(path.relative_to(folder))) if part)
                client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())

    def backup(
        self, source: Path | str, *, tags: Sequence[str] = (), host: str = "ehr-db", cwd: Path | None = None
    ) -> str:
        """Back up and return the new snapshot's id."""
        options = [argument for tag in tags for argument in ("--tag", tag)]
        done = self.run("backup", str(source), "--json", "--host", host, *options, cwd=cwd)
        made = str(json.loads(done.stdout.strip().splitlines()[-1])["snapshot_id"])  # the reduced version cuts it short
        return next(str(one["id"]) for one in self.snapshots() if one["id"].startswith(made))

    def snapshots(self) -> list[dict[str, Any]]:
        """Return the snapshots that restic lists."""
        return json.loads(self.run("snapshots", "--json", "--no-lock").stdout or "[]") or []


def make_tree(folder: Path, *, files: int = 40, size: int = 20_000, seed: int = 1) -> Path:
    """Fill a folder with reproducible files."""
    generator = random.Random(seed)
    folder.mkdir(parents=True)
    for number in range(files):
        (folder / f"file-{number:04d}.bin").write_bytes(generator.randbytes(size))
    return folder


def flip(path: Path, offset: int) -> None:
    """Flip one bit of a file, restic's read-only mode notwithstanding."""
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
        place = stream.tell()
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 0x40]))


def packs(repository: Path) -> list[Path]:
    """Return the packs, smallest first: the smallest holds the trees, the largest holds data."""
    return sorted(repository.glob("data/*/*"), key=lambda path: path.stat().st_size)
