"""Runbooks through a real Ansible in real sandboxes: what they give back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drp.codec import to_data
from drp.domain.ports import Progress
from drp.domain.restore import RestoreOrder, RestoreOutcome
from drp.repositories.restic.features import features_of
from drp.repositories.restic.receipt import judge
from tests.support.fixtures_runbooks import Driver

pytestmark = pytest.mark.real

TOOL = """#!/bin/sh
for step in 1 2 3 4; do
  printf '{"message_type":"status","total_files":4,"files_restored":%s,"total_bytes":400,"bytes_restored":%s00}\\n' $step $step
  while [ -n "${DRP_TEST_GO-}" ] && [ ! -e "$DRP_TEST_GO-${step}00" ]; do sleep 0.05; done
  sleep 0.3 # reports come no closer together than a quarter of a second
done
printf '{"message_type":"error","error":{"message":"ciphertext verification failed"},"item":"/srv/a"}\\n' >&2
echo 'Fatal: there was 1 error' >&2
printf '{"message_type":"summary","files_restored":4,"note":"{{ lookup(\\"pipe\\", \\"touch %s\\") }}"}\\n' "$DRP_TEST_MARK"
exit ${DRP_TEST_EXIT:-0}
"""


def restore_inputs(exit_code: int, mark: Path | str = "/tmp/never", go: str = "") -> dict[str, object]:
    environment = {"DRP_TEST_EXIT": str(exit_code), "DRP_TEST_MARK": str(mark), "DRP_TEST_GO": go}
    order = RestoreOrder(argv=("/data/tool",), environment=environment, progress="restic-json")
    return {"order": to_data(order), "restored_root": "/data/files"}


def test_a_restore_reports_while_it_runs_and_hands_over_its_outcome(runbooks: Driver, tmp_path: Path) -> None:
    runbooks.sandbox.write("tool", TOOL)
    counted: list[int | None] = []
    order = runbooks.order("files", "restore", restore_inputs(0, tmp_path / "evaluated", "/data/go"))

    def report(item: Progress) -> None:
        if item.total_bytes == 400:
            counted.append(item.done_bytes)
            runbooks.sandbox.write(f"go-{item.done_bytes}", "the tool goes on once it was heard")

    result = runbooks.runner.run(order, report, lambda: False)
    assert result.ok
    assert counted == [100, 200, 300, 400]
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


@pytest.mark.parametrize("lost", [0, 1])
def test_what_no_sandbox_can_make_fails_no_restore(runbooks: Driver, lost: int) -> None:
    def error(item: str, message: str) -> str:
        return json.dumps({"message_type": "error", "error": {"message": message}, "item": item})

    errors = [error(f"/srv/dev{n}", f"mknod /data/files/srv/dev{n}: operation not permitted") for n in range(150)]
    capability = "xattr.LSet /data/files/srv/x security.capability: operation not permitted"
    errors += [error(f"/srv/x{number}", capability) for number in range(150)]
    errors += [error("/srv/late", "ciphertext verification failed\ngithub.com/restic/restic/x\n\t/build/x.go:1")] * lost
    final = {"message_type": "exit_error", "code": 1, "message": f"Fatal: There were {300 + lost} errors"}
    runbooks.sandbox.write("said", "\n".join([*errors, json.dumps(final)]) + "\n")
    runbooks.sandbox.write("tool", "#!/bin/sh\ncat /data/said >&2\nexit 1\n")
    result = runbooks.run("files", "restore", **restore_inputs(0))
    outcome = result.outputs["drp_restore"]
    assert isinstance(outcome, dict)
    features = features_of("restic 0.18.0 compiled with go1.24.4 on linux/amd64")
    given = RestoreOutcome(
        exit_code=1, summary=outcome["summary"], errors=tuple(outcome["errors"]), tail=tuple(outcome["tail"])
    )
    receipt = judge(given, repository="main", features=features, still_there=lambda: None)
    assert result.ok is not bool(lost)
    assert receipt.unrestored == ("/srv/late: ciphertext verification failed",) * lost


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
    tolerated = "- name: Try\n  drp_exec: {argv: ['false']}\n  ignore_errors: true\n"
    assert not runbooks.play(tolerated).ok, "a playbook in which nothing ended well has done nothing"
    result = runbooks.play(tolerated + "- name: Do it\n  drp_exec: {argv: ['true']}\n")
    assert result.ok
    assert result.failed_task is None


def test_ordinary_modules_work_in_a_sandbox(runbooks: Driver) -> None:
    tasks = "- name: Write a file\n  ansible.builtin.copy: {dest: /data/note, content: 'from {{ drp_inputs.ward }}', mode: '0600'}\n"
    first = runbooks.play(tasks, ward="cardiology")
    again = runbooks.play(tasks, ward="cardiology")
    assert [first.tasks[0].outcome, again.tasks[0].outcome] == ["changed", "ok"]
    assert (runbooks.sandbox.data / "note").read_text() == "from cardiology"


def test_inputs_are_validated_before_anything_runs(runbooks: Driver) -> None:
    result = runbooks.run("postgres", "start", restored_root="/data", port="not a port")
    assert not result.ok
    assert result.failed_task is not None
    assert result.failed_task.name.startswith("Validating arguments")
    assert "postgres_port" in result.failed_task.message


def test_a_restored_tree_is_there_or_not(runbooks: Driver) -> None:
    runbooks.sandbox.write("files/srv/share/letter.txt", "dear colleague")
    assert runbooks.run("files", "start", restored_root="/data/files/srv/share").ok
    absent = runbooks.run("files", "start", restored_root="/data/files/srv/other")
    assert absent.failed_task is not None
    assert "No such file" in absent.failed_task.message
    (runbooks.sandbox.data / "files/srv/share/letter.txt").unlink()
    empty = runbooks.run("files", "start", restored_root="/data/files/srv/share")
    assert empty.failed_task is not None
    assert "is empty" in empty.failed_task.message
    assert runbooks.run("files", "stop", restored_root="/data/files/srv/share").ok


def test_the_site_comes_before_what_is_shipped(runbooks: Driver) -> None:
    folder = runbooks.site / "files"
    folder.mkdir()
    (folder / "start.yml").write_text(
        "- name: Ours\n  hosts: sandbox\n  gather_facts: false\n  tasks:\n    - name: Speak\n"
        "      ansible.builtin.set_stats: {data: {whose: ours}}\n"
    )
    assert runbooks.run("files", "start").outputs == {"whose": "ours"}
    assert runbooks.run("files", "stop", restored_root="/data").ok
