"""One small PostgreSQL of production with everything that a log can go through, and a sandbox that brings copies back.

The cluster is built once: a base backup, an archive, a restore test that strayed onto a time line of its own, a second
base behind it, and a fail-over. Tests lay copies of its parts into one sandbox, alter them, and start them by the
programs of the role, as the role does.
"""

from __future__ import annotations

import json
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from drp.domain.application import SoftwareImage
from drp.domain.check import Execution
from drp.domain.sandbox import SandboxOrder
from drp.sandboxes.client import AgentClient
from drp.share import shared
from tests.support.fixtures_sandboxes import Rig, profile

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
NEWER = Path(__file__).resolve().parents[2] / ".cache/postgres/17"
"""The other version that is tried, where it is not the one that is installed."""
SEGMENT = 1 << 20
ROOT = "/data/files/srv"
ROLE = shared("runbooks") / "roles" / "postgres"
PARTS: list[str] = yaml.safe_load((ROLE / "vars/main.yml").read_text())["postgres_part_names"]
STARTER: list[str] = yaml.safe_load((ROLE / "vars/main.yml").read_text())["postgres_starter"]


def as_postgres(words: Iterable[object], *, text: str = "", check: bool = True) -> str:
    """Run a program as the user postgres and return what it printed."""
    entry = pwd.getpwnam("postgres")
    ended = subprocess.run(
        [str(word) for word in words], user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], input=text, cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert not check or ended.returncode == 0, (words, ended.stdout[-2000:], ended.stderr[-2000:])
    return ended.stdout.strip()


@dataclass
class Server:
    """A cluster below a folder that belongs to postgres; its socket is there too."""

    data: Path
    programs: Path = PROGRAMS
    port: int = 5432

    @property
    def host(self) -> Path:
        return self.data.parent

    def create(self, settings: str = "", *words: str) -> None:
        """Make the cluster, with small segments of log."""
        as_postgres(
            [self.programs / "initdb", "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-k",
             f"--wal-segsize={SEGMENT >> 20}", *words, "-D", self.data]
        )  # fmt: skip
        self.configure(settings)

    def configure(self, settings: str) -> None:
        with (self.data / "postgresql.conf").open("a") as stream:
            stream.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self.host}'\nfsync = off\nshared_buffers = 16MB\n"
                f"max_wal_senders = 4\nmin_wal_size = 2MB\nmax_wal_size = 20MB\n{settings}\n"
            )

    def start(self) -> None:
        log = self.host / f"{self.data.name}.log"
        as_postgres([self.programs / "pg_ctl", "-D", self.data, "-l", log, "-w", "-s", "start"])

    def stop(self, mode: str = "fast") -> None:
        as_postgres([self.programs / "pg_ctl", "-D", self.data, "-m", mode, "-w", "-s", "stop"], check=False)

    def sql(self, text: str, database: str = "ehr") -> str:
        words = [
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            self.host,
            "-p",
            self.port,
            "-U",
            "postgres",
            "-d",
            database,
        ]
        return as_postgres([self.programs / "psql", *words, "-f", "-"], text=text)

    def base(self, into: Path) -> None:
        """Take a base backup with the log that it needs."""
        where = ["-h", self.host, "-p", self.port, "-U", "postgres"]
        as_postgres([self.programs / "pg_basebackup", *where, "-D", into, "-c", "fast", "-X", "stream"])

    def add(self, first: int, last: int, *, archive: Path | None = None) -> None:
        """Record encounters, close the segment that holds them, and wait until it is archived."""
        self.sql(f"insert into encounter (id) select g from generate_series({first}, {last}) g")
        if archive is not None:
            self.switch(archive)

    def switch(self, archive: Path) -> str:
        """Close the current segment and wait until it is archived; returns its name."""
        name = self.sql("select pg_walfile_name(pg_switch_wal())")
        for _ in range(2000):
            if (archive / name).exists():
                return name
            time.sleep(0.02)
        raise AssertionError(f"{name} was not archived")


@dataclass
class Production:
    """What was kept of production, below one folder."""

    folder: Path
    at: dict[str, str] = field(default_factory=dict)

    def build(self) -> None:
        """Let the years go by."""
        shutil.chown(self.folder, "postgres", "postgres")
        archive = self._made("wal")
        live = Server(self._made("live") / "data")
        live.create(f"archive_mode = on\narchive_command = '{copies_to(archive)}'\nmax_prepared_transactions = 5")
        live.start()
        try:
            live.sql("create database ehr", "postgres")
            live.sql(
                "create table encounter (id bigint primary key, at timestamptz default clock_timestamp(), note text default repeat('x', 200))"
            )
            live.add(1, 100)
            live.base(self.folder / "base")
            live.add(101, 200, archive=archive)
            self._stray(archive)
            live.base(self.folder / "base2")
            live.add(201, 300, archive=archive)
            self.at["300"] = live.sql("select clock_timestamp()")
            live.add(301, 310, archive=archive)
            live.add(311, 400, archive=archive)
        finally:
            live.stop()
        subprocess.run(["cp", "-a", str(live.data), str(self.folder / "cold")], check=True)
        self._fail_over(archive)

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        shutil.chown(folder, "postgres", "postgres")
        return folder

    def _stray(self, archive: Path) -> None:
        """A restore test that forgot to switch archiving off."""
        self._promoted("stray", archive, "create table restore_test as select generate_series(1, 10)")

    def _fail_over(self, archive: Path) -> None:
        """The standby took over when production had been shut down: everything came with it."""
        self._promoted("failover", archive, "insert into encounter (id) select g from generate_series(401, 500) g")

    def _promoted(self, name: str, archive: Path, change: str) -> None:
        own = self._made(name)
        folder = self._made(f"{name}-server")
        server = Server(folder / "data")
        subprocess.run(["cp", "-a", str(self.folder / "base"), str(server.data)], check=True)
        server.configure(
            f"archive_mode = on\narchive_command = '{copies_to(own)}'\nrestore_command = 'cp {archive}/%f %p'"
        )
        (server.data / "recovery.signal").touch()
        shutil.chown(server.data / "recovery.signal", "postgres", "postgres")
        server.start()
        try:
            for _ in range(1000):
                if server.sql("select pg_is_in_recovery()") == "f":
                    break
                time.sleep(0.02)
            server.sql(change)
            server.switch(own)
        finally:
            server.stop()
        shutil.rmtree(folder)


def copies_to(folder: Path) -> str:
    return f"test ! -f {folder}/%f && cp %p {folder}/%f.part && mv {folder}/%f.part {folder}/%f"


class Failed(Exception):
    """A program of the role ended with a message; ``limit``: that this machine is to blame for."""

    def __init__(self, said: str, *, limit: bool = False) -> None:
        super().__init__(said)
        self.limit = limit


class Bench:
    """A sandbox in which one backup after the other is laid, started and thrown away."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        shape = profile(memory_bytes=1 << 30, data_bytes=1 << 30, processes=256)
        software = (SoftwareImage(image=str(NEWER), at="/opt/postgresql-17", digest=""),) if NEWER.is_dir() else ()
        self.handle = rig.driver.open(shape, "test", SandboxOrder(software=software))
        self.data = Path(self.handle.data_path)
        self.root = self.data / "files/srv"
        self.agent = AgentClient(self.handle.control_socket)
        self.parts = {f"pg_{name}": (ROLE / "files" / f"pg_{name}.py").read_text() for name in PARTS}
        self.inputs: dict[str, Any] = {}

    def lay(self, *parts: tuple[Path, str], change: Callable[[Path], None] | None = None) -> Path:
        """Lay copies of folders below the restored tree, as a restore would; an earlier server and its files go."""
        self.clear()
        for source, name in parts:
            subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(self.root / name)], check=True)
        if change is not None:
            change(self.root)
        self.own()
        return self.root

    def own(self) -> None:
        root = self.data.stat()
        subprocess.run(["chown", "-hR", f"{root.st_uid}:{root.st_gid}", str(self.data)], check=True)

    def clear(self) -> None:
        """End the server that runs here, and throw its files away."""
        self.shell("""
            while pids=$(grep -lx postgres /proc/[0-9]*/comm 2>/dev/null); [ -n "$pids" ]; do
                for one in $pids; do one=${one%/comm}; kill -9 "${one#/proc/}" 2>/dev/null; done; sleep 0.01
            done
            rm -rf /run/pg /dev/shm/Postgre*""")
        for path in self.data.iterdir():
            shutil.rmtree(path)
        self.root.mkdir(parents=True)
        self.inputs = {}

    def shell(self, script: str) -> str:
        ended = self.agent.exec(["/bin/sh", "-c", script], timeout=60)
        assert ended.exit_code == 0, ended
        return ended.stdout.decode()

    def program(self, name: str, **inputs: Any) -> dict[str, Any]:
        """Run one program of the role and return its answer. Raises Failed."""
        self.inputs.update(inputs)
        ended = self.agent.exec(STARTER, stdin=json.dumps(self.request(name)).encode(), timeout=120)
        if ended.exit_code:
            raise Failed(last_line(ended), limit=ended.exit_code == 3)
        answer: dict[str, Any] = json.loads(ended.stdout)
        return answer

    def request(self, name: str) -> dict[str, Any]:
        folder = str(self.inputs.get("data_directory", "pg"))
        request = {
            "data": "/data/postgres" if self.inputs.get("dumps") else f"{ROOT}/{folder}",
            "root": ROOT, "programs": "", "jobs": 2, "roles_file": "", "port": 5432, "addresses": [], "config_file": "",
            "wal_archive": "", "wal_stream": "", "target": "", "timeline": 0, "verify_base": True, "copied_while_running": "",
            "passwords": "not-asked", "settings": {"shared_buffers": "16MB", "huge_pages": "off"}, "ready_seconds": 60,
            "fetch": (ROLE / "files/pg_fetch.py").read_text(), **self.inputs,
        }  # fmt: skip
        request["dumps"] = f"{ROOT}/{self.inputs['dumps']}" if self.inputs.get("dumps") else ""
        return {"parts": self.parts, "programs": [f"pg_{name}"], "request": request}

    def start(self, **inputs: Any) -> dict[str, Any]:
        """Start what was laid; returns what was told, with all notices. Raises Failed."""
        told: dict[str, Any] = {"notices": []}
        for name in ("start", "wait", *(("load",) if inputs.get("dumps") else ()), "catalogues"):
            answer = self.program(name, **inputs)
            told = {**told, **answer, "notices": told["notices"] + answer.get("notices", [])}
        return told

    def ask(self, sql: str, database: str = "ehr") -> str:
        done = self.agent.exec(
            ["psql", "-h", "/data/sockets", "-U", "postgres", "-d", database, "-AtXc", sql], timeout=60
        )
        assert done.exit_code == 0, done
        return done.stdout.decode().strip()

    def rows(self) -> int:
        return int(self.ask("select count(*) from encounter"))


def last_line(ended: Execution) -> str:
    return (ended.stderr or ended.stdout).decode("utf-8", "replace").strip().splitlines()[-1]


def of_kind(told: dict[str, Any], kind: str) -> list[str]:
    """Return the notices of a kind, each as subject and observation."""
    return [f"{one['subject']}: {one['observed']}" for one in told["notices"] if one["kind"] == kind]
