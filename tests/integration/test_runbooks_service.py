"""The service runbook on real daemons: ready, stopped, started once; and every way in which a start fails, by name."""

from __future__ import annotations

import json
import time

import pytest

from drp.domain.runbook import RunbookResult
from tests.support.fixtures_runbooks import Driver
from tests.support.role_programs import ROLES, command

pytestmark = pytest.mark.real

ROOT = "/data/files/srv/engine"
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
    runbooks.sandbox.write("files/srv/engine/server.py", SERVER)
    runbooks.sandbox.write("files/srv/engine/ward.txt", "cardiology")
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
        "ward": "cardiology", "outbound": False, "user": "daemon", "mode": "drill", "directory": ROOT,
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
    ({}, {"overlays": {"/run/../data/files/srv/engine/server.py": ""}}, "must lie below /run or /tmp"),
    ({}, {"name": "../engine"}, "cannot be the name of a service"),
]


def what_keeps(engine: Driver, settings: dict[str, object], changes: dict[str, object], deaf: bool) -> str:
    """Return why it did not start; where it listens, only once it had the time to."""
    for patience in (1, 10, 100):
        limit = {"ready_seconds": changes["ready_seconds"] * patience} if "ready_seconds" in changes else {}
        said = failure(engine.run("service", "start", **inputs(settings, **{**changes, **limit})))
        if deaf or "nothing listens" not in said:
            break
    return said


def test_what_keeps_it_from_starting_is_named(engine: Driver) -> None:
    for settings, changes, message in OBSTACLES:
        assert message in what_keeps(engine, settings, changes, "nothing listens" in message)
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


def hold(engine: Driver, request: dict[str, object], seconds: float = 120) -> tuple[int, str]:
    """Run the role's own program; whatever holds it, it has to end long before it is killed."""
    end = engine.sandbox.agent.exec(
        command("service", "first_fatal", "readiness", "service"), stdin=json.dumps(request).encode(), timeout=seconds
    )
    assert not end.timed_out, request
    return end.exit_code, (end.stdout + end.stderr).decode()


FOLDER = "/run/service/held"
LOG = f"{FOLDER}/log"
DRIP = """
import socket, time
listener = socket.create_server(("127.0.0.1", 8099))
while True:
    peer = listener.accept()[0]; peer.recv(4096); peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    try:
        while True: peer.sendall(b"x"); time.sleep(0.05)
    except OSError: pass
"""
FORKS = "setsid sleep 300 & sleep 300"
HELD: list[tuple[str, dict[str, object], str]] = [
    (f"rm {LOG}; mkfifo {LOG}; exit 1", {}, "held ended with 1"),
    (f"rm {LOG}; ln -s /dev/zero {LOG}; exit 1", {}, "it said nothing"),
    (f"rm {LOG}; mkdir {LOG}; exit 1", {}, "it said nothing"),
    (f"rm {LOG}; truncate -s 1G {LOG}; exit 1", {}, "held ended with 1"),
    (
        f"cd {FOLDER}; until [ -s process ]; do sleep 0.02; done; rm process; mkfifo process; sleep 300",
        {},
        "before it was ready",
    ),
    ("trap '' TERM; sleep 300 & wait; sleep 300", {}, "was not ready in time"),
    ("exec sleep 300", {"command": ["/bin/sh", "-c", FORKS]}, "no whole answer within"),
    ("exec sleep 300", {"command": ["/bin/sh", "-c", "yes >&2"]}, "no whole answer within"),
    (f"exec /usr/bin/python3 -c '{DRIP}'", {"http": {"url": "http://127.0.0.1:8099/"}}, "no whole answer within"),
]


def test_restored_code_cannot_hold_a_start(engine: Driver) -> None:
    for script, ready, message in HELD:
        request = {"action": "start", "name": "held", "command": ["/bin/sh", "-c", script], "directory": "/",
                   "ready": ready or {"port": 9}, "seconds": 1 if "in time" in message or ready else 60}  # fmt: skip
        code, said = hold(engine, request)
        assert (code, message in said) == (1, True), (script, said)
        engine.sandbox.shell("rm -rf /run/service/held; for p in $(pgrep -x sleep); do kill -9 $p; done; true")


def test_a_readiness_command_may_leave_a_child_behind(engine: Driver) -> None:
    request = {"action": "start", "name": "held", "command": ["sleep", "300"], "directory": "/",
               "ready": {"command": ["/bin/sh", "-c", "sleep 300 & exit 0"]}, "seconds": 60}  # fmt: skip
    code, said = hold(engine, request)
    assert code == 0, said
    engine.sandbox.shell("cd /run/service/held; rm process; mkfifo process")
    assert hold(engine, {"action": "stop", "name": "held", "seconds": 1}) == (
        0, '{"changed": false, "stopped": "not running"}\n',
    )  # fmt: skip


def test_a_log_that_is_none_any_more_is_not_read(engine: Driver) -> None:
    program = (ROLES / "service/files/last_lines.py").read_text()
    engine.sandbox.shell("mkfifo /run/pipe; ln -s /dev/zero /run/link; seq 100000 > /run/log")
    for path, code in (("pipe", 1), ("link", 1), ("absent", 1), ("log", 0)):
        end = engine.sandbox.agent.exec(["/usr/bin/python3", "-I", "-S", "-c", program, f"/run/{path}"], timeout=20)
        assert (end.exit_code, end.timed_out) == (code, False), path
    assert end.stdout.split() == [b"%d" % number for number in range(99_961, 100_001)]


def test_a_start_that_is_held_all_the_same_is_ended(engine: Driver) -> None:
    """A daemon whose log became a pipe, through the runbook: its last words are not awaited either."""
    script = "rm /run/service/engine/log; mkfifo /run/service/engine/log; exit 1"
    result = engine.run("service", "start", **inputs(command=["/bin/sh", "-c", script], ready_seconds=5))
    assert "engine ended with 1 after" in failure(result)
    assert result.outputs["service_log"] == []
