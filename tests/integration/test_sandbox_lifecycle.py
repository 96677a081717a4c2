"""A sandbox from open to destroyed: what it is inside, what it answers, what it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.errors import SandboxError
from drp.sandboxes.client import AgentClient
from drp.sandboxes.host import cgroups, layout
from tests.support.descriptors import open_descriptors
from tests.support.fixtures_sandboxes import Rig
from tests.support.waiting import eventually

pytestmark = pytest.mark.real


def test_open_run_destroy(rig: Rig) -> None:
    handle = rig.open()
    assert rig.shell(handle, "id -u").strip() == "999"
    assert rig.driver.target(handle).run(["cat"], stdin=b"x" * 300_000).stdout == b"x" * 300_000
    assert rig.driver.target(handle).run(["/bin/sh", "-c", "exit 7"]).exit_code == 7
    assert rig.driver.target(handle).run(["/bin/sh", "-c", "kill -9 $$"]).exit_code == -9
    assert rig.driver.target(handle).run(["sleep", "60"], timeout_seconds=0.3).timed_out
    assert rig.driver.target(handle).run(["env"], environment={"ANSWER": "42"}).stdout.count(b"ANSWER=42") == 1
    residue = rig.driver.destroy(handle)
    assert residue.clean
    assert rig.driver.destroy(handle).clean
    with pytest.raises(SandboxError, match="not open here"):
        rig.driver.target(handle)
    with pytest.raises(SandboxError, match="gone"):
        AgentClient(handle.control_socket).ping()


def test_a_missing_program_is_a_failed_command_not_a_lost_sandbox(rig: Rig) -> None:
    handle = rig.open()
    ended = rig.driver.target(handle).run(["no-such-program"])
    assert ended.exit_code == 127
    assert b"FileNotFoundError" in ended.stderr
    assert rig.shell(handle, "echo still here").strip() == "still here"


def test_nothing_of_the_host_is_visible(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTIC_PASSWORD", "canary-secret-of-the-host")
    handle = rig.open()
    seen = rig.shell(
        handle,
        "cat /proc/*/environ /proc/*/cmdline /proc/self/mountinfo 2>/dev/null | tr '\\0' '\\n'; ls -l /proc/*/fd 2>/dev/null;"
        " ls / /etc /run /tmp /run/drp",
    )
    assert "canary-secret-of-the-host" not in seen
    assert "control" not in seen
    assert "shadow" not in seen
    assert str(rig.run_directory.parent) not in seen.split("mountinfo")[0].splitlines()[0]
    assert rig.shell(handle, "touch /usr/x /etc/x /x /dev/x; echo").count("Read-only file system") == 4


def test_output_is_seen_live_and_bounded(rig: Rig) -> None:
    client = AgentClient(rig.open().control_socket)
    seen: list[tuple[str, bytes]] = []
    ended = client.exec(
        ["/bin/sh", "-c", "echo one; echo two >&2; sleep 0.2; echo three"], on_output=lambda *part: seen.append(part)
    )
    assert ended.exit_code == 0
    assert ("stdout", b"one\n") in seen
    assert ("stderr", b"two\n") in seen
    flood = client.exec(["/bin/sh", "-c", "yes drp | head -c 200000000"], timeout=60)
    assert (flood.exit_code, flood.truncated) == (-9, True)
    assert len(flood.stdout) <= 64 << 20
    assert b"more than 64 MiB" in flood.stderr
    assert client.ping()["rc"] == 0


def test_what_is_streamed_is_passed_on_whole_and_waits_for_whoever_takes_it(rig: Rig) -> None:
    target = rig.driver.target(rig.open())
    sizes: list[int] = []
    size = 80 << 20
    argv = ["/bin/sh", "-c", f"echo said >&2; yes drp | head -c {size}"]
    ended = target.stream(argv, receive=lambda data: sizes.append(len(data)), timeout_seconds=60)
    assert (ended.exit_code, ended.stdout, ended.stderr, sum(sizes)) == (0, b"", b"said\n", size)

    def full(_: bytes) -> None:
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        target.stream(["/bin/sh", "-c", "yes drp; exec sleep 1000"], receive=full, timeout_seconds=60)
    while b"yes" in target.run(["/bin/sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null"]).stdout:
        pass  # the command goes with its caller


def test_daemons_survive_their_command_and_die_with_the_sandbox(rig: Rig) -> None:
    handle = rig.open()
    rig.shell(handle, "setsid sleep 1000 & echo started")
    assert "sleep" in rig.shell(handle, "cat /proc/*/comm 2>/dev/null")
    assert rig.driver.destroy(handle).clean


def test_a_caller_that_hangs_up_ends_its_command(rig: Rig) -> None:
    handle = rig.open()
    client = AgentClient(handle.control_socket)

    def vanish(_stream: str, _data: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.exec(["/bin/sh", "-c", "echo go; sleep 1000"], on_output=vanish)
    for _ in range(100):
        if "sleep" not in rig.shell(handle, "cat /proc/[0-9]*/comm 2>/dev/null"):
            return
    pytest.fail("the command went on")


def test_files_go_in_and_out(rig: Rig, tmp_path: Path) -> None:
    client = AgentClient(rig.open().control_socket)
    content = bytes(range(256)) * 40_000
    (tmp_path / "in").write_bytes(content)
    client.put(tmp_path / "in", "/tmp/copy", mode=0o640)
    assert client.get("/tmp/copy", tmp_path / "out") == len(content)
    assert (tmp_path / "out").read_bytes() == content
    with pytest.raises(SandboxError, match="larger than"):
        client.get("/tmp/copy", tmp_path / "out", limit=1000)
    with pytest.raises(SandboxError, match="cannot read /nope"):
        client.get("/nope", tmp_path / "out")
    with pytest.raises(SandboxError, match="cannot write"):
        client.put(b"x", "/usr/nope")


def test_two_sandboxes_are_two_users_that_share_nothing(rig: Rig) -> None:
    first, second = rig.open(), rig.open()
    rig.shell(first, "echo patient > /data/files/file")
    assert rig.shell(second, "ls /data/files") == ""
    owners = {Path(handle.data_path).stat().st_uid for handle in (first, second)}
    assert len(owners) == 2
    assert 0 not in owners


def test_a_failed_open_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise SandboxError("no network")

    before = open_descriptors()
    monkeypatch.setattr(rig.driver, "_require_network", fail)
    with pytest.raises(SandboxError, match="no network"):
        rig.open()
    assert eventually(lambda: not open_descriptors() - before), "nothing holds its network"
    home = layout.home(rig.run_directory)
    assert not home.exists()
    assert not any(cgroups.find(name) for name in cgroups.sandboxes() if (home / name).exists())


def test_bubblewraps_own_words_reach_the_user(rig: Rig) -> None:
    with pytest.raises(SandboxError, match=r"did not start: .*"):
        rig.open(run_as=-5)
