"""Two hosts with one journal on PostgreSQL: a drill has one holder, one conclusion and one record, whatever happens.

Each host is a site with state and evidence of its own, and a host name of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.fixtures_journal import PostgresServer, running_server, with_tls
from tests.support.small_site import FILES, SmallSite
from tests.support.waiting import eventually
from tests.support.words import in_words

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a host another name"),
]
APPLICATION = """version: 1
name: engine
title: Interface engine
tier: 1
objectives: {rto: 30m, rpo: 1d}
backup: {repositories: [vault], points: {tags: [app=engine]}}
runbook: {kind: files}
checks:
  - {name: newest, verifier: files, options: {newest: true}}
  - name: nobody inside reaches the journal
    verifier: command
    options: {argv: [/usr/bin/python3, -c, "TRY"]}
sign_off:
  referent: head nurse on duty
  steps: [{id: label, do: print a label}]
"""
TRY = (
    "import socket, sys; s = [socket.socket() for _ in range(3)]; "
    "sys.exit(0 in [c.connect_ex((a, PORT)) for c, a in zip(s, ['127.0.0.1', '127.77.0.1', '127.77.0.2'])])"
)
"""Tries the doors behind which the drill's own process finds the journal."""
ASKING = FILES["inventory/drills/quarterly-drill.yml"].replace("quarterly-drill", "asking") + "sign_off: {}\n"
QUICK = FILES["inventory/drills/quarterly-drill.yml"].replace("quarterly-drill", "quick")
QUICK += "sign_off: {required: false}\n"


@dataclass
class Host:
    """One host: its site, and how drp is started there."""

    site: Path
    name: str
    hosts: Path

    def _argv(self, *arguments: str) -> list[str]:
        script = f'hostname {self.name} && mount --bind {self.hosts} /etc/hosts && exec "$@"'
        apart = ["unshare", "--uts", "--mount", "--kill-child=KILL", "--fork", "sh", "-c", script, "sh"]
        return [*apart, sys.executable, "-m", "drp", "--site", str(self.site), *arguments]

    def drp(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._argv(*arguments), env=warm.ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def told(self, *arguments: str, status: int = 0) -> Any:
        return in_words(json.loads(self.drp(*arguments, "--json", status=status).stdout))

    @contextmanager
    def waiting(self) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Hold a drill up to where it waits for the referent; give the process and the drill's id."""
        process = subprocess.Popen(
            self._argv("drill", "run", "asking", "--json"),
            env=warm.ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    entry = in_words(json.loads(line))
                    if entry.get("event", {}).get("type") == "sign-off-asked":
                        break
                else:
                    pytest.fail(process.stderr.read() if process.stderr is not None else "")
                yield process, entry["drill"]
            finally:
                process.kill()


@dataclass
class Hosts:
    """Both hosts, and the server between them."""

    a: Host
    b: Host
    server: PostgresServer
    database: str

    def ends(self, drill: str) -> list[str]:
        """Return what begins and ends a drill, in the journal's order."""
        ends = {"drill-declared", "drill-concluded", "evidence-sealed"}
        return [kind for kind in self.kinds(drill) if kind in ends]

    def kinds(self, drill: str) -> list[str]:
        """Return what was journalled of a drill."""
        with closing(self.server.connect(self.database)) as connection:
            rows = connection.run(
                "SELECT body::json #>> '{event,type}' FROM drp_journal WHERE drill = :drill ORDER BY sequence",
                drill=drill,
            )
        return [str(kind) for (kind,) in rows]


@pytest.fixture(scope="module")
def tls_only() -> Iterator[PostgresServer]:
    """A server that several tests stop and start; over the network it takes TLS alone, once it is set up."""
    with running_server(with_tls) as server:
        yield server


def lay(folder: Path, server: PostgresServer, kind: str) -> Hosts:
    database = server.new_database()
    application = APPLICATION.replace("TRY", TRY).replace("PORT", str(server.port))
    first = SmallSite(folder / "a").make(application=application, tree={"newest.txt": "x\n"})
    (folder / "hosts").write_text("127.0.0.1 localhost db.chu.example\n")
    (folder / "ca.pem").write_bytes((server.folder / "ca.pem").read_bytes())
    (first.site / "secrets/db").write_text(server.password)
    (first.site / "secrets/db").chmod(0o600)
    url = f"postgresql+pg8000://drp@db.chu.example:{server.port}/{database}"
    said = f"journal: {{url: '{url}', password: {{file: secrets/db}}, tls: {{ca: {folder}/ca.pem}}}}\n"
    if kind == "socket":
        path = f"{server.folder}/.s.PGSQL.{server.port}"
        url = f"postgresql+pg8000://drp@localhost/{database}?unix_sock={path}"
        said = f"journal: {{url: '{url}', password: {{file: secrets/db}}}}\n"
    (first.site / "drp.yml").write_text(FILES["drp.yml"] + said)
    (first.site / "inventory/drills/asking.yml").write_text(ASKING)
    (first.site / "inventory/drills/quick.yml").write_text(QUICK)
    second = folder / "b" / "site"
    second.parent.mkdir()
    subprocess.run(["cp", "-a", str(first.site), str(second)], check=True)
    repositories = second / "inventory/repositories.yml"
    repositories.write_text(repositories.read_text().replace("directory: vault", f"directory: {first.site}/vault"))
    return Hosts(
        Host(first.site, "host-a", folder / "hosts"), Host(second, "host-b", folder / "hosts"), server, database
    )


@pytest.fixture(params=["socket", "tls"])
def hosts(request: pytest.FixtureRequest, tmp_path: Path, tls_only: PostgresServer) -> Hosts:
    return lay(tmp_path, tls_only, request.param)


def sign(host: Host, drill: str, folder: Path) -> None:
    (folder / "results.yml").write_text("results: {label: passed}\n")
    host.drp("drill", "sign-off", drill, "--name", "N. Durand", "--results", str(folder / "results.yml"))


def test_the_other_host_leaves_a_running_drill_alone(hosts: Hosts, tmp_path: Path) -> None:
    with hosts.a.waiting() as (process, drill):
        assert drill.startswith("asking-")
        assert drill.endswith("-host-a")
        assert f"{drill}" in hosts.b.drp("drill", "list").stdout
        assert "running on host-a" in hosts.b.drp("drill", "list").stdout
        status = in_words(
            json.loads(
                subprocess.run(
                    hosts.b._argv("status", "--json"), env=warm.ENVIRONMENT, capture_output=True, text=True, check=False
                ).stdout
            )
        )
        assert (status["running_on"], status["unfinished"]) == ({drill: "host-a"}, [])
        refused = hosts.b.drp("drill", "resume", drill, status=11)
        assert f"drill {drill} is running on host-a" in refused.stderr
        done = hosts.b.drp("drill", "run", "quick")
        assert f"drill {drill} is running on host-a" in done.stderr
        assert "81 of 81 probes denied" in done.stderr
        assert hosts.ends(drill) == ["drill-declared"]
        sign(hosts.a, drill, tmp_path)
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert hosts.ends(drill) == ["drill-declared", "drill-concluded", "evidence-sealed"]
    listed = {one["drill"]: one["verdict"] for one in hosts.a.told("drill", "list")["items"]}
    assert listed == {drill: "passed", next(name for name in listed if name.endswith("-host-b")): "passed"}
    for host in (hosts.a, hosts.b):  # each holds the record of its own drill, and misses none
        assert host.told("journal", "verify")["intact"] is True
    (quick,) = set(listed) - {drill}
    assert (hosts.a.site / "evidence" / drill / "record.json").exists()
    assert not (hosts.b.site / "evidence" / drill).exists()
    assert not (hosts.a.site / "evidence" / quick).exists()


def test_a_dead_hosts_drill_is_ended_by_the_other_which_claims_to_have_seen_nothing(hosts: Hosts) -> None:
    with hosts.a.waiting() as (process, drill):
        process.send_signal(signal.SIGKILL)
        process.wait()
    eventually(lambda: "running on" not in hosts.b.drp("drill", "list").stdout)
    done = hosts.b.drp("drill", "run", "quick")
    assert f"drill {drill} was cut off; finishing it first" in done.stderr
    assert hosts.ends(drill) == ["drill-declared", "drill-concluded", "evidence-sealed"]
    record = in_words(json.loads((hosts.b.site / "evidence" / drill / "record.json").read_bytes()))
    assert record["verdict"] == "inconclusive"
    (recovery,) = record["recoveries"]
    told = [finding["observed"] for finding in recovery["findings"] if finding["subject"] == "sandbox"]
    assert told == ["it was on host-a, whose end of the drill nobody saw from host-b"]
    assert hosts.a.told("journal", "verify")["intact"] is True


@pytest.mark.parametrize("hosts", ["tls"], indirect=True)
def test_a_server_that_falls_stops_the_drill_and_says_nothing_of_the_backup(hosts: Hosts, tmp_path: Path) -> None:
    server = hosts.server
    with hosts.a.waiting() as (process, drill):
        assert server.process is not None
        server.process.send_signal(signal.SIGQUIT)  # immediate
        server.process.wait(timeout=60)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 11, said
        assert "its connection to the journal was lost" in said
    server.start(
        "-c",
        "ssl=on",
        "-c",
        f"ssl_cert_file={server.folder}/server.pem",
        "-c",
        f"ssl_key_file={server.folder}/server.key",
    )
    assert hosts.ends(drill) == ["drill-declared"]
    assert "unfinished" in hosts.a.drp("drill", "list").stdout
    hosts.a.drp("drill", "resume", drill, "--conclude", status=3)
    assert hosts.ends(drill) == ["drill-declared", "drill-concluded", "evidence-sealed"]
    record = in_words(json.loads((hosts.a.site / "evidence" / drill / "record.json").read_bytes()))
    codes = {finding["code"] for finding in record["recoveries"][0]["findings"]}
    assert "DRP-X003" not in codes, "what stopped it is no word about the recovery"


@pytest.mark.parametrize("hosts", ["tls"], indirect=True)
def test_a_kept_sandbox_is_its_own_hosts_and_its_keeper_tells_of_its_end(hosts: Hosts) -> None:
    """The gateway stays as long as the keeper does: the journal's server is beyond it."""
    hosts.a.drp("drill", "run", "quick", "--keep-sandbox", "--keep-for", "5m")
    (drill,) = (one["drill"] for one in hosts.a.told("drill", "list")["items"])
    assert hosts.b.told("drill", "clean")["items"] == []
    assert "sandbox-destroyed" not in hosts.kinds(drill)
    (cleaned,) = (one for one in hosts.a.told("drill", "clean")["items"] if "drill" in one)
    assert (cleaned["drill"], cleaned["clean"]) == (drill, True)
    assert hosts.kinds(drill)[-2:] == ["evidence-sealed", "sandbox-destroyed"]
    hosts.a.drp("drill", "run", "quick", "--keep-sandbox", "--keep-for", "2s")
    other = hosts.a.told("drill", "list")["items"][-1]["drill"]
    eventually(lambda: hosts.kinds(other)[-1] == "sandbox-destroyed")
    eventually(lambda: hosts.a.told("drill", "list")["items"][-1]["running_on"] is None)
    assert hosts.a.told("drill", "clean")["items"] == []
