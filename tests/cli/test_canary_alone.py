"""One heartbeat of an application at a time, and each of them ends: what cron starts does not pile up."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_canary import drp, site_with
from tests.support.sites import DOCUMENTS

SILENT = (
    "{{kind: orthanc, url: 'http://127.0.0.1:{port}', user: u, study: 1.2.3, password: {{file: secret}}, timeout: 60s}}"
)


def test_the_second_says_so_and_a_dead_one_does_not_count(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        site = site_with(tmp_path, SILENT.format(port=silent.getsockname()[1]))
        (site / "secret").write_text("word\n")
        (site / "secret").chmod(0o600)
        other = DOCUMENTS.replace("name: documents", "name: letters")
        (site / "inventory/applications/letters.yml").write_text(
            f"{other}canary: {{kind: file, path: {tmp_path}/beat}}\n"
        )
        argv = [sys.executable, "-m", "drp", "--site", str(site), "canary", "write", "documents"]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
            peer, _ = silent.accept()
            refused = drp(site, "canary", "write", "documents", status=11)
            assert f"another heartbeat of documents is being written: process {first.pid}" in refused.stderr
            assert "HINT:" in refused.stderr
            drp(site, "canary", "write", "letters")
            first.send_signal(signal.SIGKILL)
            first.wait()
            with peer:
                peer.settimeout(30)
                while peer.recv(4096):  # its writer ends with it
                    pass
    (site / "inventory/applications/documents.yml").write_text(
        f"{DOCUMENTS}canary: {{kind: file, path: {tmp_path}/beat}}\n"
    )
    drp(site, "canary", "write", "documents")


def test_who_may_only_read_the_site_is_held_back_as_well(tmp_path: Path) -> None:
    site = site_with(tmp_path, f"{{kind: file, path: {tmp_path}/beat}}")
    file = site / "inventory/applications/documents.yml"
    file.chmod(0o444)
    held = os.open(file, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        drp(site, "canary", "write", "documents", status=11)
    finally:
        os.close(held)
    drp(site, "canary", "write", "documents")


@pytest.mark.parametrize(
    "secret", ["trap '' INT TERM; sleep 60", "setsid sleep 3 & sleep 60"], ids=["stubborn", "with a child"]
)
def test_the_deadline_holds_for_the_command_of_a_secret(tmp_path: Path, secret: str) -> None:
    words = f'{{kind: postgres, host: 127.0.0.1, port: 9, database: d, user: u, password: {{command: [/bin/sh, -c, "{secret}"]}}, timeout: 1s}}'
    done = drp(site_with(tmp_path, words), "canary", "write", "documents", status=10)
    assert "for a secret" in done.stderr


def test_a_stubborn_program_is_ended_at_its_deadline(tmp_path: Path) -> None:
    script = tmp_path / "beat"
    script.write_text("#!/bin/sh\ntrap '' INT TERM\necho $$ > $(dirname $0)/pid\nsleep 60 & wait\nsleep 60\n")
    script.chmod(0o755)
    drp(
        site_with(tmp_path, f"{{kind: command, argv: [{script}], timeout: 1s}}"),
        "canary",
        "write",
        "documents",
        status=13,
    )
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


_SILENT_NAMES = """
ip link set lo up
mount --bind {folder}/resolv.conf /etc/resolv.conf
mount --bind {folder}/nsswitch.conf /etc/nsswitch.conf
{python} -c 'import socket, sys
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
print(flush=True)
names.recv(512)
open(sys.argv[1], "w").write("asked")
sys.stdin.read()' {folder}/asked < {folder}/pipe > {folder}/ready &
exec 3> {folder}/pipe
read line < {folder}/ready
timeout 60 {python} -m drp --site {site} canary write documents
"""


@pytest.mark.real
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_name_service_that_says_nothing_holds_nobody_up(tmp_path: Path, kind: str) -> None:
    words = f"{{kind: {kind}, host: db.hospital.example, database: d, user: u, timeout: 1s}}"
    site = site_with(tmp_path, words)
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:30\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    for name in ("pipe", "ready"):
        os.mkfifo(tmp_path / name)
    script = _SILENT_NAMES.format(folder=tmp_path, python=sys.executable, site=site)
    argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 13, done.stdout + done.stderr
    assert "no whole answer within 1 s" in done.stderr
    assert (tmp_path / "asked").read_text() == "asked"
