"""What drp reads is read in a cell where nothing restored runs, whatever a restored program does beside it later."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drp.domain.check import CheckResult, Expectation
from drp.domain.check_runner import Answer
from drp.domain.restored_code import RestoredCode
from drp_verifiers.assertions import Assertion
from drp_verifiers.dicom import DicomOptions, DicomVerifier
from drp_verifiers.files import FilesOptions, FilesVerifier
from drp_verifiers.http import HttpOptions, HttpVerifier
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier
from drp_verifiers.tcp import TcpOptions, TcpVerifier
from tests.hospital import dicom
from tests.support.fixtures_runbooks import OpenSandbox
from tests.support.fixtures_sandboxes import Rig

pytestmark = pytest.mark.real

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIAR = """
import http.server, os, signal, sqlite3, threading, time
def hunt():
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if b"import sys, types" in open(f"/proc/{pid}/cmdline", "rb").read() and int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGSTOP)
            except OSError:
                pass
threading.Thread(target=hunt, daemon=True).start()
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"rows": 400}')
http.server.HTTPServer(("127.0.0.1", 8123), Page).serve_forever()
"""
"""A restored daemon that stops whatever looks like a reader, and says that there are 400 rows."""
BEHAVIOURS: list[tuple[Any, Any]] = [
    (FilesVerifier(), FilesOptions(root="archive", magic=True)),
    (DicomVerifier(), DicomOptions(root="archive")),
    (
        SqliteVerifier(),
        SqliteOptions(path="ward.sqlite", assertions=(Assertion(name="n", sql="SELECT count(*) FROM bed", equals=2),)),
    ),
]


@pytest.fixture
def sandbox(rig: Rig) -> Iterator[OpenSandbox]:
    """A sandbox whose restored tree has two images, a database with the newest row in its log, and a liar that runs."""
    opened = OpenSandbox(rig)
    root = opened.data / "files"
    root.mkdir(exist_ok=True)
    (root / "archive").mkdir()
    study = dicom.new_uid()
    for number in (1, 2):
        image = dicom.Image("P1", "DOE^J", "A1", study, dicom.new_uid(), number, NOW, 16)
        (root / f"archive/{number}.dcm").write_bytes(dicom.instance(image))
    with closing(sqlite3.connect(root / "live.sqlite")) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE bed (id INTEGER PRIMARY KEY)")
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        live.execute("INSERT INTO bed VALUES (1), (2)")
        live.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{root}/live.sqlite{suffix}", f"{root}/ward.sqlite{suffix}")
    (root / "daemon.py").write_text(LIAR)
    for path in (root / "ward.sqlite", root / "ward.sqlite-wal"):
        path.chmod(0o600)
    opened.own()
    return opened


def expectation() -> Expectation:
    command = ["/usr/bin/python3", "{restored_root}/daemon.py"]
    return Expectation(
        disaster_at=NOW, consistent_at=NOW, timeout_seconds=60, restored_root="/data/files", inputs={"command": command}
    )


def start(sandbox: OpenSandbox) -> None:
    sandbox.shell("setsid /usr/bin/python3 /data/files/daemon.py > /tmp/log 2>&1 &"
                  " while ! python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8123))' 2>/dev/null;"
                  " do sleep 0.05; done")  # fmt: skip


def results(answers: Iterator[Answer]) -> dict[str, CheckResult]:
    return {answer.check: answer for answer in answers if isinstance(answer, CheckResult)}


def test_what_is_read_in_a_cell_is_what_lies_there(sandbox: OpenSandbox) -> None:
    """Also once the daemon runs: it neither sees nor stops what reads, and its word counts for nothing."""
    driver, before = sandbox.rig.driver, Path(sandbox.data / "files/ward.sqlite").read_bytes()
    for running in (False, True):
        if running:
            start(sandbox)
        for verifier, options in BEHAVIOURS:
            cell = driver.open_reader(sandbox.handle)
            found = results(verifier.read(driver.target(cell), options, expectation()))
            driver.destroy(cell)
            bad = {check: each for check, each in found.items() if each.outcome == "failed"}
            assert not bad, bad
            decisive = {"files": "tree", "dicom": "files", "sqlite": "assertion n"}[verifier.name]
            assert found[decisive].outcome == "passed", found
    assert Path(sandbox.data / "files/ward.sqlite").read_bytes() == before


def test_a_page_is_said_by_the_restored_system_and_its_port_seen_from_outside(sandbox: OpenSandbox) -> None:
    start(sandbox)
    driver = sandbox.rig.driver
    cell = driver.open_caller(sandbox.handle)
    target = driver.target(cell)
    page = HttpOptions(url="http://127.0.0.1:8123/", body_matches="400")
    answers = [*HttpVerifier().verify(target, page, expectation()),
               *TcpVerifier().verify(target, TcpOptions(port=8123), expectation())]  # fmt: skip
    driver.destroy(cell)
    said = {answer.check: (answer.outcome, answer.witness) for answer in answers if isinstance(answer, CheckResult)}
    assert said == {
        "status": ("passed", "outside"),
        "body": ("passed", "restored"),
        "accepts": ("passed", "outside"),
    }
    code = {answer.name: answer.digest for answer in answers if isinstance(answer, RestoredCode)}
    assert list(code) == ["program daemon.py"]


def test_a_database_that_has_to_be_rolled_back_needs_room(sandbox: OpenSandbox) -> None:
    """The room of the cell is not the backup's fault: a small one fits, a large one is said not to."""
    root = sandbox.data / "files"
    with closing(sqlite3.connect(root / "hot.sqlite", isolation_level=None)) as live:
        live.execute("CREATE TABLE bed (id INTEGER PRIMARY KEY, note TEXT)")
        live.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                     " INSERT INTO bed SELECT i, printf('%200d', i) FROM n")  # fmt: skip
        live.execute("PRAGMA cache_size = 5")
        live.execute("PRAGMA cache_spill = 5")
        live.execute("BEGIN IMMEDIATE")
        live.execute("DELETE FROM bed WHERE id > 100")
        for suffix in ("", "-journal"):
            shutil.copy(f"{root}/hot.sqlite{suffix}", f"{root}/copy.sqlite{suffix}")
    sandbox.own()
    driver, query = sandbox.rig.driver, Assertion(name="n", sql="SELECT count(*) FROM bed", equals=500)
    for large in (False, True):
        if large:
            with (root / "copy.sqlite").open("ab") as file:
                file.truncate(1 << 36)
        cell = driver.open_reader(sandbox.handle)
        options = SqliteOptions(path="copy.sqlite", assertions=(query,))
        answers = SqliteVerifier().read(driver.target(cell), options, replace(expectation(), inputs={}))
        found = results(answers)
        driver.destroy(cell)
        if large:
            assert found["integrity"].outcome == "undetermined"
            assert "there is room for" in found["integrity"].observed
        else:
            assert found["assertion n"].outcome == "passed", found
