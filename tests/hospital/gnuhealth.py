"""GNU Health: a client of its JSON-RPC interface (standard library only) and one instance with its own cluster."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from tests.hospital.install import cache_directory, gnuhealth_image, lock_digest
from tests.hospital.postgres import Cluster
from tests.hospital.processes import Daemon, HospitalError, Namespace, User, hand_over, run, write_private

MODULES = ("health_lab", "health_crypto_lab", "health_imaging", "health_imaging_worklist", "health_orthanc")
USER = User(61001, 61001)
_BUILD_LOCK = threading.Lock()


class NamespaceConnection(http.client.HTTPConnection):
    """An HTTP connection into the hospital's network namespace."""

    def __init__(self, host: str, port: int, namespace: Namespace, timeout: float = 60) -> None:
        super().__init__(host, port, timeout=timeout)
        self._namespace = namespace

    def connect(self) -> None:
        """Open the socket inside the namespace."""
        with self._namespace.entered():
            super().connect()


def encode(value: Any) -> Any:
    """Return Tryton's JSON form of what JSON does not know."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{name: getattr(value, name) for name in names}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, bytes):
        return {"__class__": "bytes", "base64": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def decode(document: dict[str, Any]) -> Any:
    """Return what a tagged JSON object means; instants are UTC whatever the time zone of server or role."""
    kind = document.pop("__class__", None)
    if kind == "datetime":
        return datetime(**document, tzinfo=UTC)
    if kind == "date":
        return date(**document)
    if kind == "Decimal":
        return Decimal(document["decimal"])
    if kind in {"bytes", "bytearray"}:
        return base64.b64decode(document["base64"])
    return document if kind is None else {"__class__": kind, **document}


@dataclass
class GnuHealth:
    """A logged-in user of an instance. One instance of this class belongs to one thread."""

    host: str
    port: int
    database: str
    namespace: Namespace
    user_id: int = 0
    context: Mapping[str, Any] = field(default_factory=dict)
    _authorization: str = ""
    _connection: NamespaceConnection | None = None
    _count: int = 0

    def __enter__(self) -> Self:
        """Return itself; the connection is closed at the end of the block."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close the connection."""
        self.close()

    def login(self, user: str, password: str) -> GnuHealth:
        """Start a session; raises ``HospitalError`` when the instance refuses."""
        answer = self.call("common.db.login", user, {"password": password})
        if not answer:
            self.close()
            raise HospitalError(f"{self.database}: login refused")
        self.user_id, token = answer[0], answer[1]
        self._authorization = "Session " + base64.b64encode(f"{user}:{self.user_id}:{token}".encode()).decode()
        self.refresh()
        return self

    def refresh(self) -> None:
        """Read the user's preferences again: company and language are the context of every later call."""
        self.context = self.call("model.res.user.get_preferences", True, {})

    def call(self, method: str, *parameters: Any) -> Any:
        """Call any method of the interface. What it returns is committed. Raises ``HospitalError``."""
        self._count += 1
        body = json.dumps({"id": self._count, "method": method, "params": parameters}, default=encode).encode()
        headers = {"Content-Type": "application/json", "Authorization": self._authorization}
        if self._connection is None:
            self._connection = NamespaceConnection(self.host, self.port, self.namespace)
        try:
            self._connection.request("POST", f"/{self.database}/", body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.status != 200:
            self.close()
            raise HospitalError(f"{method}: HTTP {response.status} {content[:200]!r}")
        answer = json.loads(content, object_hook=decode)
        if isinstance(answer, dict):
            if answer.get("error"):
                raise HospitalError(f"{method}: {str(answer['error'])[:600]}")
            return answer["result"]
        return answer

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def create(self, model: str, values: Mapping[str, Any]) -> int:
        """Create one record and return its id. (Creating several parties or imaging orders at once is broken.)"""
        return int(self.call(f"model.{model}.create", [values], self.context)[0])

    def write(self, model: str, ids: Sequence[int], values: Mapping[str, Any]) -> None:
        """Change records."""
        self.call(f"model.{model}.write", list(ids), values, self.context)

    def read(self, model: str, ids: Sequence[int], fields: Iterable[str]) -> list[dict[str, Any]]:
        """Return fields of records."""
        return list(self.call(f"model.{model}.read", list(ids), list(fields), self.context))

    def search(self, model: str, domain: Sequence[Any] = (), limit: int | None = None) -> list[int]:
        """Return ids of records."""
        return list(self.call(f"model.{model}.search", list(domain), 0, limit, None, self.context))

    def count(self, model: str, domain: Sequence[Any] = ()) -> int:
        """Return how many records match."""
        return int(self.call(f"model.{model}.search_count", list(domain), 0, None, self.context))

    def rows(self, model: str, fields: Iterable[str], domain: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return fields of all records that match."""
        return list(self.call(f"model.{model}.search_read", list(domain), 0, None, None, list(fields), self.context))

    def button(self, model: str, name: str, record: int) -> None:
        """Press a button of a form."""
        self.call(f"model.{model}.{name}", [record], self.context)

    def wizard(self, name: str, state: str) -> None:
        """Run one step of a wizard."""
        session = self.call(f"wizard.{name}.create", self.context)[0]
        self.call(f"wizard.{name}.execute", session, {}, state, self.context)
        self.call(f"wizard.{name}.delete", session, self.context)


@dataclass
class Instance:
    """One GNU Health: configuration, attachments, its own PostgreSQL cluster and its own process."""

    name: str
    root: Path
    host: str
    port: int
    database: str
    cluster: Cluster
    namespace: Namespace
    daemon: Daemon | None = None

    @property
    def configuration(self) -> Path:
        return self.root / "etc" / "trytond.conf"

    @property
    def attachments(self) -> Path:
        return self.root / "attachments"

    @property
    def password(self) -> str:
        """The password of ``admin``, as the hospital keeps it for recovery."""
        return (self.root / "etc" / "admin.password").read_text().strip()

    def create(self, template: Template) -> None:
        """Make the instance from the initialised template: cluster, database, configuration."""
        for folder in (self.root, self.root / "log"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        hand_over(self.attachments, USER)
        hand_over(self.root / "etc", USER)
        self.cluster.create()
        self.cluster.start(durable=False)
        password = self.cluster.create_database(self.database, "gnuhealth")
        self.cluster.load(template.dump, self.database)
        self.cluster.stop()
        self.cluster.start()
        write_private(self.configuration, configuration(self, password), USER)
        write_private(self.root / "etc" / "admin.password", template.password + "\n", USER)

    def start(self, timeout: float = 60) -> float:
        """Start the application on a running cluster; returns seconds until it accepts the login."""
        image = gnuhealth_image()
        self.daemon = Daemon.start(
            f"GNU Health {self.name}",
            [str(image.path / "bin/python"), str(image.path / "bin/trytond"),
             "-c", str(self.configuration), "-d", self.database],
            user=USER, namespace=self.namespace, log=self.root / "log" / "trytond.log",
        )  # fmt: skip
        return self.daemon.wait_until(self._accepts_login, timeout)

    def _accepts_login(self) -> bool:
        with self.client():
            return True

    def client(self) -> GnuHealth:
        """Return a logged-in administrator."""
        return GnuHealth(self.host, self.port, self.database, self.namespace).login("admin", self.password)

    def stop(self) -> None:
        """Stop application and cluster cleanly."""
        if self.daemon:
            self.daemon.stop()
        self.cluster.stop()

    def kill(self) -> None:
        """Lose application and cluster at once."""
        if self.daemon:
            self.daemon.kill()
        self.cluster.kill()


def configuration(instance: Instance, password: str) -> str:
    """Return trytond.conf. Attachments are kept as files: a second part of every backup."""
    return f"""[database]
uri = postgresql://gnuhealth:{password}@127.0.0.1:{instance.cluster.port}/
path = {instance.attachments}

[web]
listen = {instance.host}:{instance.port}

[attachment]
filestore = True

[session]
authentications = password

[password]
length = 4
"""


@dataclass(frozen=True)
class Template:
    """An initialised, empty database of GNU Health, made once a machine."""

    dump: Path
    password: str


def template(work: Path, namespace: Namespace) -> Template:
    """Return the template, building it (about a minute) when software or modules changed."""
    key = hashlib.sha256(" ".join((lock_digest(), *MODULES)).encode()).hexdigest()[:16]
    dump = cache_directory() / f"gnuhealth-{key}.dump"
    secret = cache_directory() / f"gnuhealth-{key}.password"
    with _BUILD_LOCK:
        if not (dump.exists() and secret.exists()):
            _build(dump, secret, work / "template", namespace)
    return Template(dump, secret.read_text().strip())


def _build(dump: Path, secret: Path, work: Path, namespace: Namespace) -> None:
    work.mkdir(parents=True, exist_ok=True)
    work.chmod(0o755)
    cluster = Cluster(work / "postgres", 5499, namespace, work / "postgres" / "wal")
    instance = Instance("template", work, "127.0.0.1", 5498, "health", cluster, namespace)
    for folder in (work / "etc", instance.attachments):
        hand_over(folder, USER)
    cluster.create()
    cluster.start(durable=False)
    try:
        write_private(
            instance.configuration, configuration(instance, cluster.create_database("health", "gnuhealth")), USER
        )
        image = gnuhealth_image()
        admin = [str(image.path / "bin/python"), str(image.path / "bin/trytond-admin"),
                 "-c", str(instance.configuration), "-d", "health"]  # fmt: skip
        password = secrets.token_urlsafe(12)
        given = write_private(work / "etc" / "given.password", password + "\n", USER)
        inside: dict[str, Any] = {"user": USER, "namespace": namespace, "timeout": 900}
        extra = {"TRYTONPASSFILE": str(given)}
        activate = [*admin, "-u", *MODULES, "--activate-dependencies", "--email", "admin@hospital.example"]
        run(activate, extra=extra, **inside)
        run([*admin, "-p"], extra=extra, **inside)  # an init that was cut off leaves no password
        partial = dump.with_suffix(".part")
        run([*cluster.client("pg_dump", "health"), "-Fc"], user=cluster.user, output=partial)
        partial.chmod(0o644)
        secret.write_text(password)
        secret.chmod(0o600)
        partial.rename(dump)
    finally:
        cluster.stop()
        shutil.rmtree(work, ignore_errors=True)
