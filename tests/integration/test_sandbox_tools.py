"""Real tools in real sandboxes: restic restores in the cell, PostgreSQL runs on what it restored."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from drp.domain.restore import CellSecret, RestoreOrder, SecretReference
from drp.sandboxes.client import AgentClient
from tests.support.fixtures_sandboxes import Rig

pytestmark = pytest.mark.real

RESTIC = "/usr/bin/restic"
BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A restic repository as root keeps it: closed to everybody else."""
    path, source = tmp_path / "closed" / "repository", tmp_path / "source"
    path.parent.mkdir(mode=0o700)
    source.mkdir()
    (source / "file").write_bytes(b"from the backup" * 1000)
    environment = {"RESTIC_PASSWORD": "resolved:canary-password", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    for arguments in (["init"], ["backup", str(source)]):
        subprocess.run([RESTIC, "-r", str(path), *arguments], env=environment, check=True, capture_output=True)
    return path


def test_restic_restores_a_closed_repository_in_the_cell(rig: Rig, repository: Path) -> None:
    handle = rig.open()
    order = RestoreOrder(
        argv=("/run/base/tool/restic",),
        executables=(RESTIC,),
        read_only_binds={str(repository): "/run/base/repository"},
        secrets={"RESTIC_PASSWORD_FILE": "password"},
    )
    secret = CellSecret(
        name="password", template="{0}", references=(SecretReference(kind="file", value=("canary-password",)),)
    )
    cell = rig.driver.open_cell(handle, order, [secret])
    client = AgentClient(cell.control_socket)
    argv = [
        *order.argv,
        "-r",
        "/run/base/repository",
        "--no-lock",
        "--cache-dir",
        "/tmp/cache",
        "restore",
        "latest",
        "--target",
        "/data/files",
    ]
    lines: list[bytes] = []
    ended = client.exec(argv, secrets=order.secrets, timeout=60, on_output=lambda _stream, data: lines.append(data))
    assert ended.exit_code == 0, ended.stderr
    assert lines
    wrong = client.exec(argv, env={"RESTIC_PASSWORD": "wrong"}, timeout=60)
    assert wrong.exit_code != 0
    assert rig.driver.destroy(cell).clean
    (restored,) = (Path(handle.data_path) / "files").rglob("file")
    assert restored.read_bytes() == b"from the backup" * 1000


def test_postgresql_starts_and_answers_under_its_production_address(rig: Rig) -> None:
    handle = rig.open(memory_bytes=512 << 20, data_bytes=256 << 20)
    target = rig.driver.target(handle)
    script = f"""set -e
cd /data/files; {BIN}/initdb -D pg -U his -A trust --no-sync >/dev/null
echo 'host all all 10.20.0.0/16 trust' >> pg/pg_hba.conf; {BIN}/pg_ctl -D pg -w -l /tmp/log -o "-c listen_addresses=* -c unix_socket_directories=/run -c fsync=off" start >/dev/null
psql -h 10.20.1.5 -U his -d postgres -Atc "create table t as select generate_series(1, 1000) n; select count(*) from t"
"""
    ended = target.run(["/bin/sh", "-c", script], timeout_seconds=120)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.split()[-1] == b"1000"
    assert rig.driver.egress(handle) == (), "the application found its own database under the production address"
    again = target.run(["psql", "-h", "127.0.0.1", "-U", "his", "-d", "postgres", "-Atc", "select sum(n) from t"])
    assert again.stdout == b"500500\n"
    assert rig.driver.prove(handle).holds, "with restored software running, isolation still holds"
    assert rig.driver.destroy(handle).clean
