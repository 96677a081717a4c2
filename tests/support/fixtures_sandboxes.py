"""Real sandboxes for tests: a driver on a run directory of its own, and workers in namespaces of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drp.domain.restore import SecretReference
from drp.domain.sandbox import DEFAULT_DRIVER, SandboxHandle, SandboxProfile
from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
from drp.sandboxes.host import layout, mounts
from drp.sandboxes.host.worker import worker_command
from drp.sandboxes.registry import driver
from tests.support.scratch import scratch

ROOT = Path(__file__).resolve().parents[2]
SITE_PACKAGES = Path(pytest.__file__).resolve().parents[1]
DRIVERS = ROOT / "tests" / "support" / "drivers"
"""A distribution with the driver `bare-namespaces`, which is not drp's; it is installed by being on the path."""
SYSTEM_PYTHON = "/usr/bin/python3"


def profile(**changes: Any) -> SandboxProfile:
    """A small sandbox."""
    return SandboxProfile(
        **{"name": "test", "memory_bytes": 256 << 20, "processes": 128, "data_bytes": 32 << 20, **changes}
    )


def resolve(reference: SecretReference) -> str:
    return "resolved:" + "/".join(reference.value)


@dataclass
class Rig:
    """A driver, and what must be gone in the end."""

    driver: BubblewrapSandbox
    run_directory: Path

    def open(self, **changes: Any) -> SandboxHandle:
        return self.driver.open(profile(**changes), "test")

    def shell(self, handle: SandboxHandle, script: str, timeout: float = 30.0) -> str:
        ended = self.driver.target(handle).run(["/bin/sh", "-c", script], timeout_seconds=timeout)
        return (ended.stdout + ended.stderr).decode("utf-8", "replace")

    def begin(self, handle: SandboxHandle, command: str, until: str = "ready") -> str:
        """Start a program that stays; return what it said up to the line that holds a word, or all if it ended."""
        pipe = "said=$(mktemp -u /tmp/said.XXXXXX); mkfifo $said"
        return self.shell(handle, f"{pipe}; setsid {command} > $said 2>&1 & sed '/{until}/q' < $said")


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(kind: Callable[..., Any] = BubblewrapSandbox, **arguments: Any) -> Rig:
        run_directory = tmp_path / f"run{len(rigs)}"
        rig = Rig(kind(run_directory, resolve=resolve, **arguments), run_directory)
        rigs.append(rig)
        return rig

    yield make
    for rig in rigs:
        for live in list(rig.driver._live.values()):
            assert rig.driver.destroy(live.handle).clean
        home = layout.home(rig.run_directory)
        assert mounts.below(home) == ()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def other_driver(monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a driver of another package, and return its name."""
    monkeypatch.syspath_prepend(str(DRIVERS))
    return "bare-namespaces"


@pytest.fixture(params=["bubblewrap", "bare-namespaces"])
def driver_name(request: pytest.FixtureRequest) -> str:
    """Name every driver, one after the other."""
    name: str = request.param
    if name != DEFAULT_DRIVER:
        request.getfixturevalue("other_driver")
    return name


@pytest.fixture
def any_rig(driver_name: str, make_rig: Callable[..., Rig]) -> Rig:
    """A rig with sandboxes of each driver in turn."""
    return make_rig(driver(driver_name).create, gateway=None)


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


def plain_user(uid: int) -> tuple[str, ...]:
    """What makes a command run as a user without any right."""
    return ("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--inh-caps=-all", "--")


def user_with_sub_ids(directory: Path) -> tuple[str, ...]:
    """What makes a command run as such a user who has a range of ids: for its length, in a mount namespace of its own."""
    account = {
        "passwd": "drptest:x:41235:41235::/tmp:/bin/sh\n",
        "group": "drptest:x:41235:\n",
        "subuid": "drptest:5000000:65536\n",
        "subgid": "drptest:5000000:65536\n",
    }
    binds = ""
    for name, line in account.items():
        copy = directory / name
        copy.write_text(Path("/etc", name).read_text() + line)
        binds += f"mount --bind {copy} /etc/{name}; "
    return ("unshare", "--mount", "sh", "-c", binds + 'exec "$@"', "sh", *plain_user(41235))


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A run directory that a plain user may use."""
    with scratch("drp-test-open", Path("/tmp")) as directory:
        directory.chmod(0o777)
        yield directory


@dataclass
class Worker:
    """A program in a drill worker's namespaces; it talks JSON lines."""

    process: subprocess.Popen[str]

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the worker ended without a word"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


PREAMBLE = """
import json, os, sys, time
from pathlib import Path
from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.host.worker import enter_worker
from drp.domain.restore import CellSecret, RestoreOrder, SecretReference
from tests.support.fixtures_sandboxes import profile, resolve
def say(**fields): print(json.dumps(fields), flush=True)
def sh(driver, handle, script):
    ended = driver.target(handle).run(["/bin/sh", "-c", script]); return (ended.stdout + ended.stderr).decode()
"""


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start a script in a worker; ``prefix`` comes before everything (another user, for one)."""
    workers: list[Worker] = []

    def start(script: str, *arguments: str, prefix: tuple[str, ...] = (), wrap: bool = True, **options: Any) -> Worker:
        python = SYSTEM_PYTHON if prefix else sys.executable
        argv = [python, "-c", PREAMBLE + script, *arguments]
        command = worker_command(argv) if wrap and not prefix else argv
        process = subprocess.Popen(
            [*prefix, *command],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}:{DRIVERS}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            **options,
        )
        workers.append(Worker(process))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        if worker.process.stdout is not None:
            worker.process.stdout.close()
