"""Orthanc: one PACS with its index on SQLite, PostgreSQL or MariaDB. Always in a network namespace (it binds 0.0.0.0)."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.hospital.processes import Daemon, HospitalError, Namespace, User, hand_over, write_private
from tests.hospital.rpc import NamespaceConnection

IndexKind = Literal["sqlite", "postgresql", "mariadb"]
PLUGINS = Path("/usr/share/orthanc/plugins")


@dataclass
class OrthancClient:
    """A user of Orthanc's REST interface."""

    host: str
    port: int
    user: str
    password: str
    namespace: Namespace

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and content."""
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        # a connection of its own: Orthanc drops idle ones after a second, and a write must never be sent twice
        connection = NamespaceConnection(self.host, self.port, self.namespace)
        try:
            connection.request(method, path, body, {"Authorization": f"Basic {token}"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def json(self, path: str, method: str = "GET", body: bytes = b"") -> Any:
        """Return a JSON answer; raises ``HospitalError`` unless it is a success."""
        status, content = self.request(method, path, body)
        if status >= 300:
            raise HospitalError(f"Orthanc: {method} {path}: {status} {content[:200]!r}")
        return json.loads(content)

    def upload(self, instance: bytes) -> dict[str, Any]:
        """Store one DICOM instance; when this returns it is acknowledged."""
        answer: dict[str, Any] = self.json("/instances", "POST", instance)
        return answer


@dataclass
class Orthanc:
    """One PACS: configuration, storage and process. With a database index, the database is somebody else's."""

    root: Path
    host: str
    namespace: Namespace
    http_port: int = 8042
    dicom_port: int = 4242
    index: IndexKind = "sqlite"
    database: Mapping[str, Any] = field(default_factory=dict)
    """Host, Port, Database, Username and Password of the index, in Orthanc's own words."""
    daemon: Daemon | None = None

    @property
    def storage(self) -> Path:
        return self.root / "storage"

    @property
    def configuration(self) -> Path:
        return self.root / "etc" / "orthanc.json"

    @property
    def user(self) -> User:
        return User.named("orthanc")

    def create(self) -> None:
        """Make folders and configuration."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        for folder in (self.storage, self.root / "etc", self.root / "log"):
            hand_over(folder, self.user)
        write_private(self.configuration, json.dumps(self._settings(), indent=1), self.user)

    def _settings(self) -> dict[str, Any]:
        plugins = [str(PLUGINS / "libOrthancDicomWeb.so")]
        settings: dict[str, Any] = {
            "Name": "PACS",
            "StorageDirectory": str(self.storage),
            "IndexDirectory": str(self.storage),
            "Plugins": plugins,
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": True,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {"drill": secrets.token_urlsafe(12)},
            "DicomServerEnabled": True,
            "DicomAet": "PACS",
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowFind": True,
            "StableAge": 2,
            "StoreMD5ForAttachments": True,
            "SaveJobs": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": True, "WadoRoot": "/wado"},
        }
        if self.index == "postgresql":
            plugins.append(str(PLUGINS / "libOrthancPostgreSQLIndex.so"))
            settings["PostgreSQL"] = {"EnableIndex": True, "EnableStorage": False, "Lock": False, **self.database}
        if self.index == "mariadb":
            plugins.append(str(PLUGINS / "libOrthancMySQLIndex.so"))
            settings["MySQL"] = {"EnableIndex": True, "EnableStorage": False, "Lock": False, **self.database}
        return settings

    def start(self) -> float:
        """Start it; returns seconds until it answers."""
        self.daemon = Daemon.start(
            "Orthanc",
            ["Orthanc", f"--logdir={self.root / 'log'}", str(self.configuration)],
            user=self.user,
            namespace=self.namespace,
            log=self.root / "log" / "console.log",
        )
        return self.daemon.wait_until(self._answers)

    def _answers(self) -> bool:
        return self.client().request("GET", "/system")[0] == 200

    def client(self) -> OrthancClient:
        """Return a client with the credentials of the configuration."""
        users = json.loads(self.configuration.read_text())["RegisteredUsers"]
        name, password = next(iter(users.items()))
        return OrthancClient(self.host, self.http_port, name, password, self.namespace)

    def stop(self) -> None:
        """Stop it and wait for its real end: only then is the write-ahead log merged into the index."""
        if self.daemon:
            self.daemon.stop()

    def kill(self) -> None:
        """Lose it as in a power cut."""
        if self.daemon:
            self.daemon.kill()
