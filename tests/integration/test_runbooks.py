"""Runbooks through a real Ansible in real sandboxes: what they give back, and what happens when they go wrong."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from drp.codec import to_data
from drp.domain.ports import Progress
from drp.domain.restore import RestoreOrder
from drp.errors import Interrupted, RunbookError
from drp.redact import remember
from drp.runbooks import AnsibleRunbookRunner
from tests.support.fixtures_runbooks import Driver
from tests.support.fixtures_sandboxes import ROOT, SITE_PACKAGES

pytestmark = pytest.mark.real
Found = TypeVar("Found")

TOOL = """#!/bin/sh
for step in 1 2 3 4; do
  printf '{"message_type":"status","total_files":4,"files_restored":%s,"total_bytes":400,"bytes_restored":%s00}\\n' $step $step
  sleep 0.4
done
printf '{"message_type":"error","error":{"message":"ciphertext verification failed"},"item":"/srv/a"}\\n' >&2
echo 'Fatal: there was 1 error' >&2
printf '{"message_type":"summary","files_restored":4,"note":"{{ lookup(\\"pipe\\", \\"touch %s\\") }}"}\\n' "$DRP_TEST_MARK"
exit ${DRP_TEST_EXIT:-0}
"""


def processes_with(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if mark in words:
                found.append(f"{entry.name}: {words}")
    return found


def folders() -> set[Path]:
    return set(Path("/dev/shm").glob("drp-runbook-*"))


def files_below(folder: Path) -> list[Path]:
    """Return regular files only: whoever reads the FIFO takes the order away."""
    paths = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return [path for path in paths if path.is_file()]


def vanish(mark: str, seconds: float = 3.0) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := processes_with(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@contextmanager
def soon(seconds: float, action: object) -> Iterator[None]:
    timer = threading.Timer(seconds, action)  # type: ignore[arg-type]
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def restore_inputs(exit_code: int, mark: Path | str = "/tmp/never") -> dict[str, object]:
    environment = {"DRP_TEST_EXIT": str(exit_code), "DRP_TEST_MARK": str(mark)}
    order = RestoreOrder(argv=("/data/tool",), environment=environment, progress="restic-json")
    return {"order": to_data(order), "restored_root": "/data/restore"}


def test_a_restore_reports_while_it_runs_and_hands_over_its_outcome(runbooks: Driver, tmp_path: Path) -> None:
    runbooks.sandbox.write("tool", TOOL)
    seen: list[tuple[float, Progress]] = []
    order = runbooks.order("files", "restore", restore_inputs(0, tmp_path / "evaluated"))
    started = time.monotonic()
    result = runbooks.runner.run(order, lambda item: seen.append((time.monotonic() - started, item)), lambda: False)
    ended = time.monotonic() - started
    assert result.ok
    counted = [(at, item) for at, item in seen if item.total_bytes == 400]
    assert [item.done_bytes for _, item in counted] == [100, 200, 300, 400]
    assert counted[0][0] < ended - 1.2, "the first sign came only when it was over"
    outcome = result.outputs["drp_restore"]
    assert isinstance(outcome, dict)
    assert outcome["exit_code"] == 0
    assert outcome["summary"]["files_restored"] == 4
    assert outcome["summary"]["note"].startswith("{{ lookup"), "a template from the backup was touched"
    assert not (tmp_path / "evaluated").exists()
    first, last = outcome["errors"]
    assert json.loads(first)["item"] == "/srv/a", "errors are kept as they were printed"
    assert last == "Fatal: there was 1 error"
    assert outcome["tail"] == ["Fatal: there was 1 error"]
    assert result.duration_ms > result.harness_ms > 0


def test_a_restore_that_fails_is_a_result_with_its_task_and_outcome(runbooks: Driver) -> None:
    runbooks.sandbox.write("tool", TOOL)
    result = runbooks.run("postgres", "restore", **restore_inputs(3))
    assert not result.ok
    assert result.failed_task is not None
    assert result.failed_task.name == "Require that the backup tool reports no failure"
    assert result.failed_task.message == "the backup tool ended with 3: /srv/a: ciphertext verification failed"
    assert result.outputs["drp_restore"]["exit_code"] == 3  # type: ignore[index]


def test_a_tool_that_restores_in_silence_shows_by_what_it_writes(runbooks: Driver) -> None:
    runbooks.sandbox.write(
        "tool", "#!/bin/sh\nfor i in 1 2 3; do head -c 8000000 /dev/urandom >/data/f$i; sync; sleep 1.5; done\n"
    )
    result = runbooks.run("files", "restore", order={"argv": ["/data/tool"]})
    assert result.ok
    grown = [item.done_bytes for item in runbooks.reported if item.done_bytes]
    assert grown
    assert max(grown) >= 8_000_000


def test_a_missing_tool_is_a_failed_restore(runbooks: Driver) -> None:
    result = runbooks.run("files", "restore", order={"argv": ["/data/absent"]})
    assert not result.ok
    assert result.outputs["drp_restore"]["exit_code"] == 127  # type: ignore[index]


def test_endless_output_stays_out_of_results(runbooks: Driver) -> None:
    result = runbooks.play(
        "- name: Shout\n  drp_exec:\n    argv: [head, -c, '20000000', /dev/zero]\n  register: shout\n"
        "- name: Measure\n  ansible.builtin.set_stats:\n    data: {length: '{{ shout.stdout | length }}'}\n"
    )
    assert result.ok
    assert result.outputs == {"length": 65536}


def test_a_flood_of_errors_keeps_the_first_and_the_count(runbooks: Driver) -> None:
    lines = 'seq 1 5000 | sed \'s|.*|{"message_type":"error","error":{"message":"bad blob"},"item":"/srv/&"}|\' >&2'
    final = '{"message_type":"exit_error","code":1,"message":"Fatal: There were 5000 errors"}'
    runbooks.sandbox.write("tool", f"#!/bin/sh\n{lines}\necho '{final}' >&2\nexit 1\n")
    outcome = runbooks.run("files", "restore", **restore_inputs(0)).outputs["drp_restore"]
    assert isinstance(outcome, dict)
    assert len(outcome["errors"]) == 200
    assert outcome["errors"][0].endswith('"item":"/srv/1"}')
    assert outcome["tail"] == [final]


def test_the_failing_task_is_named_with_its_last_words(runbooks: Driver) -> None:
    result = runbooks.play(
        "- name: Do a first thing\n  drp_exec: {argv: ['true']}\n"
        "- name: Mount the archive\n  drp_exec: {argv: [sh, -c, 'echo no such medium >&2; exit 7']}\n"
        "- name: Never get here\n  drp_exec: {argv: ['true']}\n"
    )
    assert not result.ok
    assert [task.outcome for task in result.tasks] == ["changed", "failed"]
    assert result.failed_task is not None
    assert (result.failed_task.name, result.failed_task.message) == (
        "Mount the archive",
        "ended with 7: no such medium",
    )


def test_a_tolerated_failure_is_none(runbooks: Driver) -> None:
    result = runbooks.play("- name: Try\n  drp_exec: {argv: ['false']}\n  ignore_errors: true\n")
    assert result.ok
    assert result.failed_task is None


def test_ordinary_modules_work_in_a_sandbox(runbooks: Driver) -> None:
    tasks = "- name: Write a file\n  ansible.builtin.copy: {dest: /data/note, content: 'from {{ drp_inputs.ward }}', mode: '0600'}\n"
    first = runbooks.play(tasks, ward="cardiology")
    again = runbooks.play(tasks, ward="cardiology")
    assert [first.tasks[0].outcome, again.tasks[0].outcome] == ["changed", "ok"]
    assert (runbooks.sandbox.data / "note").read_text() == "from cardiology"


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


def test_a_step_beyond_its_time_leaves_nothing_running(runbooks: Driver) -> None:
    mark = f"48151{os.getpid()}"
    before = folders()
    tasks = (
        f"- name: Leave a daemon on the controller\n  ansible.builtin.shell: setsid sleep {mark} >/dev/null 2>&1 </dev/null &\n"
        f"  delegate_to: localhost\n- name: Hang in the sandbox\n  drp_exec: {{argv: [sleep, '{mark}']}}\n"
    )
    started = time.monotonic()
    with pytest.raises(RunbookError, match=r"exceeded its time limit of 4 s during task 'Hang in the sandbox'"):
        runbooks.play(tasks, seconds=4)
    assert time.monotonic() - started < 8
    assert vanish(mark) == []
    assert folders() == before


def test_hanging_on_the_controller_ends_at_the_time_limit(runbooks: Driver) -> None:
    mark = f"16234{os.getpid()}"
    with pytest.raises(RunbookError, match="Hang here"):
        runbooks.play(
            f"- name: Hang here\n  ansible.builtin.command: sleep {mark}\n  delegate_to: localhost\n", seconds=4
        )
    assert vanish(mark) == []


def test_cancelling_interrupts_and_leaves_nothing_running(runbooks: Driver) -> None:
    mark = f"23421{os.getpid()}"
    wanted = threading.Event()
    runbooks.write(f"- name: Take long\n  drp_exec: {{argv: [sleep, '{mark}']}}\n")
    with soon(2.5, wanted.set):
        started = time.monotonic()
        with pytest.raises(Interrupted, match="Take long"):
            runbooks.runner.run(runbooks.order("ward", "start", {}), runbooks.reported.append, wanted.is_set)
    assert 2 < time.monotonic() - started < 5
    assert vanish(mark) == []


def test_a_sandbox_that_is_gone_is_an_error(runbooks: Driver) -> None:
    runbooks.sandbox.kill()
    with pytest.raises(RunbookError, match=r"lost during task 'Find the restored tree': the sandbox"):
        runbooks.run("files", "start", restored_root="/data")


def test_a_sandbox_that_dies_in_the_middle_is_an_error(runbooks: Driver) -> None:
    with soon(2.5, runbooks.sandbox.kill), pytest.raises(RunbookError, match=r"sandbox was lost .*'Take long'"):
        runbooks.play("- name: Take long\n  drp_exec: {argv: [sleep, '60']}\n")


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


def test_a_broken_playbook_is_an_error_that_says_where(runbooks: Driver) -> None:
    runbooks.write("- name: Broken\n  drp_exec: [unclosed\n")
    with pytest.raises(RunbookError, match=r"before it came to a result: .*(YAML|yaml)"):
        runbooks.run("ward", "start")


def test_missing_runbooks_and_a_missing_ansible_are_errors(runbooks: Driver, tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match=r"there is no runbook dialysis/start\.yml in .*runbooks"):
        runbooks.run("dialysis", "start")
    with pytest.raises(RunbookError, match="cannot be the name"):
        runbooks.run("../etc", "start")
    without = AnsibleRunbookRunner([], tmp_path, python=Path("/usr/bin/python3"))
    order = runbooks.order("files", "start", {"restored_root": "/data"})
    with pytest.raises(RunbookError, match=r"ansible-core cannot be loaded: No module named 'ansible'"):
        without.run(order, runbooks.reported.append, lambda: False)
    absent = AnsibleRunbookRunner([], tmp_path, python=tmp_path / "python3")
    with pytest.raises(RunbookError, match=r"failed to execute .*python3: No such file"):
        absent.run(order, runbooks.reported.append, lambda: False)


def test_an_ansible_started_ahead_is_used_or_dismissed_without_a_trace(runbooks: Driver) -> None:
    runbooks.sandbox.write("restore/a", "a")
    before = folders()
    runbooks.runner.warm_up()
    ahead = _wait_for(lambda: folders() - before)
    assert runbooks.run("files", "start", restored_root="/data/restore").ok
    assert folders() == before, "the one started ahead was not used"
    runbooks.runner.warm_up()
    (folder,) = _wait_for(lambda: folders() - before)
    assert folder not in ahead
    runbooks.runner.close()
    assert folders() == before
    assert vanish(str(folder)) == []


def test_an_ansible_that_died_while_it_waited_is_replaced(runbooks: Driver) -> None:
    runbooks.sandbox.write("restore/a", "a")
    before = folders()
    runbooks.runner.warm_up()
    (folder,) = _wait_for(lambda: folders() - before)
    _wait_for(lambda: processes_with(f"{folder}/order"))
    for line in processes_with(f"{folder}/order"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(line.partition(":")[0]), signal.SIGKILL)
    assert vanish(str(folder)) == []
    time.sleep(1)
    assert runbooks.run("files", "start", restored_root="/data/restore").ok
    assert folders() == before


def test_what_a_killed_drp_left_in_memory_is_swept(runbooks: Driver) -> None:
    left = Path("/dev/shm/drp-runbook-left")
    (left / "artifacts").mkdir(parents=True, mode=0o700)
    runbooks.sandbox.write("restore/a", "a")
    assert runbooks.run("files", "start", restored_root="/data/restore").ok
    assert not left.exists()


def _wait_for(look: Callable[[], Found], seconds: float = 10) -> Found:
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found
    return found


def test_inputs_are_validated_before_anything_runs(runbooks: Driver) -> None:
    result = runbooks.run("postgres", "start", restored_root="/data", port="not a port")
    assert not result.ok
    assert result.failed_task is not None
    assert result.failed_task.name.startswith("Validating arguments")
    assert "postgres_port" in result.failed_task.message


def test_a_restored_tree_is_there_or_not(runbooks: Driver) -> None:
    runbooks.sandbox.write("restore/srv/share/letter.txt", "dear colleague")
    assert runbooks.run("files", "start", restored_root="/data/restore/srv/share").ok
    absent = runbooks.run("files", "start", restored_root="/data/restore/srv/other")
    assert absent.failed_task is not None
    assert "No such file" in absent.failed_task.message
    (runbooks.sandbox.data / "restore/srv/share/letter.txt").unlink()
    empty = runbooks.run("files", "start", restored_root="/data/restore/srv/share")
    assert empty.failed_task is not None
    assert "is empty" in empty.failed_task.message
    assert runbooks.run("files", "stop", restored_root="/data/restore/srv/share").ok


def test_the_site_comes_before_what_is_shipped(runbooks: Driver) -> None:
    folder = runbooks.site / "files"
    folder.mkdir()
    (folder / "start.yml").write_text(
        "- name: Ours\n  hosts: sandbox\n  gather_facts: false\n  tasks:\n    - name: Speak\n"
        "      ansible.builtin.set_stats: {data: {whose: ours}}\n"
    )
    assert runbooks.run("files", "start").outputs == {"whose": "ours"}
    assert runbooks.run("files", "stop", restored_root="/data").ok


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
            "      ansible.builtin.command: sh -c 'id -u; ls /sys/class/net; ls -d /proc/[0-9]* | wc -l'\n"
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
    user, *interfaces, processes = ast.literal_eval(seen.rstrip().removesuffix("}"))
    assert user == "64021"
    assert int(processes) < 10, "it sees the processes of the machine"
    assert interfaces, "sysfs is the machine's own here, so it tells nothing"
