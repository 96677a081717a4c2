"""Real sandboxes of the least kind for runbooks: bubblewrap and the agent, without limits or proof."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import drp.sandboxes.payload
from drp.domain.ports import Progress
from drp.domain.runbook import RunbookOrder, RunbookResult, RunbookStep
from drp.domain.sandbox import SandboxHandle
from drp.runbooks import AnsibleRunbookRunner
from drp.sandboxes.client import AgentClient

AGENT = Path(drp.sandboxes.payload.__file__).with_name("agent.py")
UID = 64010


class LeastSandbox:
    """bubblewrap around the agent, with a data volume; the host sees the volume too."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="drp-least-"))
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        os.chown(self.data, UID, UID)
        self.socket = self.folder / "control"
        self.lifeline = -1
        self.process = self._start()
        self.agent = AgentClient(self.socket)
        self.agent.ping()

    def _start(self) -> subprocess.Popen[bytes]:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.socket))
        listener.listen(64)
        lifeline, self.lifeline = os.pipe()
        arguments = "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup --uid 999 --gid 999"
        arguments += (
            " --cap-drop ALL --die-with-parent --new-session --clearenv --setenv PATH /usr/bin:/bin --setenv HOME /tmp"
        )
        arguments += " --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64"
        arguments += " --dir /etc --ro-bind-try /etc/alternatives /etc/alternatives --proc /proc --dev /dev"
        arguments += " --tmpfs /tmp --tmpfs /run --perms 1777 --tmpfs /dev/shm"
        passwd = self.folder / "passwd"
        passwd.write_text("sandbox:x:999:999::/tmp:/bin/sh\n")
        passwd.chmod(0o644)
        process = subprocess.Popen(
            [
                *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "bwrap", *arguments.split()),
                *("--ro-bind", str(passwd), "/etc/passwd", "--ro-bind", str(AGENT), "/run/drp/agent.py"),
                *("--bind", str(self.data), "/data", "/usr/bin/python3", "-I", "/run/drp/agent.py"),
                *(str(listener.fileno()), str(lifeline)),
            ],
            pass_fds=(listener.fileno(), lifeline),
            stdin=subprocess.DEVNULL,
            env={},
        )
        listener.close()
        os.close(lifeline)
        return process

    @property
    def handle(self) -> SandboxHandle:
        return SandboxHandle(
            id="least", role="run", driver="least", control_socket=str(self.socket), data_path=str(self.data)
        )

    def write(self, name: str, content: str, mode: int = 0o755) -> None:
        """Put a file into the volume, as the sandbox's user."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        self.own()

    def own(self) -> None:
        subprocess.run(["chown", "-R", f"{UID}:{UID}", str(self.data)], check=True)

    def shell(self, script: str) -> str:
        end = self.agent.exec(["/bin/sh", "-c", script], timeout=60)
        assert end.exit_code == 0, end
        return end.stdout.decode()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1
        self.process.wait(10)
        shutil.rmtree(self.folder)


class Driver:
    """Runs runbook steps on one sandbox and keeps what was reported."""

    def __init__(self, sandbox: LeastSandbox, site: Path) -> None:
        self.sandbox, self.site = sandbox, site
        self.runner = AnsibleRunbookRunner([site], site)
        self.reported: list[Progress] = []

    def order(self, kind: str, step: RunbookStep, inputs: dict[str, object], seconds: float = 120) -> RunbookOrder:
        return RunbookOrder(
            kind=kind, step=step, sandbox=self.sandbox.handle, inputs=inputs, timeout=timedelta(seconds=seconds)
        )

    def run(self, kind: str, step: RunbookStep, seconds: float = 120, **inputs: object) -> RunbookResult:
        return self.runner.run(self.order(kind, step, inputs, seconds), self.reported.append, lambda: False)

    def play(self, tasks: str, step: RunbookStep = "start", seconds: float = 120, **inputs: object) -> RunbookResult:
        """Run tasks (YAML) as a runbook of the site."""
        self.write(tasks, step)
        return self.run("ward", step, seconds, **inputs)

    def write(self, tasks: str, step: RunbookStep = "start") -> None:
        folder = self.site / "ward"
        folder.mkdir(exist_ok=True)
        lines = "\n".join("    " + line for line in tasks.strip("\n").splitlines())
        (folder / f"{step}.yml").write_text(
            f"- name: Ward\n  hosts: sandbox\n  gather_facts: false\n  tasks:\n{lines}\n"
        )


@pytest.fixture
def least_sandbox() -> Iterator[LeastSandbox]:
    sandbox = LeastSandbox()
    try:
        yield sandbox
    finally:
        sandbox.close()


@pytest.fixture
def runbooks(least_sandbox: LeastSandbox, tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(least_sandbox, tmp_path)
    yield driver
    driver.runner.close()
