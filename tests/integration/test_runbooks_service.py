"""The service runbook on real daemons: ready, stopped, started once; and every way in which a start fails, by name."""

from __future__ import annotations

import json
import time

import pytest

from drp.domain.runbook import RunbookResult
from tests.support.fixtures_runbooks import Driver

pytestmark = pytest.mark.real

ROOT = "/data/restore/srv/engine"
SERVER = """
import http.server, json, os, pathlib, sys, threading, time
here = pathlib.Path(__file__).parent
settings = json.loads(pathlib.Path(sys.argv[1]).read_text())
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"ward": (here / "ward.txt").read_text(), "outbound": settings["outbound"], "user": os.environ["LOGNAME"],
                           "mode": os.environ.get("MODE"), "directory": os.getcwd()}).encode()
        self.send_response(settings.get("status", 200)); self.end_headers(); self.wfile.write(body)
    def log_message(self, *words): pass
print("loading the interfaces", flush=True)
time.sleep(settings.get("delay", 0))
if "dies" in settings:
    print("Traceback: no such licence", file=sys.stderr, flush=True); sys.exit(settings["dies"])
http.server.ThreadingHTTPServer((settings.get("host", "10.9.8.7"), 8088), Answer).serve_forever()
"""


def inputs(settings: dict[str, object] | None = None, **changes: object) -> dict[str, object]:
    overlay = json.dumps({"outbound": False, **(settings or {})})
    return {
        "restored_root": ROOT,
        "name": "engine",
        "command": ["/usr/bin/python3", "{restored_root}/server.py", "/run/engine.json"],
        "environment": {"MODE": "drill"},
        "overlays": {"/run/engine.json": overlay},
        "ready": {"http": {"url": "http://10.9.8.7:8088/health", "matches": '"ward": "cardiology"'}},
        "ready_seconds": 30,
        **changes,
    }


@pytest.fixture
def engine(runbooks: Driver) -> Driver:
    runbooks.sandbox.write("restore/srv/engine/server.py", SERVER)
    runbooks.sandbox.write("restore/srv/engine/ward.txt", "cardiology")
    return runbooks


def failure(result: RunbookResult) -> str:
    assert not result.ok
    assert result.failed_task is not None
    return result.failed_task.message


def ask(engine: Driver) -> dict[str, object]:
    script = "import urllib.request as u; print(u.urlopen('http://10.9.8.7:8088/').read().decode())"
    answer: dict[str, object] = json.loads(engine.sandbox.shell(f'/usr/bin/python3 -c "{script}"'))
    return answer


def test_it_starts_once_on_its_production_address_and_stops_once(engine: Driver) -> None:
    first = engine.run("service", "start", **inputs({"delay": 0.4}))
    assert first.ok, first
    state = first.outputs["engine"]
    assert isinstance(state, dict)
    assert state["changed"] is True
    assert state["ready_ms"] >= 400
    assert ask(engine) == {
        "ward": "cardiology", "outbound": False, "user": "drp", "mode": "drill", "directory": ROOT,
    }  # fmt: skip
    again = engine.run("service", "start", **inputs())
    assert again.ok, again
    assert "changed" not in {task.outcome for task in again.tasks}
    assert again.outputs["engine"]["pid"] == state["pid"]  # type: ignore[index]
    stopped = engine.run("service", "stop", **inputs())
    assert [task.outcome for task in stopped.tasks][-1] == "changed"
    stopped_again = engine.run("service", "stop", **inputs())
    assert [task.outcome for task in stopped_again.tasks][-1] == "ok"
    assert engine.run("service", "start", **inputs()).ok


def test_waiting_for_readiness_is_no_attempt_to_leave(engine: Driver) -> None:
    assert engine.run("service", "start", **inputs({"delay": 0.5})).ok
    assert engine.sandbox.rig.driver.egress(engine.sandbox.handle) == ()


def test_a_daemon_that_ends_early_fails_at_once_with_its_last_words(engine: Driver) -> None:
    started = time.monotonic()
    result = engine.run("service", "start", **inputs({"dies": 3}, ready_seconds=60))
    assert time.monotonic() - started < 20
    assert "engine ended with 3 after" in failure(result)
    assert failure(result).endswith("its last words: loading the interfaces · Traceback: no such licence")
    assert result.outputs["service_log"] == ["loading the interfaces", "Traceback: no such licence"]


def test_a_daemon_that_a_signal_kills_is_said_to_be_killed(engine: Driver) -> None:
    command = ["/bin/sh", "-c", "echo reading the index; kill -SEGV $$"]
    message = failure(engine.run("service", "start", **inputs(command=command)))
    assert "engine was killed by signal 11" in message
    assert message.endswith("its last words: reading the index")


HEALTH = "http://10.9.8.7:8088/"
OBSTACLES: list[tuple[dict[str, object], dict[str, object], str]] = [
    ({"delay": 60}, {"ready_seconds": 0.5}, "was not ready in time: nothing listens on port 8088"),
    ({"status": 503}, {"ready_seconds": 1}, "was not ready in time: it answers 503 over HTTP"),
    ({}, {"ready": {"http": {"url": HEALTH, "matches": "oncology"}}, "ready_seconds": 1}, "does not match 'oncology'"),
    (
        {"status": 500},
        {"ready": {"http": {"url": HEALTH, "hopeless": [500]}}},
        "will not become ready: it answers 500 over HTTP",
    ),
    (
        {},
        {"ready": {"command": ["/bin/sh", "-c", "echo no rows >&2; exit 1"]}, "ready_seconds": 1},
        "the readiness command ended with 1: no rows",
    ),
    ({}, {"ready": {"command": []}}, "ready says nothing"),
    ({}, {"command": ["/opt/absent/engine"]}, "there is no program /opt/absent/engine"),
    ({}, {"directory": "/data/absent"}, "there is no directory /data/absent"),
    ({}, {"overlays": {"/run/../data/restore/srv/engine/server.py": ""}}, "must lie below /run or /tmp"),
    ({}, {"name": "../engine"}, "cannot be the name of a service"),
]


def test_what_keeps_it_from_starting_is_named(engine: Driver) -> None:
    for settings, changes, message in OBSTACLES:
        assert message in failure(engine.run("service", "start", **inputs(settings, **changes)))
        left = engine.sandbox.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; true")
        assert "server.py" not in left, "what did not become ready was left running"


def test_a_port_that_is_taken_is_named(engine: Driver) -> None:
    assert engine.run("service", "start", **inputs()).ok
    message = failure(engine.run("service", "start", **inputs(name="other")))
    assert message.endswith("other cannot start: port 8088 is already taken inside the sandbox")
    elsewhere = inputs({"host": "10.9.8.6"}, name="other", overlays={"/run/engine.json": '{"outbound": 1, "host": "10.9.8.6"}'},
                       ready={"host": "10.9.8.6", "port": 8088})  # fmt: skip
    assert engine.run("service", "start", **elsewhere).ok, "the same port of another address is free"


def test_what_does_not_want_to_end_is_killed(engine: Driver) -> None:
    command = ["/bin/sh", "-c", "trap '' TERM; touch /tmp/up; while :; do sleep 0.1; done"]
    stubborn = inputs(command=command, ready={"command": ["test", "-e", "/tmp/up"]}, stop_seconds=0.3)
    assert engine.run("service", "start", **stubborn).ok
    assert engine.run("service", "stop", **stubborn).tasks[-1].outcome == "changed"
    left = engine.sandbox.shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; true")
    assert "trap" not in left


def test_what_an_application_sends_is_caught(engine: Driver) -> None:
    script = "import smtplib, time; smtplib.SMTP('10.66.0.25').sendmail('a@b', ['c@d'], 'result')"
    command = ["/usr/bin/python3", "-c", f"{script}; open('/tmp/sent', 'w'); time.sleep(60)"]
    assert engine.run("service", "start", **inputs(command=command, ready={"command": ["test", "-e", "/tmp/sent"]})).ok
    (attempt,) = engine.sandbox.rig.driver.egress(engine.sandbox.handle)
    assert (attempt.destination, attempt.port) == ("10.66.0.25", 25)
    assert attempt.payload_bytes > 0
