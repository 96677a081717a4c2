"""Nothing inside says that it is a drill: a program that looks for signs finds none, in every kind of sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drp.domain.sandbox import SandboxHandle, SandboxOrder
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.signs import PROGRAM, unexpected

pytestmark = pytest.mark.real
ALONE = SandboxOrder(hostname="engine")


def opened(rig: Rig, order: SandboxOrder = ALONE, **changes: object) -> SandboxHandle:
    handle = rig.driver.open(profile(memory_bytes=512 << 20, **changes), "drill.engine", order)
    assert rig.driver.prove(handle).holds, "what proves it must be gone before anybody looks"
    path = Path(handle.data_path) / "files" / "server.py"
    path.write_text(PROGRAM.read_text())
    path.chmod(0o644)
    return handle


def found(rig: Rig, handle: SandboxHandle, **environment: str) -> list[list[str]]:
    argv = ["/usr/bin/python3", "/data/files/server.py", "once"]
    ended = rig.driver.target(handle).run(argv, environment=environment)
    assert ended.exit_code == 0, ended.stderr
    signs: list[list[str]] = json.loads(ended.stdout)
    return signs


@pytest.mark.parametrize(
    ("order", "shape"),
    [
        (ALONE, {}),
        (ALONE, {"identity": "range", "run_as": 105}),
        (ALONE, {"data_backing": "disk"}),
        (SandboxOrder(hostname="engine", pod="drill-1"), {}),
    ],
    ids=["alone", "range", "disk", "pod"],
)
def test_a_program_that_looks_for_signs_finds_none(rig: Rig, order: SandboxOrder, shape: dict[str, object]) -> None:
    handle = opened(rig, order, **shape)
    assert unexpected(found(rig, handle)) == []
    assert rig.shell(handle, "hostname; cat /etc/hostname; id -un; ls /run").split() == ["engine", "engine", "daemon"]


def test_what_tells_is_found(rig: Rig) -> None:
    handle = opened(rig)
    rig.shell(handle, "mkdir /run/drp; setsid /bin/sh -c 'sleep 60; :' verifier >/dev/null 2>&1 &")
    places = {place for place, _ in unexpected(found(rig, handle, MODE="drill"))}
    assert {"environment drill", "name drp", "process cmdline verif"} <= places


def test_nobody_looks_into_the_agent_or_its_programs(rig: Rig) -> None:
    """Words of the first processes are as anywhere; a program of drp hides before it reads its first request."""
    handle = opened(rig)
    script = "for p in 1 2; do cat /proc/$p/cmdline | tr -d '\\0'; cat /proc/$p/comm; ls /proc/$p/fd; cat /proc/$p/environ; done 2>&1"
    seen = rig.shell(handle, script).splitlines()
    assert [line for line in seen if "denied" not in line] == ["initinit", "initinit"]
    assert sum("denied" in line for line in seen) == 4
    program = "import os; print(open('/proc/self/cmdline').read().strip(chr(0)), os.stat('/proc/self/mem').st_uid)"
    argv = ["/usr/bin/python3", "-I", "-S", "-c", program + "; import sys; print(sys.argv)", "a word", "é"]
    ended = rig.driver.target(handle).run(argv)
    assert ended.stdout.decode().splitlines() == ["/usr/bin/python3 65534", "['-c', 'a word', 'é']"]
