"""One instance of GNU Health: software image, configuration, attachments and a PostgreSQL cluster of its own."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hospital.install import cache_directory, gnuhealth_image, lock_digest, one_at_a_time
from tests.hospital.postgres import Cluster
from tests.hospital.processes import Daemon, Namespace, User, hand_over, run, write_private
from tests.hospital.rpc import GnuHealth

MODULES = ("health_lab", "health_crypto_lab", "health_imaging", "health_imaging_worklist", "health_orthanc")
USER = User(61001, 61001)


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

    def start(self, timeout: float = 240) -> float:
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

    def abandon(self) -> None:
        """End application and cluster at once, when nobody needs them any more."""
        if self.daemon:
            self.daemon.kill()
        self.cluster.abandon()

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
    with one_at_a_time():
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
