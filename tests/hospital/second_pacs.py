"""A second PACS, of another department, whose index lies on a database server: MariaDB or PostgreSQL."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from tests.hospital import backups, backups_pacs, dicom
from tests.hospital.backups import Backup
from tests.hospital.hospital import Hospital
from tests.hospital.mariadb import MariaDB
from tests.hospital.orthanc import Orthanc
from tests.hospital.postgres import Cluster
from tests.hospital.processes import Daemon, HospitalError, copy

_MOST_WAITING_SECONDS = 60.0


@dataclass
class SecondPacs:
    """Index server and Orthanc, and a modality that sends an image now and then until everything is lost."""

    hospital: Hospital
    engine: Literal["mariadb", "postgresql"]
    server: MariaDB | Cluster = field(init=False)
    pacs: Orthanc = field(init=False)
    _receiver: Daemon | None = None
    _sending: threading.Thread | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return f"pacs-{self.engine}"

    def create(self) -> None:
        """Bring it up, with a base backup and a receiver where the index has a log, and begin to send images."""
        root = self.hospital.work / self.name
        (root / "log").mkdir(parents=True)
        root.chmod(0o755)
        namespace = self.hospital.namespace
        port = 3306 if self.engine == "mariadb" else 5434
        if self.engine == "mariadb":
            self.server = MariaDB(root / "mariadb", namespace, port)
        else:
            self.server = Cluster(root / "postgres", port, namespace, root / "wal")
        self.server.create()
        self.server.start()
        account = ("orthanc", "orthanc") if isinstance(self.server, Cluster) else ("orthanc",)
        database = {"Host": "127.0.0.1", "Port": port, "Database": "orthanc", "Username": "orthanc"}
        database["Password"] = self.server.create_database(*account)
        http, dicom_port = (8052, 4252) if self.engine == "mariadb" else (8053, 4253)
        self.pacs = Orthanc(root / "pacs", "127.0.0.1", namespace, http, dicom_port, self.engine, database)
        self.pacs.create()
        self.pacs.start()
        self._send(3)
        vault = self.hospital.folder("pacs", self.engine)
        if isinstance(self.server, MariaDB):
            backups_pacs.mariadb_physical(self.server, vault)
            self._receiver = backups_pacs.receive_binlog(self.server, vault)
        self._sending = threading.Thread(target=self._keep_sending, name=self.name)
        self._sending.start()

    def _send(self, images: int) -> None:
        study, series = dicom.new_uid(), dicom.new_uid()
        for number in range(1, images + 1):
            uid = dicom.new_uid()
            image = dicom.Image("PAT900001", "Doe^J", "900", study, series, number, datetime.now(UTC))
            self.pacs.client().upload(dicom.instance(image, uid))
            self.hospital.ledger.acknowledge(self.name, "instance", uid)

    def _keep_sending(self) -> None:
        while not self._over.wait(0.5):
            try:
                self._send(1)
            except (OSError, HospitalError):
                if self.hospital.disaster_at is None and not self._over.is_set():
                    raise
                return

    def backup(self) -> Backup:
        """Back up index, then attachments: MariaDB as base and binary log, PostgreSQL as a dump."""
        vault = self.hospital.folder("pacs", self.engine)
        if isinstance(self.server, Cluster):
            return backups_pacs.orthanc_on_database(self.pacs, self.server, vault)
        facts = {"orthanc": {"counts": backups_pacs.database_counts(self.server, "orthanc"), "rule": "at-least"}}
        at = backups.now()
        self._wait_for_receiver(self.server)
        into = self.hospital.folder("pacs", f"{self.engine}-shipped")
        # index and its log before the attachments: every row then finds its file
        for part in (vault / "base", vault / "binlog", self.pacs.storage, self.pacs.root / "etc"):
            copy(part, into / part.name)
        return Backup(self.name, "mariadb-physical", into, at, facts)

    def _wait_for_receiver(self, server: MariaDB) -> None:
        """Wait until the received log holds what is committed now: MariaDB does not wait for its receivers."""
        file, position = server.sql("show master status").split("\t")[:2]
        received = self.hospital.folder("pacs", self.engine) / "binlog" / file
        deadline = time.monotonic() + _MOST_WAITING_SECONDS
        while not received.exists() or received.stat().st_size < int(position):
            if time.monotonic() > deadline:
                raise HospitalError(f"{file} was not received up to {position}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Lose it, with everything else."""
        self._over.set()
        for lost in (self.pacs, self.server, *([self._receiver] if self._receiver else [])):
            lost.kill()
        if self._sending is not None:
            self._sending.join(60)
