"""Runbooks on real sandboxes: what a test puts in, runs and looks at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from drp.domain.application import SoftwareImage
from drp.domain.ports import Progress
from drp.domain.runbook import RunbookOrder, RunbookResult, RunbookStep
from drp.domain.sandbox import SandboxHandle, SandboxOrder
from drp.runbooks import AnsibleRunbookRunner
from drp.sandboxes.client import AgentClient
from tests.hospital.install import gnuhealth_image
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.waiting import eventually

DATA_BYTES = 1 << 30
Found = TypeVar("Found")


class OpenSandbox:
    """A run sandbox with a data volume that the test sees from outside."""

    def __init__(self, rig: Rig, *software: SoftwareImage) -> None:
        self.rig = rig
        shape = profile(memory_bytes=(512 << 20) * (1 + len(software)), data_bytes=DATA_BYTES)
        self.handle: SandboxHandle = rig.driver.open(shape, "test", SandboxOrder(software=software))
        self.data = Path(self.handle.data_path)
        self.agent = AgentClient(self.handle.control_socket)

    def write(self, name: str, content: str, mode: int = 0o755) -> None:
        """Put a file into the volume, as the sandbox's user."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        self.own()

    def own(self) -> None:
        """Give everything in the volume to the sandbox's user."""
        root = self.data.stat()
        subprocess.run(["chown", "-hR", f"{root.st_uid}:{root.st_gid}", str(self.data)], check=True)

    def shell(self, script: str) -> str:
        end = self.agent.exec(["/bin/sh", "-c", script], timeout=60)
        assert end.exit_code == 0, end
        return end.stdout.decode()

    def kill(self) -> None:
        """End it as the machine's memory killer would."""
        self.rig.driver._live[self.handle.id].running.kill()


class Driver:
    """Runs runbook steps on one sandbox and keeps what was reported."""

    def __init__(self, sandbox: OpenSandbox, site: Path) -> None:
        self.sandbox, self.site = sandbox, site
        self.runner = AnsibleRunbookRunner([site], site)
        self.reported: list[Progress] = []

    def order(self, kind: str, step: RunbookStep, inputs: dict[str, object], seconds: float = 600) -> RunbookOrder:
        return RunbookOrder(
            kind=kind, step=step, sandbox=self.sandbox.handle, inputs=inputs, timeout=timedelta(seconds=seconds)
        )

    def run(self, kind: str, step: RunbookStep, seconds: float = 600, **inputs: object) -> RunbookResult:
        return self.runner.run(self.order(kind, step, inputs, seconds), self.reported.append, lambda: False)

    def play(self, tasks: str, step: RunbookStep = "start", seconds: float = 600, **inputs: object) -> RunbookResult:
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


def processes_with(mark: str) -> list[str]:
    """Return pid and command line of every other process whose command line holds the mark."""
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
    """Return the private folders of this process's runs."""
    return set(Path("/dev/shm").glob(f"drp-runbook-{os.getpid()}-*"))


def files_below(folder: Path) -> list[Path]:
    """Return regular files only: whoever reads the FIFO takes the order away."""
    paths = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return [path for path in paths if path.is_file()]


def vanish(mark: str) -> list[str]:
    """Return what does not go away of a mark."""
    eventually(lambda: not processes_with(mark))
    return processes_with(mark)


def wait_for(look: Callable[[], Found]) -> Found:
    """Return what ``look`` finds as soon as it finds anything."""
    found = eventually(look)
    assert found
    return found


@pytest.fixture
def gnuhealth_runbooks(rig: Rig, tmp_path: Path) -> Iterator[Driver]:
    """As ``runbooks``, with the software of GNU Health in the sandbox."""
    image = SoftwareImage(image=str(gnuhealth_image().path), at="/opt/gnuhealth", digest="")
    site = tmp_path / "site"
    site.mkdir()
    driver = Driver(OpenSandbox(rig, image), site)
    yield driver
    driver.runner.close()


@pytest.fixture
def runbooks(rig: Rig, tmp_path: Path) -> Iterator[Driver]:
    site = tmp_path / "site"
    site.mkdir()
    driver = Driver(OpenSandbox(rig), site)
    yield driver
    driver.runner.close()
