"""What a run must not be able to do: reach a network, leak a secret, evaluate what a backup says; and no root needed."""

from __future__ import annotations

import ast
import contextlib
import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from drp.domain.ports import Progress
from drp.redact import remember
from tests.support.fixtures_runbooks import Driver, files_below, folders, processes_with
from tests.support.fixtures_sandboxes import ROOT, SITE_PACKAGES

pytestmark = pytest.mark.real


def test_a_run_has_no_network_not_even_on_the_controller(runbooks: Driver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as production:
        port = production.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 2).close()
        production.accept()[0].close()
        connect = f'import socket; socket.create_connection(("127.0.0.1", {port}), 2)'
        result = runbooks.play(
            f"- name: Reach for production\n  ansible.builtin.command:\n    argv: [/usr/bin/python3, -c, '{connect}']\n"
            "  delegate_to: localhost\n"
        )
        assert result.failed_task is not None
        assert result.failed_task.name == "Reach for production"
        production.settimeout(0.2)
        with pytest.raises(TimeoutError):
            production.accept()


def test_secrets_and_the_callers_environment_are_in_no_file(runbooks: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = f"canary-{os.urandom(8).hex()}"
    remember(canary)
    monkeypatch.setenv("RESTIC_PASSWORD", canary)
    runbooks.sandbox.agent.secret("password", canary)
    runbooks.sandbox.write("tool", '#!/bin/sh\nsleep 1\nread -r word <"$SECRET_FILE"\necho "the word is $word"\n')
    looked: list[str] = []
    leaks: list[str] = []

    def look(_: Progress) -> None:
        for folder in folders():
            for path in files_below(folder):
                with contextlib.suppress(OSError):
                    if canary.encode() in path.read_bytes():
                        leaks.append(str(path))
                    looked.append(path.name)
        leaks.extend(processes_with(canary))

    inputs: dict[str, object] = {"order": {"argv": ["/data/tool"], "secrets": {"SECRET_FILE": "password"}}}
    result = runbooks.runner.run(runbooks.order("files", "restore", inputs), look, lambda: False)
    assert "inventory.yml" in looked
    assert "command" in looked
    assert leaks == []
    assert "the word is [secret]" in str(result.outputs), "the tool did not get its secret"
    assert canary not in repr(result)


def test_an_input_is_never_read_as_a_template(runbooks: Driver, tmp_path: Path) -> None:
    hostile = "{{ lookup('ansible.builtin.pipe', 'touch " + str(tmp_path / "evaluated") + "') }}"
    result = runbooks.play(
        "- name: Use it\n  drp_exec: {argv: [printf, '%s', '{{ drp_inputs.path }}']}\n  register: used\n"
        "- name: Give it back\n  ansible.builtin.set_stats: {data: {path: '{{ used.stdout }}'}}\n",
        path=hostile,
    )
    assert result.ok
    assert result.outputs == {"path": hostile}
    assert not (tmp_path / "evaluated").exists()


AS_ANYBODY = """
import sys
from datetime import timedelta
from pathlib import Path
from drp.domain.runbook import RunbookOrder
from drp.domain.sandbox import SandboxHandle
from drp.runbooks import AnsibleRunbookRunner
handle = SandboxHandle(id="x", role="run", driver="x", control_socket="/nowhere", data_path="/tmp")
order = RunbookOrder(kind="ward", step="start", sandbox=handle, timeout=timedelta(seconds=60))
runner = AnsibleRunbookRunner([Path(sys.argv[1])], Path("/tmp"))
result = runner.run(order, lambda progress: None, lambda: False)
print(result.ok, *(task.message for task in result.tasks), result.outputs)
"""


def test_it_runs_without_root() -> None:
    """A user namespace takes the place of root's right to make namespaces; the user stays who it is."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "ward").mkdir()
        (Path(folder) / "ward/start.yml").write_text(
            "- name: Ward\n  hosts: sandbox\n  gather_facts: false\n  tasks:\n    - name: Look around\n"
            "      ansible.builtin.command: sh -c 'id -u; ls /sys/class/net; ls -d /proc/[0-9]* | wc -l; cat /proc/1/cmdline'\n"
            "      delegate_to: localhost\n      register: around\n    - name: Tell\n"
            "      ansible.builtin.set_stats: {data: {around: '{{ around.stdout_lines }}'}}\n"
        )
        # An environment that anybody may read, whatever the one of this test run is.
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", f"{folder}/venv"], check=True)
        (library,) = Path(folder).glob("venv/lib/python*/site-packages")
        (library / "drp.pth").write_text(f"{ROOT}\n{SITE_PACKAGES}\n")
        done = subprocess.run(
            ["setpriv", "--reuid=64021", "--regid=64021", "--clear-groups", f"{folder}/venv/bin/python3", "-c", AS_ANYBODY, folder],
            cwd="/", env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.stdout.startswith("True"), done.stdout + done.stderr
    _, _, seen = done.stdout.partition("{'around': ")
    user, *interfaces, processes, first = ast.literal_eval(seen.rstrip().removesuffix("}"))
    assert user == "64021"
    assert int(processes) < 10, "it sees the processes of the machine"
    assert "--forks" in first, "it was not forked from the one that had loaded"
    assert interfaces, "sysfs is the machine's own here, so it tells nothing"
