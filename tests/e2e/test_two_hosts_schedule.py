"""Two hosts on one journal and one engine: a slot is ordered once and held once, also when the host that has it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drp.domain.events import DrillConcluded
from tests.e2e.test_two_hosts import Host
from tests.e2e.test_worker import ONE_END, SLOW
from tests.support import warm
from tests.support.fixtures_journal import PostgresServer
from tests.support.ordered import Ordered, conclusions
from tests.support.processes import left
from tests.support.waiting import eventually
from tests.support.words import in_words

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a host another name"),
]


@contextmanager
def working(host: Host, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a host's worker; at the end it is dead."""
    argv = host._argv("worker", "run", "--place", "north", "--json", *words)
    process = subprocess.Popen(
        argv, env=warm.ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=warm.ROOT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


def stopped(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    """Ask the worker within to stop, wait for its end, and return what it said."""
    (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(worker), signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return [in_words(json.loads(line)) for line in out.splitlines()]


@pytest.fixture
def server(postgres_server: PostgresServer) -> PostgresServer:
    return postgres_server


def prepared(folder: Path, server: PostgresServer, database: str) -> tuple[Ordered, Host, Host]:
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    secret = folder / "password"
    secret.write_text(server.password)
    secret.chmod(0o600)
    url = f"postgresql+pg8000://drp@localhost/{database}?unix_sock={server.folder}/.s.PGSQL.{server.port}"
    kept = f"{{url: '{url}', password: {{file: {secret}}}}}"
    said = f"journal: {kept}\nengine: {kept}\nplaces: [north]\n"
    first = Ordered(folder / "a").prepare(pause=SLOW, place="north", settings=said)
    second = folder / "b" / "site"
    second.parent.mkdir()
    subprocess.run(["cp", "-a", str(first.site), str(second)], check=True)
    repositories = second / "inventory/repositories.yml"
    repositories.write_text(repositories.read_text().replace("directory: vault", f"directory: {first.site}/vault"))
    return first, *(Host(site, name, folder / "hosts") for site, name in ((first.site, "host-a"), (second, "host-b")))


def test_the_drill_of_a_dead_host_is_ended_by_the_other_once_and_its_slot_with_it(
    tmp_path: Path, server: PostgresServer
) -> None:
    database = server.new_database()
    site, *hosts = prepared(tmp_path, server, database)

    def asked(question: str) -> list[list[object]]:
        with closing(server.connect(database)) as connection:
            return connection.run(question)

    def phase() -> str:
        return str(asked("SELECT coalesce(max(body::json #>> '{event,phase}'), '') FROM drp_journal WHERE sequence = "
                         "(SELECT max(sequence) FROM drp_journal)")[0][0])  # fmt: skip

    with working(hosts[0]) as first, working(hosts[1]) as second:
        workers = dict(zip(("host-a", "host-b"), (first, second), strict=True))
        assert eventually(lambda: phase() in {"restore", "start"})
        ((order, state, dead),) = asked("SELECT id, state, host FROM drp_orders")
        assert (order, state) == (site.order, "running")
        workers.pop(str(dead)).kill()
        ((name, living),) = workers.items()
        killed, survivor = hosts if name == "host-b" else hosts[::-1]
        assert asked("SELECT drill FROM drp_journal GROUP BY drill") == [[site.drill]]
        asked(f"UPDATE drp_order_hosts SET beat_at = 0 WHERE host = '{dead}'")  # as if a minute had gone by
        assert eventually(site.ends)
        assert eventually(lambda: site.seen()["state"] not in {"waiting", "running"})
        told = stopped(living)
    assert [line["order"] for line in told if line.get("event") == "ended"] == [site.order]
    seen = site.seen()
    assert (seen["state"], seen["host"], seen["error"]) == ("failed", name, f"host {dead} gave no sign any more")
    written = asked("SELECT body FROM drp_journal ORDER BY drill, sequence"), asked("SELECT body FROM drp_register")
    with working(killed, "--once") as again:
        _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert (
        asked("SELECT body FROM drp_journal ORDER BY drill, sequence"),
        asked("SELECT body FROM drp_register"),
    ) == written, "nothing twice"
    assert asked("SELECT drill FROM drp_journal GROUP BY drill") == [[site.drill]]
    entries = site.entries(site.drill)
    assert conclusions(entries) == ONE_END
    (concluded,) = [entry.event for entry in entries if isinstance(entry.event, DrillConcluded)]
    (end,) = site.ends()
    assert (end.drill, end.ending, end.reason, end.verdict) == (site.drill, "held", "held", "inconclusive")
    assert concluded.verdict == "inconclusive"
    assert end.host == dead, "where it was held"
    record = in_words(json.loads((survivor.site / "evidence" / site.drill / "record.json").read_bytes()))
    assert record["verdict"] == "inconclusive"
    assert not (killed.site / "evidence" / site.drill).exists()
    for host in (survivor, killed):
        assert host.told("journal", "verify")["intact"] is True
        (host.site / "state/journal.written").write_text("\n".join(str(body) for (body,) in written[0]))
        assert not left(host.site)
