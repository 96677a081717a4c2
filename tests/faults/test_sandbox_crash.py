"""kill -9 in the worst moments: no process, no mount, no group, no byte of restored data stays."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drp.cli.doctor_sandboxes import left_behind
from drp.errors import SandboxError
from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
from drp.sandboxes.bubblewrap.launch import Running
from drp.sandboxes.host import cgroups, layout, mounts, processes
from tests.support.fixtures_sandboxes import Rig
from tests.support.reaping import reap, reaped
from tests.support.waiting import eventually

pytestmark = pytest.mark.real

LIVE = """
if sys.argv[2] == "worker": enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
handle = driver.open(profile(data_backing=sys.argv[3]), "test")
cell = driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
sh(driver, cell, "echo 'patient data of the canary' > /data/files/patients; sync")
sh(driver, handle, "setsid sleep 4711 >/dev/null 2>&1 & setsid sh -c 'trap \\"\\" TERM HUP INT; while :; do sleep 1; done' >/dev/null 2>&1 &")
say(id=handle.id, cell=cell.id, data=handle.data_path, namespace=os.readlink("/proc/self/ns/pid"),
    inside=driver._live[handle.id].running.pid_namespace, pid=driver._live[handle.id].running.child)
time.sleep(1000)
"""


@pytest.fixture
def run_directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "run"
    yield directory
    home = layout.home(directory)
    assert mounts.below(home) == ()
    shutil.rmtree(home, ignore_errors=True)


def loop_devices() -> str:
    return subprocess.run(["losetup", "--list", "--noheadings"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("backing", ["memory", "disk"])
def test_kill_9_of_the_worker_leaves_nothing_that_runs_and_no_data(
    start_worker: Callable[..., Any], run_directory: Path, backing: str
) -> None:
    worker = start_worker(LIVE, str(run_directory), "worker", backing)
    live = worker.line()
    assert processes.in_pid_namespace(live["namespace"])
    assert processes.in_pid_namespace(live["inside"])
    if backing == "disk":
        assert live["id"] in loop_devices()
    os.kill(worker.process.pid, signal.SIGKILL)
    assert eventually(lambda: not processes.in_pid_namespace(live["namespace"]))
    assert eventually(lambda: not processes.in_pid_namespace(live["inside"]))
    assert eventually(lambda: live["id"] not in loop_devices())
    data = Path(live["data"])
    assert not data.exists() or list(data.iterdir()) == []
    reaped(run_directory, live["id"], live["cell"])
    assert cgroups.find(live["id"]) == () == cgroups.find(live["cell"])
    assert not (layout.home(run_directory) / live["id"]).exists()
    assert reap(run_directory) == ()


STOPPED = """
import threading
from drp.sandboxes.host.processes import in_pid_namespace
driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
handle = driver.open(profile(identity=sys.argv[2]), "test")
inside = driver._live[handle.id].running.pid_namespace
script = "setsid sleep 4711 >/dev/null 2>&1 & kill -INT 1; kill -TERM 1; kill -STOP 2; sleep 60"
threading.Thread(target=sh, args=(driver, handle, script), daemon=True).start()
def states(): return {Path(f"/proc/{each}/stat").read_text().split()[2] for each in in_pid_namespace(inside)}
while "T" not in states(): time.sleep(0.01)
say(inside=inside)
time.sleep(1000)
"""


@pytest.mark.parametrize("identity", ["single", "range"])
def test_an_agent_that_restored_code_stopped_keeps_nothing_alive(
    start_worker: Callable[..., Any], run_directory: Path, identity: str
) -> None:
    process = start_worker(STOPPED, str(run_directory), identity, wrap=False)
    inside = process.line()["inside"]
    assert processes.in_pid_namespace(inside)
    process.kill()  # and wait for its end: until then it holds its locks
    assert eventually(lambda: not processes.in_pid_namespace(inside)), "the kernel takes them along, whoever waits"
    reap(run_directory)


def test_kill_9_of_the_supervisor_takes_the_worker_along(start_worker: Callable[..., Any], run_directory: Path) -> None:
    supervisor = start_worker(
        """
import subprocess
from drp import command
from drp.sandboxes.host.worker import worker_command
process = command.start(worker_command([sys.executable, "-c", sys.argv[1], *sys.argv[2:]]), stdout=1,
                        environment={"PYTHONPATH": os.environ["PYTHONPATH"]})
time.sleep(1000)
""",
        _script(LIVE),
        str(run_directory),
        "worker",
        "memory",
        wrap=False,
    )
    live = supervisor.line()
    assert processes.in_pid_namespace(live["namespace"])
    os.kill(supervisor.process.pid, signal.SIGKILL)
    assert eventually(lambda: not processes.in_pid_namespace(live["namespace"]))
    assert eventually(lambda: not processes.in_pid_namespace(live["inside"]))
    assert reaped(run_directory, live["id"], live["cell"]) == {live["id"], live["cell"]}


def test_a_kept_worker_outlives_its_supervisor(start_worker: Callable[..., Any], run_directory: Path) -> None:
    supervisor = start_worker(
        """
from drp import command
from drp.sandboxes.host.worker import worker_command
argv = worker_command([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], tied_to_parent=False)
process = command.start(argv, stdout=1, environment={"PYTHONPATH": os.environ["PYTHONPATH"]})
print(json.dumps({"worker": process.pid}), flush=True)
time.sleep(1000)
""",
        _script(LIVE),
        str(run_directory),
        "worker",
        "memory",
        wrap=False,
    )
    worker = supervisor.line()["worker"]
    live = supervisor.line()
    supervisor.kill()
    time.sleep(0.3)
    assert processes.in_pid_namespace(live["inside"])
    assert reap(run_directory) == (), "a living keeper's sandbox is left alone"
    os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: not processes.in_pid_namespace(live["namespace"]))
    assert eventually(lambda: not processes.in_pid_namespace(live["inside"]))
    assert reaped(run_directory, live["id"], live["cell"]) == {live["id"], live["cell"]}


def _script(body: str) -> str:
    from tests.support.fixtures_sandboxes import PREAMBLE

    return PREAMBLE + body


def test_without_a_worker_the_reaper_removes_mounts_and_data(
    start_worker: Callable[..., Any], run_directory: Path
) -> None:
    process = start_worker(LIVE, str(run_directory), "bare", "memory", wrap=False)
    live = process.line()
    assert mounts.below(Path(live["data"]))
    process.kill()
    assert eventually(lambda: not processes.in_pid_namespace(live["inside"])), "bubblewrap and agent die with us"
    assert (Path(live["data"]) / "files/patients").exists()
    assert eventually(lambda: any(each.mounts for each in reap(run_directory, dry_run=True)))
    assert (Path(live["data"]) / "files/patients").exists(), "a dry run only looks"
    reaped(run_directory, live["id"])
    assert not Path(live["data"]).exists()
    assert mounts.below(layout.home(run_directory)) == ()


class Undying(BubblewrapSandbox):
    """The worst orphan: it neither dies with its parent nor notices that the lifeline was cut."""

    @staticmethod
    def options(*arguments: Any, **descriptors: Any) -> list[str]:
        from drp.sandboxes.bubblewrap.arguments import arguments as safe

        return [option for option in safe(*arguments, **descriptors) if option != "--die-with-parent"]


def test_the_worst_orphan_is_killed_and_the_living_are_left_alone(
    make_rig: Callable[..., Rig], rig: Rig, run_directory: Path
) -> None:
    neighbour = rig.open()
    orphanage = make_rig(Undying)
    handle = orphanage.open()
    orphanage.shell(handle, "echo patient > /data/files/x; setsid sleep 4712 & setsid sleep 4713 & true")
    live = orphanage.driver._live.pop(handle.id)
    held: Running = live.running  # keeps the lifeline open: as if it had leaked into some other process
    live.directory.release()  # what the kernel does when the owner dies
    inside = processes.in_pid_namespace(held.pid_namespace)
    assert len(inside) >= 4
    found = reap(orphanage.run_directory)
    assert [each.id for each in found] == [handle.id]
    assert found[0].processes >= 4
    assert not processes.in_pid_namespace(held.pid_namespace)
    assert cgroups.find(handle.id) == ()
    assert not (layout.home(orphanage.run_directory) / handle.id).exists()
    assert rig.shell(neighbour, "echo alive") == "alive\n"
    assert reap(rig.run_directory) == ()
    held.kill()
    assert live.network is not None
    live.network.recorder.close()
    assert live.slot is not None
    live.slot.release()


def test_foreign_directories_are_not_touched(run_directory: Path) -> None:
    for name in ("drp-notes", "data", "drp-ABCDEF012345", "slots"):
        (run_directory / name).mkdir(parents=True)
    assert reap(run_directory) == ()
    assert len(list(run_directory.iterdir())) == 4


def test_images_whose_mount_never_came_about_are_removed(run_directory: Path) -> None:
    run_directory.mkdir()
    image = run_directory / "drp-0123456789ab.image"
    image.write_bytes(bytes(1 << 20))
    device = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True
    ).stdout.strip()
    with pytest.raises(SandboxError, match=f"1 sandboxes of drills that died are left: 0 processes; {image}"):
        left_behind(run_directory)
    (orphan,) = reap(run_directory)
    assert orphan.paths == (str(image),)
    assert not image.exists()
    assert device not in loop_devices()
    assert left_behind(run_directory).startswith("nothing")


def test_destroy_from_another_process_removes_an_orphan(
    start_worker: Callable[..., Any], run_directory: Path, rig: Rig
) -> None:
    process = start_worker(LIVE, str(run_directory), "bare", "memory", wrap=False)
    live = process.line()
    other = BubblewrapSandbox(run_directory, resolve=lambda _: "")
    from drp.domain.sandbox import SandboxHandle

    handle = SandboxHandle(id=live["id"], role="run", driver="bubblewrap", control_socket="", data_path=live["data"])
    assert not other.destroy(handle).clean, "a living owner keeps it, and the residue says so"
    process.kill()
    assert eventually(lambda: not processes.in_pid_namespace(live["inside"]))
    assert eventually(lambda: other.destroy(handle).clean)
    reaped(run_directory, live["cell"])


LOOP = """
if sys.argv[2] == "worker": enter_worker((), None)
say(namespace=os.readlink("/proc/self/ns/pid"))
while True:
    driver = BubblewrapSandbox(Path(sys.argv[1]), resolve=resolve)
    handle = driver.open(profile(data_backing=sys.argv[3]), "test")
    cell = driver.open_cell(handle, RestoreOrder(argv=("true",)), ())
    driver.prove(handle)
    driver.destroy(handle)
"""


@pytest.mark.parametrize("moment", range(8))
def test_kill_9_at_any_moment_leaves_nothing_after_the_reaper(
    start_worker: Callable[..., Any], run_directory: Path, moment: int
) -> None:
    kind, backing = ("worker", "bare")[moment % 2], ("disk", "memory")[moment // 2 % 2]
    worker = start_worker(LOOP, str(run_directory), kind, backing, wrap=kind == "worker")
    namespace = worker.line()["namespace"]
    time.sleep(0.05 + 0.11 * moment)
    worker.kill()
    assert eventually(lambda: not processes.in_pid_namespace(namespace))
    reap_until_clean(run_directory)
    home = layout.home(run_directory)
    assert not home.exists() or list(home.iterdir()) == []
    assert not any(name in loop_devices() for name in (str(run_directory), home.name))
    assert not sandboxed_processes(run_directory)


def reap_until_clean(run_directory: Path) -> None:
    """What is about to die of the cut lifeline may still be there for an instant, and hold the locks that it has."""
    home = layout.home(run_directory)
    assert eventually(lambda: reap(run_directory) == () and not (home.exists() and list(home.iterdir())))


def sandboxed_processes(run_directory: Path) -> list[str]:
    needle = str(layout.home(run_directory)).encode()
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                content = (each / "mountinfo").read_bytes()
            except OSError:
                continue
            if needle in content:
                found.append(each.name)
    return found
