"""The parts of the runbook runner that need no Ansible: events, progress, folders, inventory, catalogue."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from drp.domain.ports import Progress
from drp.domain.runbook import RunbookOrder
from drp.domain.sandbox import SandboxHandle
from drp.errors import RunbookError
from drp.redact import remember
from drp.runbooks.catalogue import find, runbooks
from drp.runbooks.events import Recording
from drp.runbooks.folder import PrivateFolder, sweep
from drp.runbooks.inventory import inventory
from drp.runbooks.relay import Relay
from drp.share import shared
from tests.support.waiting import eventually


def ended(kind: str, task: str = "Do it", **fields: object) -> dict[str, object]:
    return {"event": kind, "event_data": {"task": task, "duration": 0.25, **fields}}


def test_events_become_task_results() -> None:
    recording = Recording()
    for event in (
        ended("runner_on_ok", "One", res={"changed": True}),
        ended("runner_on_ok", "Two", res={"changed": False}),
        ended("runner_on_skipped", "Three"),
        ended("runner_on_failed", "Four", res={"msg": "tolerated"}, ignore_errors=True),
        ended("runner_on_failed", "Five", res={"msg": "Task failed: Action failed:  no\nsuch  medium"}),
        ended("runner_item_on_ok", "Five"),
    ):
        assert recording.take(event) is False
    assert [(task.name, task.outcome, task.message) for task in recording.tasks] == [
        ("One", "changed", ""),
        ("Two", "ok", ""),
        ("Three", "skipped", ""),
        ("Four", "ok", "tolerated"),
        ("Five", "failed", "no such medium"),
    ]
    assert {task.duration_ms for task in recording.tasks} == {250}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "runner_on_ok"},
        {"event": "runner_on_ok", "event_data": {"res": None, "duration": None}},
        {"event": "runner_on_ok", "event_data": {"res": "text"}},
        {"event": "runner_on_failed", "event_data": {"res": {"msg": ["a", {"b": 1}]}, "duration": "soon"}},
        {"event": "playbook_on_stats", "event_data": {"artifact_data": None}},
    ],
)
def test_no_event_makes_the_reader_raise(event: dict[str, object]) -> None:
    assert Recording().take(event) is False


def test_secrets_leave_neither_in_messages_nor_in_outputs() -> None:
    remember("horse-battery-staple")
    recording = Recording()
    recording.take(ended("runner_on_failed", res={"msg": "wrong: horse-battery-staple"}))
    given = {"drp_restore": {"tail": ["key horse-battery-staple"], "exit_code": 1}}
    recording.take({"event": "playbook_on_stats", "event_data": {"artifact_data": given}})
    assert recording.tasks[0].message == "wrong: [secret]"
    assert recording.outputs == {"drp_restore": {"tail": ["key [secret]"], "exit_code": 1}}


def test_a_run_without_a_result_of_its_own_is_an_error() -> None:
    recording = Recording()
    recording.take({"event": "verbose", "stdout": "noise\n[ERROR]: the YAML is broken\nat line 3"})
    with pytest.raises(RunbookError, match=r"files/start: ansible ended with 4 .*: \[ERROR\]: the YAML is broken · at"):
        recording.require_judgement("files/start", 4)


def test_a_lost_sandbox_is_an_error_even_when_the_run_ended() -> None:
    recording = Recording()
    recording.take({"event": "playbook_on_task_start", "event_data": {"task": "Restore"}})
    recording.take(ended("runner_on_unreachable", "Restore", res={"msg": "the sandbox has gone"}))
    recording.take({"event": "playbook_on_stats", "event_data": {}})
    with pytest.raises(RunbookError, match="lost during task 'Restore': the sandbox has gone"):
        recording.require_judgement("files/restore", 4)


def test_datagrams_become_progress_and_rubbish_does_not(tmp_path: Path) -> None:
    reported: list[Progress] = []
    with Relay(tmp_path / "progress", reported.append, None) as relay:
        relay.push(Progress(message="Restore"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(tmp_path / "progress"))
            for rubbish in (b"\xff", b"[]", b"7", b'{"done_bytes": "many"}', b"[" * 5000):
                sender.send(rubbish)
            sender.send(json.dumps({"done_bytes": 5, "total_bytes": 9, "other": "x"}).encode())
            eventually(lambda: len(reported) >= 2)
    assert reported == [Progress(message="Restore"), Progress(done_bytes=5, total_bytes=9)]


def test_a_slow_listener_does_not_slow_the_run(tmp_path: Path) -> None:
    release = threading.Event()

    def slow(_: Progress) -> None:
        release.wait(600)

    relay = Relay(tmp_path / "progress", slow, None)
    with relay:
        for number in range(1000):
            relay.push(Progress(done_bytes=number))
        assert not release.is_set(), "nobody waited for the listener"
        release.set()


def test_inputs_are_tagged_as_text_that_is_no_template(tmp_path: Path) -> None:
    handle = SandboxHandle(id="a", role="run", driver="x", control_socket="/run/a/control", data_path="/run/a/data")
    inputs = {"path": "{{ 1 + 1 }}\u2028\n: #", "deep": [{"name": "{% x %}"}, 5, None, True]}
    order = RunbookOrder(kind="files", step="start", sandbox=handle, inputs=inputs, timeout=timedelta(seconds=5))
    text = inventory(order, tmp_path / "progress")
    tagged: list[str] = []

    class Loader(yaml.SafeLoader):
        pass

    def untrusted(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
        tagged.append(str(loader.construct_scalar(node)))
        return tagged[-1]

    Loader.add_constructor("!unsafe", untrusted)
    host = yaml.load(text, Loader)["all"]["hosts"]["sandbox"]
    assert host["drp_inputs"] == inputs
    assert sorted(tagged) == ["{% x %}", "{{ 1 + 1 }}\u2028\n: #"]


def test_a_folder_is_private_and_goes(tmp_path: Path) -> None:
    with PrivateFolder(tmp_path) as folder:
        assert folder.path.stat().st_mode & 0o777 == 0o700
        (folder.path / "deep").mkdir()
        (folder.path / "deep/file").touch()
    assert not folder.path.exists()
    folder.remove()


def test_only_the_folders_of_the_dead_are_swept(tmp_path: Path) -> None:
    dead, used = tmp_path / "drp-runbook-dead", tmp_path / "drp-runbook-used"
    for folder in (dead, used):
        folder.mkdir()
        (folder / "file").touch()
    (tmp_path / "drp-runbook-link").symlink_to(tmp_path)
    (tmp_path / "other").mkdir()
    descriptor = os.open(used, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        sweep(tmp_path)
    finally:
        os.close(descriptor)
    assert {path.name for path in tmp_path.iterdir()} == {"drp-runbook-used", "drp-runbook-link", "other"}


def test_the_site_is_looked_through_first(tmp_path: Path) -> None:
    folders = (tmp_path, shared("runbooks"))
    assert find(folders, "files", "stop") == shared("runbooks") / "files/stop.yml"
    (tmp_path / "files").mkdir()
    (tmp_path / "files/stop.yml").touch()
    assert find(folders, "files", "stop") == tmp_path / "files/stop.yml"
    found = {item.kind: (item.shipped, item.lacking) for item in runbooks(folders)}
    assert found["files"] == (False, ("restore", "start"))
    assert found["postgres"] == (True, ())
    for name in ("", ".", "..", "a/b", ".hidden"):
        with pytest.raises(RunbookError, match="cannot be the name"):
            find(folders, name, "start")
