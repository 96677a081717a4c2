"""The hospital as a stage for drills: lived in, backed up at different instants under live traffic, and lost.

What survives is what survives in life: the repositories, the manifests kept apart from them, the log of acknowledged
writes, and the site that says how to come back. A second time nothing is built anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drp.verifiers.loading import describe
from tests.hospital import backups, backups_pacs
from tests.hospital.backups import Backup
from tests.hospital.gnuhealth import Instance
from tests.hospital.hospital import Hospital, Traffic
from tests.hospital.install import install, installed
from tests.hospital.postgres import binaries
from tests.hospital.processes import Daemon, HospitalError, copy, run
from tests.hospital.second_pacs import SecondPacs
from tests.hospital.site import write_site
from tests.support.restic_tools import Restic, executable
from tests.support.stage import Stage

_GOOD_FOR = timedelta(hours=12)
"""Then the bucket's default retention is near its end, and the stage is made anew."""
DATED = ("pacs",)
"""What is kept in dated folders, too."""
_PAUSE_SECONDS = 0.4
"""Between two patients: a small hospital, whose losses can be read."""
ALTERED = """update gnuhealth_lab_test_critearea set result = result {change} 1 where id =
  (select min(id) from gnuhealth_lab_test_critearea where gnuhealth_lab_id is not null and result is not null)"""


@dataclass(frozen=True)
class Kept:
    """A backup in its repository."""

    application: str
    repository: str
    point: str
    consistent_at: datetime
    folder: Path
    """What was backed up, where it still is for those who want to damage a copy of it."""


@dataclass
class HospitalRig(Stage):
    """EHR, LIS and PACS, and with ``every_kind`` each kind of backup that hospitals make, as applications of their own."""

    patients: int = 4
    every_kind: bool = False
    say: Callable[[str], None] = lambda _: None
    kept: dict[str, Kept] = field(default_factory=dict)
    disaster_at: datetime | None = None
    hospital: Hospital | None = None
    _receiver: Daemon | None = None
    _counted: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """Facts of base backups: at least so much is there at every instant to which they can be rolled."""
    parts = ("production", "hospital", "staging", "damaged", "damaged-restic", "nightly", *Stage.parts)

    @property
    def ground_truth(self) -> Path:
        return self.site / "acknowledged.jsonl"

    @property
    def nightly(self) -> Path:
        """Where dated folders are."""
        return self.folder / "nightly"

    def up(self) -> None:
        """Start the repositories; the first time, live through the hospital's last day before."""
        if not self.usable():
            self.clear()
        ready = self.ready.exists()
        self.keep_keys()
        self.server.start()
        if ready:
            if not installed():
                install()  # what was backed up may have outlived the software, as after `make clean`
            self._recall()
        else:
            self.make_repositories()
            if self.every_kind:
                self.spoiled().init()
            self._last_day()
            self._remember()
        write_site(self)

    def down(self) -> None:
        """Stop everything."""
        if self.hospital is not None:
            self.hospital.down()
            self.hospital = None
        super().down()

    def usable(self) -> bool:
        """Return whether an earlier disaster left what is wanted now."""
        if not self.ready.exists():
            return False
        try:
            told = json.loads(self.ready.read_text())
        except ValueError:
            return False
        made_at = datetime.fromisoformat(told["disaster_at"])
        counted_alike = told.get("counted_by") == describe("postgres").digest  # facts of another drp may know less
        return counted_alike and told["every_kind"] >= self.every_kind and datetime.now(UTC) - made_at < _GOOD_FOR

    def _remember(self) -> None:
        assert self.disaster_at
        kept = {
            name: [one.repository, one.point, one.consistent_at.isoformat(), str(one.folder)]
            for name, one in self.kept.items()
        }
        told: dict[str, object] = {
            "disaster_at": self.disaster_at.isoformat(),
            "every_kind": self.every_kind,
            "kept": kept,
        }
        told["counted_by"] = describe("postgres").digest
        self.ready.write_text(json.dumps(told, indent=1))

    def _recall(self) -> None:
        told = json.loads(self.ready.read_text())
        self.disaster_at = datetime.fromisoformat(told["disaster_at"])
        self.kept = {
            name: Kept(name, repository, point, datetime.fromisoformat(at), Path(folder))
            for name, (repository, point, at, folder) in told["kept"].items()
        }

    def _last_day(self) -> None:
        """Build, work, back up while people work, and lose everything at once."""
        self.say("building EHR (GNU Health), LIS (GNU Health) and PACS (Orthanc)")
        with Hospital(self.folder / "hospital", archive_timeout=0) as hospital:
            self.hospital = hospital
            self.say(f"seeding {self.patients} patients with orders, signed results and studies")
            hospital.seed(self.patients)
            others = [SecondPacs(hospital, engine) for engine in ("mariadb", "postgresql")] if self.every_kind else []
            self._before_opening(hospital, others)
            with hospital.under_traffic(pause=_PAUSE_SECONDS) as team:
                team.see(1)
                self.say("people work; backing up EHR, PACS and LIS, one after the other, to WORM and medium")
                self.keep(self._logical(hospital.ehr), "ehr")
                team.see(1)
                self.keep(self._hot(team), "pacs", to="medium")
                hospital.lis.cluster.sql("select pg_switch_wal()")
                team.see(1)
                if self.every_kind:
                    self.keep(self._shipped(hospital.ehr, switch=True), "ehr-archive")
                    for other in others:
                        self.keep(other.backup(), other.name, to="medium")
                    team.see(1)
                self.keep(self._shipped(hospital.lis), "lis")
                team.see(1)
                self.disaster_at = hospital.disaster()
            for lost in (*others, *([self._receiver] if self._receiver else [])):
                lost.kill()
            shutil.copy(hospital.ledger.path, self.ground_truth)
        self.hospital = None
        shutil.rmtree(self.folder / "hospital")
        self.say("disaster: all three applications are lost, with everything that was not backed up")

    def _before_opening(self, hospital: Hospital, others: list[SecondPacs]) -> None:
        """Take the base backups that logs carry forward, and the cold copy, which needs the PACS to stand still."""
        self._counted["lis"] = hospital.backup("lis", "physical").facts
        self._receiver = backups.receive_wal(hospital.lis, hospital.folder("lis", "physical"))
        if self.every_kind:
            self._counted["ehr"] = hospital.backup("ehr", "physical").facts
            self.keep(self._logical(hospital.lis), "lis-logical")
            self._keep_an_altered_dump(hospital)
            self.keep(hospital.backup("pacs", "cold"), "pacs-cold", to="medium")
        for other in others:
            other.create()

    def _keep_an_altered_dump(self, hospital: Hospital) -> None:
        """Dump the LIS while a signed value is not what was signed, and put the value right again."""
        cluster = hospital.lis.cluster
        cluster.sql(ALTERED.format(change="+"), hospital.lis.database)
        folder = self.folder / "staging" / "lis-altered"
        backups.logical(hospital.lis, folder)
        cluster.sql(ALTERED.format(change="-"), hospital.lis.database)

    def _logical(self, instance: Instance) -> Backup:
        """Dump, and count every table inside the very snapshot that is dumped."""
        counted: dict[str, object] = {}

        def count(snapshot: str) -> None:
            words = ["--host", str(instance.cluster.socket), "--port", str(instance.cluster.port)]
            words += ["--database", instance.database, "--snapshot", snapshot]
            facts = self.drp("verifier", "facts", "postgres", *words, path=str(binaries()), cwd="/")
            counted.update(json.loads(facts.stdout))

        assert self.hospital
        made = backups.logical(instance, self.hospital.folder(instance.name, "logical"), count)
        return Backup(made.application, made.kind, made.path, made.consistent_at, {**made.facts, **counted})

    def _hot(self, team: Traffic) -> Backup:
        """Copy the PACS while it works, at a moment when its newest images are in the write-ahead log only."""
        assert self.hospital
        for _ in range(backups_pacs.MOST_COPIES):
            folder = self.hospital.folder("pacs", "hot")
            shutil.rmtree(folder)
            made = self.hospital.backup("pacs", "hot")
            if backups_pacs.log_holds_the_newest(folder / "storage"):
                return made
            team.see(1)
        raise HospitalError("the write-ahead log of the PACS was empty at every copy")

    def _shipped(self, instance: Instance, *, switch: bool = False) -> Backup:
        """Return base and log as they are now: an archive ends with its last segment, a stream with the last commit."""
        assert self.hospital
        vault = self.hospital.folder(instance.name, "physical")
        made = backups.shipped(instance, vault, self.hospital.folder(instance.name, "shipped"), switch=switch)
        return replace(made, facts=self._counted[instance.name])

    def keep(self, backup: Backup, application: str, *, to: str = "worm") -> Kept:
        """Do what a backup job does: a still copy, its manifest kept apart, then restic with tags that say what it is."""
        folder = self.folder / "staging" / application
        folder.parent.mkdir(exist_ok=True)
        copy(backup.path, folder)
        repository = self.worm() if to == "worm" else self.air_gap()
        facts = dict(backup.facts)
        if (folder / "storage").exists():
            facts |= json.loads(self.drp("verifier", "facts", "dicom", "--option", f"root={folder / 'storage'}").stdout)
        point = self.store(folder, application, backup.consistent_at, facts, repository)
        if to == "medium":  # as removable media are mounted: who drills need not be who backed up
            run(["chmod", "-R", "a+rX", str(self.medium)])
        if application in DATED:
            self._keep_dated(folder, application, backup.consistent_at)
        self.kept[application] = Kept(application, to, point, backup.consistent_at, folder)
        (self.folder / "staging" / f"{application}.facts.json").write_text(json.dumps(facts))
        return self.kept[application]

    def _keep_dated(self, folder: Path, application: str, consistent_at: datetime) -> None:
        """Keep the same as a nightly job of rsync does: a dated folder, and beside it what says of which instant it is."""
        (manifest,) = (self.site / "manifests" / application).iterdir()
        dated = self.nightly / f"app={application}" / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}"
        dated.parent.mkdir(parents=True, exist_ok=True)
        # all of it is one user's, as on a backup server: with `identity: single` a cell reads what one owner may
        run(["cp", "--archive", "--no-preserve=ownership", str(folder), str(dated)])
        for mark, says in (("instant", consistent_at.isoformat()), ("drpm-id", manifest.stem), ("done", "")):
            dated.with_name(f"{dated.name}.{mark}").write_text(f"{says}\n")

    def store(
        self, folder: Path, application: str, consistent_at: datetime, facts: Mapping[str, object], repository: Restic
    ) -> str:
        """Make a manifest of a folder, then a recovery point that names it; returns the point's id."""
        kept = self.folder / "facts.json"
        kept.write_text(json.dumps(facts))
        words = ["--application", application, "--facts", str(kept), "--into", str(self.site / "manifests"), "--json"]
        manifest = json.loads(self.drp("manifest", "create", str(folder), *words).stdout)["id"]
        instant = f"{consistent_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        tags = [f"app={application}", f"consistent_at={instant}", f"drp-manifest={manifest}"]
        return repository.backup(folder, tags=tags, host=application)

    def damaged(self, name: str, application: str, damage: Callable[[Path], object]) -> str:
        """Break a copy of a kept backup before it is backed up, its manifest too: hashes have nothing to find.

        Returns the recovery point's id in the repository ``damaged``.
        """
        healthy = self.kept[application]
        folder = self.folder / "damaged" / name
        folder.parent.mkdir(exist_ok=True)
        copy(healthy.folder, folder)
        damage(folder)
        facts = json.loads((self.folder / "staging" / f"{application}.facts.json").read_text())
        point = self.store(folder, application, healthy.consistent_at, facts, self.spoiled())
        shutil.rmtree(folder)
        return point

    def spoiled(self) -> Restic:
        """The repository of damaged backups."""
        return Restic(executable(self.restic), str(self.folder / "damaged-restic"), self.secret("medium-password"))
