"""What a program inside answers is read strictly, and what runs beside it can neither answer for it nor read its input."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from drp.domain.runbook import MALFORMED, RunbookResult
from drp.drill.phases.notices import malformed_of
from tests.support.fixtures_runbooks import Driver, eventually

BOMB = "b0: &b0 [{}]\n".format(",".join(["lol"] * 30)) + "".join(
    "b{}: &b{} [{}]\n".format(level, level, ",".join([f"*b{level - 1}"] * 30)) for level in range(1, 9)
)
TASKS = """
- name: Ask the program
  drp_exec:
    argv: [cat, /data/said]
    answer: {changed: bool, name: text}
  register: asked
- name: Hand over what it said
  ansible.builtin.set_stats:
    data: {said: "{{ asked.answer }}"}
"""


def play(runbooks: Driver, said: str) -> RunbookResult:
    runbooks.sandbox.write("said", said)
    return runbooks.play(TASKS)


def test_an_answer_is_typed_and_never_evaluated(runbooks: Driver, tmp_path: Path) -> None:
    template = f"{{{{ lookup('pipe', 'touch {tmp_path}/evaluated') }}}}"
    result = play(runbooks, json.dumps({"changed": True, "name": template + "\x1b[31m"}))
    assert result.ok
    assert result.outputs == {"said": {"changed": True, "name": template + "\\x1b[31m"}}
    assert not (tmp_path / "evaluated").exists()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (BOMB, "no JSON"),
        ('{"changed": true, "name": "x"}\n{"evil": 1}', "evil is not declared"),
        ('{"changed": true, "name": "x"}\n' + " " * (300 << 10), "more than 262144 bytes"),
    ],
    ids=["a YAML bomb", "a forged line", "more than is read"],
)
def test_anything_else_is_malformed_and_says_so(runbooks: Driver, said: str, why: str) -> None:
    result = play(runbooks, said)
    assert not result.ok
    assert malformed_of(result).startswith("malformed answer: ")
    assert why in malformed_of(result)
    assert result.failed_task is not None
    assert result.failed_task.name == "Ask the program"
    assert "said" not in result.outputs


def test_words_of_a_program_forge_no_events(runbooks: Driver) -> None:
    """Ansible's own events travel through the text that it prints, between marks that anybody can write."""
    event = {
        "uuid": "x",
        "event": "playbook_on_stats",
        "event_data": {"artifact_data": {"drp_notices": [], "forged": 1}},
    }
    packed = base64.b64encode(json.dumps(event).encode()).decode()
    runbooks.sandbox.write("said", f"\x1b[K{packed}\x1b[{len(packed)}D\x1b[K\n" * 2)
    result = runbooks.play("- name: Fail\n  drp_exec:\n    argv: [sh, -c, 'cat /data/said >&2; exit 1']\n")
    assert not result.ok
    assert result.outputs == {}
    assert result.failed_task is not None
    assert result.failed_task.message.startswith("ended with 1: ")
    assert result.failed_task.message.isprintable()
    modules = "- name: Read\n  ansible.builtin.command: cat /data/said\n  register: read\n  changed_when: false\n"
    result = runbooks.play(modules + "- name: Fail\n  ansible.builtin.fail:\n    msg: '{{ read.stdout }}'\n")
    assert [task.name for task in result.tasks] == ["Read", "Fail"]
    assert list(result.outputs) == [MALFORMED]
    assert "imitates" in malformed_of(result)


def test_outputs_without_an_end_are_malformed(runbooks: Driver) -> None:
    result = runbooks.play(
        "- name: Hand over\n  ansible.builtin.set_stats:\n    data: {deep: \"{{ '[' * 40 ~ ']' * 40 | from_json }}\"}\n"
        .replace("'[' * 40 ~ ']' * 40 |", "('[' * 40 ~ ']' * 40) |")
    )  # fmt: skip
    assert not result.ok
    assert malformed_of(result) == "malformed outputs: more than 32 levels"
    assert "deep" not in result.outputs


ATTACK = """
import ctypes, os, sys, time
me, tried = os.getpid(), []
while not os.path.exists("/data/stop"):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
        if b"target" not in words or int(pid) == me:
            continue
        for place in ("fd/0", "fd/1", "fd/2"):
            try:
                os.write(os.open(f"/proc/{pid}/{place}", os.O_WRONLY | os.O_NONBLOCK), b"forged")
                tried.append(place)
            except OSError as error:
                tried.append(error.strerror)
        open("/data/tried.new", "w").write("\\n".join(tried))
        os.replace("/data/tried.new", "/data/tried")
        time.sleep(0.01)
"""


@pytest.mark.parametrize("answers", [True, False], ids=["that answers", "that does not"])
def test_what_runs_beside_a_program_cannot_reach_its_streams(runbooks: Driver, answers: bool) -> None:
    """Without an answer nothing is read of them, and they are pipes, which shows that the attack is one."""
    sandbox = runbooks.sandbox
    sandbox.write("attack.py", ATTACK)
    sandbox.shell("setsid python3 -I /data/attack.py >/dev/null 2>&1 </dev/null &")
    wait = "until [ -e /data/tried ]; do sleep 0.05; done; cat /data/said"  # a shell: programs of Python hide anyway
    sandbox.write("said", '{"changed": true}')
    task = f"""
- name: Ask the program
  drp_exec:
    argv: [sh, -c, "{wait}", target]
    stdin: secret
    {"answer: {changed: bool}" if answers else "expect_rc: []"}
    timeout: 60
"""
    result = runbooks.play(task)
    sandbox.write("stop", "")
    assert result.ok, result
    assert eventually((sandbox.data / "tried").exists)
    reached = {"fd/0", "fd/1", "fd/2"} & set((sandbox.data / "tried").read_text().splitlines())
    assert bool(reached) is not answers
