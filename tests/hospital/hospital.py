"""The hospital as a whole: brought up, seeded, worked in, backed up by `backups`, and lost."""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.hospital import backups, backups_pacs, care, gnuhealth, install
from tests.hospital.backups import Backup
from tests.hospital.gnuhealth import Instance
from tests.hospital.ledger import Ledger
from tests.hospital.orthanc import Orthanc
from tests.hospital.postgres import Cluster
from tests.hospital.processes import HospitalError, Namespace, Stopwatch, in_parallel, require_traversable

ApplicationName = Literal["ehr", "lis", "pacs"]


@dataclass(frozen=True)
class Addresses:
    """Where the applications are in production; the same everywhere in tests that have one loopback address."""

    ehr: str = "10.20.0.11"
    lis: str = "10.20.0.12"
    pacs: str = "10.20.0.13"

    @classmethod
    def loopback(cls) -> Addresses:
        """Return addresses for sandboxes that have loopback only; ports stay apart (LIS 8001)."""
        return cls("127.0.0.1", "127.0.0.1", "127.0.0.1")

    @property
    def extra(self) -> tuple[str, ...]:
        """Return the addresses that loopback does not have."""
        return tuple(sorted({self.ehr, self.lis, self.pacs} - {"127.0.0.1"}))


class Traffic:
    """One team at work in a thread of its own."""

    def __init__(self, limit_seconds: float, pause: float) -> None:
        self.seen = 0
        """Patients who have been taken all the way through the hospital."""
        self.trouble: Exception | None = None
        self._stop, self._pause = threading.Event(), pause
        self._ends = time.monotonic() + limit_seconds
        self._thread: threading.Thread | None = None

    def goes_on(self) -> bool:
        """Rest between two patients; returns whether there is another."""
        return not self._stop.wait(self._pause) and time.monotonic() < self._ends

    def begin(self, work: Callable[[], None]) -> None:
        """Start the team."""
        self._thread = threading.Thread(target=work, name="traffic")
        self._thread.start()

    def see(self, patients: int) -> None:
        """Wait until the team has seen some more patients, however slow the machine is."""
        assert self._thread
        wanted = self.seen + patients
        while self.seen < wanted and self._thread.is_alive():
            time.sleep(0.02)
        if self.seen < wanted:
            raise self.trouble or HospitalError("the team stopped working")

    def end(self) -> None:
        """Let the team finish its patient."""
        self._stop.set()
        if self._thread:
            self._thread.join(60)
        if self.trouble:
            raise self.trouble


@dataclass
class Hospital:
    """EHR, LIS and PACS below one work folder, in one network namespace. Use it as a context manager."""

    work: Path
    addresses: Addresses = field(default_factory=Addresses)
    archive_timeout: int = 60
    watch: Stopwatch = field(default_factory=Stopwatch)
    disaster_at: datetime | None = None

    def __post_init__(self) -> None:
        """Lay the hospital out; nothing is started."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.work.chmod(0o755)
        require_traversable(self.work)
        self.namespace = Namespace(addresses=self.addresses.extra)
        self.ehr = self._instance("ehr", self.addresses.ehr, 8000, "health", 5432)
        self.lis = self._instance("lis", self.addresses.lis, 8001, "lis", 5433)
        self.pacs = Orthanc(self.work / "pacs", self.addresses.pacs, self.namespace)
        self.ledger = Ledger(self.work / "acknowledged.jsonl")
        self._patients = itertools.count()

    def folder(self, application: str, kind: str) -> Path:
        """Return where one kind of backup of an application is put; it outlives the disaster."""
        folder = self.work / "vault" / f"{application}-{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        for part in (folder.parent, folder):
            part.chmod(0o755)
        return folder

    def backup(self, application: ApplicationName, kind: str = "") -> Backup:
        """Back one application up: EHR and LIS ``logical`` (default) or ``physical``, PACS ``hot`` (default) or ``cold``."""
        kind = kind or ("hot" if application == "pacs" else "logical")
        into = self.folder(application, kind)
        with self.watch.timing(f"backup {application}"):
            if application == "pacs":
                return {"hot": backups_pacs.orthanc_hot, "cold": backups_pacs.orthanc_cold}[kind](self.pacs, into)
            instance = self.ehr if application == "ehr" else self.lis
            return {"logical": backups.logical, "physical": backups.physical}[kind](instance, into)

    def _instance(self, name: str, host: str, port: int, database: str, cluster_port: int) -> Instance:
        root = self.work / name
        archive = self.folder(name, "physical") / "wal"
        cluster = Cluster(root / "postgres", cluster_port, self.namespace, archive, self.archive_timeout)
        return Instance(name, root, host, port, database, cluster, self.namespace)

    def __enter__(self) -> Self:
        """Bring it up."""
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it down; files stay."""
        self.down()

    def up(self) -> None:
        """Install what is missing, create the three applications and start them."""
        with self.watch.timing("install"):
            install.install()
        self.namespace.create()
        with self.watch.timing("template"):
            template = gnuhealth.template(self.work, self.namespace)
        with self.watch.timing("create"):
            in_parallel(lambda: self.ehr.create(template), lambda: self.lis.create(template), self.pacs.create)
        with self.watch.timing("start"):
            in_parallel(self.ehr.start, self.lis.start, self.pacs.start)

    def ward(self, seed: int = 0) -> care.Ward:
        """Return a new team with its own connections."""
        clients = self.ehr.client(), self.lis.client(), self.pacs.client()
        return care.Ward(*clients, self.ledger, random.Random(seed))

    def seed(self, patients: int, teams: int = 2) -> None:
        """Take patients through the hospital, several teams at once, then let the EHR fetch its study list."""
        with self.watch.timing("seed"):
            with self.ehr.client() as ehr, self.lis.client() as lis:
                in_parallel(lambda: care.prepare(ehr, self.pacs.client()), lambda: care.prepare(lis))
            waiting = iter([next(self._patients) for _ in range(patients)])
            lock = threading.Lock()

            def work(team: int) -> None:
                ward = self.ward(team)
                while True:
                    with lock:
                        number = next(waiting, None)
                    if number is None:
                        return ward.close()
                    ward.see_patient(number)

            in_parallel(*(lambda team=team: work(team) for team in range(teams)))
            ward = self.ward()
            ward.collect_studies()
            ward.close()

    def traffic(self, *, patients: int) -> None:
        """Let one team see some more patients."""
        with self.under_traffic() as team:
            team.see(patients)

    @contextmanager
    def under_traffic(self, *, pause: float = 0.0, limit_seconds: float = 300) -> Iterator[Traffic]:
        """Let one team work while the block runs.

        What fails after the disaster is not an error: it was not acknowledged.
        """
        traffic = Traffic(limit_seconds, pause)

        def work() -> None:
            ward = self.ward(1000)
            try:
                while traffic.goes_on():
                    ward.see_patient(next(self._patients))
                    traffic.seen += 1
                    if traffic.seen % 5 == 0:
                        ward.collect_studies()
            except (OSError, HospitalError, HTTPException) as error:
                if self.disaster_at is None:
                    traffic.trouble = error
            finally:
                ward.close()

        traffic.begin(work)
        try:
            yield traffic
        finally:
            traffic.end()

    def disaster(self) -> datetime:
        """Lose all three applications at once, as in a power cut; returns the instant."""
        self.disaster_at = datetime.now(UTC)
        for lost in (self.ehr, self.lis, self.pacs):
            with suppress(OSError):
                lost.kill()
        return self.disaster_at

    def forget(self) -> None:
        """Delete the lost applications' data: what is not in a backup is gone."""
        for application in (self.ehr, self.lis, self.pacs):
            shutil.rmtree(application.root, ignore_errors=True)

    def down(self) -> None:
        """End everything that was started, at once, and remove the namespace; safe to call again."""
        for end in (self.ehr.abandon, self.lis.abandon, self.pacs.kill):
            with suppress(OSError, HospitalError):
                end()
        self.ledger.close()
        self.namespace.destroy()


def main() -> None:
    """Bring a hospital up, work in it for a moment and lose it; prints how long everything took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--traffic", type=int, default=5, help="patients seen after seeding")
    chosen = parser.parse_args()
    with Hospital(chosen.work) as hospital:
        hospital.seed(chosen.patients)
        with hospital.watch.timing("traffic"):
            hospital.traffic(patients=chosen.traffic)
        hospital.disaster()
        times = "  ".join(f"{name} {seconds:.1f} s" for name, seconds in hospital.watch.times.items())
        print(times)


if __name__ == "__main__":
    main()
