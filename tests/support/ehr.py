"""A real application to back up: a PostgreSQL cluster with patients and encounters, and a folder of documents."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.support.waiting import PATIENCE

SCHEMA = """
create table patient (id bigint primary key, name text not null, born date not null);
create table encounter (
  id bigint generated always as identity primary key, patient bigint not null references patient,
  note text not null, recorded_at timestamptz not null);
create index encounter_recorded_at on encounter (recorded_at);
"""
SEED = """
insert into patient select n, 'Patient ' || n, date '1930-01-01' + (n %% 30000)::int from generate_series(1, %(patients)s) n;
insert into encounter (patient, note, recorded_at)
  select 1 + (n::bigint * 7919) %% %(patients)s, md5(n::text) || md5((n::bigint * 31)::text) || repeat(md5((n::bigint * 17)::text), 4), now() - (%(encounters)s - n) * interval '1 second'
  from generate_series(1, %(encounters)s) n;
"""


def binaries() -> Path:
    """Return the newest PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "PostgreSQL is not installed: run make dev"
    return found[-1]


class Ehr:
    """The production side: ``folder`` holds the running cluster and, below ``staging``, what a backup job backs up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data, self.socket, self.staging = folder / "pgdata", folder / "run", folder / "staging"
        self._server: subprocess.Popen[bytes] | None = None
        self._prefix: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses root
            user = pwd.getpwnam("postgres")
            self._prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
            self._owner = (user.pw_uid, user.pw_gid)
        else:
            self._owner = (os.geteuid(), os.getegid())

    def create(self, *, patients: int, encounters: int, document_megabytes: int) -> None:
        """Make the cluster with data checksums, fill it, and write documents."""
        for path in (self.folder, self.data, self.socket, self.staging):
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, *self._owner)
            path.chmod(0o755 if path == self.folder else 0o700)
        self._call(
            "initdb",
            "-k",
            "-N",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--auth=trust",
            "-U",
            "postgres",
            "-D",
            str(self.data),
        )
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(
                "listen_addresses = ''\nshared_buffers = '64MB'\nmax_wal_size = '2GB'\nwal_level = replica\nmax_wal_senders = 4\n"
                f"unix_socket_directories = '{self.socket}'\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n"
            )
        self.start()
        self._call("createdb", "-h", str(self.socket), "-U", "postgres", "ehr")
        self.sql(SCHEMA + SEED % {"patients": patients, "encounters": encounters} + "vacuum analyze;")
        documents = self.folder / "documents"
        generator = random.Random(7)
        for number in range(document_megabytes * 4):
            path = documents / f"{number % 16:02d}" / f"letter-{number:05d}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(generator.randbytes(1 << 18))
        (documents / "newest").symlink_to("00/letter-00000.pdf")

    def start(self) -> None:
        """Start the server on its private socket and wait until it answers."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        with (self.folder / "postgres.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*(self._prefix[:-1] or ["setpriv"]), "--pdeathsig", "KILL", "--", str(binaries() / "postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=_environment(), start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while self._call("pg_isready", "-q", "-h", str(self.socket), check=False) != 0:
            assert time.monotonic() < deadline, (self.folder / "postgres.log").read_text(errors="replace")[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it fast and clean."""
        if self._server is not None:
            with suppress(ProcessLookupError):
                self._server.send_signal(2)
            self._server.wait(PATIENCE)
            self._server = None

    def write(self, note: str = "seen") -> None:
        """Record one encounter now, as a clinician would."""
        self.sql(f"insert into encounter (patient, note, recorded_at) values (1, '{note}', now())")

    def sql(self, statement: str) -> str:
        """Run SQL as the superuser."""
        words = [
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(self.socket),
            "-U",
            "postgres",
            "-d",
            "ehr",
        ]
        done = subprocess.run(
            [*self._prefix, str(binaries() / words[0]), *words[1:]], input=statement.encode(), capture_output=True, env=_environment(),
            cwd="/", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def stage(self) -> Path:
        """Lay out what the backup job backs up, a base backup and the documents, and return that folder."""
        root = self.staging / "ehr"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        os.chown(root, *self._owner)
        self._call(
            "pg_basebackup", "-h", str(self.socket), "-U", "postgres", "-D", str(root / "pg"), "-c", "fast", "-X", "stream",
            "--manifest-checksums=SHA256",
        )  # fmt: skip
        shutil.copytree(self.folder / "documents", root / "documents", symlinks=True)
        return root

    def _call(self, program: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(
            [*self._prefix, str(binaries() / program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, cwd="/",
            env=_environment(), check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{program}: {done.stderr.decode()}"
        return done.returncode


def _environment() -> dict[str, str]:
    return {"PATH": f"{binaries()}:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
