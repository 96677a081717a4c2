"""No lock file and no empty folder is left of a sandbox, a plain user's or root's, in a closed folder or not."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drp.sandboxes.host import identity, layout
from drp.sandboxes.host.identity import PUBLIC, Slot, sweep_slots
from drp.sandboxes.host.layout import LiveDirectory
from drp.sandboxes.host.reaper import reap
from tests.support.fixtures_anybody import Anybody
from tests.support.waiting import eventually

pytestmark = pytest.mark.real

_LIVES = """
import os, sys
from pathlib import Path
from drp.domain.sandbox import SandboxProfile
from drp.sandboxes.host.worker import enter_worker, worker_command
if sys.argv[1] == "outside":
    command = worker_command([sys.executable, "-P", sys.argv[0], "inside", *sys.argv[2:]])
    os.execvp(command[0], command)
from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox
enter_worker((), None)
driver = BubblewrapSandbox(Path(sys.argv[2]), resolve=lambda _: "")
handle = driver.open(SandboxProfile(name="x", memory_bytes=1 << 28, processes=128, data_bytes=16 << 20), "x")
print(driver._home, flush=True)
if sys.stdin.read():
    driver.destroy(handle)
"""


@pytest.fixture(params=[0, 64032], ids=["root", "plain user"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[int, Path]]:
    """A user, and a run directory of his; root's is closed to others, so that his sandboxes live elsewhere."""
    with tempfile.TemporaryDirectory(prefix="drp-nothing-") as name:
        folder = Path(name)
        os.chown(folder, request.param, request.param)
        run = folder / "run"
        run.mkdir(mode=0o711)
        os.chown(run, request.param, request.param)
        yield request.param, run


def live(
    anybody: Anybody, place: tuple[int, Path], *, killed: bool, beside: Callable[[], object] | None = None
) -> Path:
    """Open a sandbox, do something beside it, and let it end, one way or the other; return where it lived."""
    user, run = place
    script = anybody.folder / "lives.py"
    script.write_text(_LIVES)
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    argv = [*become, str(anybody.python), "-P", str(script), "outside", str(run)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin"}
    ) as process:
        assert process.stdout is not None
        home = Path(process.stdout.readline().strip())
        assert list(home.glob("drp-*")) or user, "it lives there"
        if beside is not None:
            beside()
        if killed:
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            process.communicate("end")
    return home


def reaped_by(anybody: Anybody, user: int, run: Path) -> list[str]:
    """Return the ids of what a user's reaper takes in a run directory."""
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    code = f"print(*(one.id for one in reap(Path({str(run)!r})) if one.paths or one.processes))"
    code = f"from pathlib import Path; from drp.sandboxes.host.reaper import reap; {code}"
    return subprocess.run(
        [*become, str(anybody.python), "-P", "-c", code], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()


@pytest.mark.parametrize("killed", [False, True], ids=["destroyed", "killed"])
def test_nothing_stays_of_a_sandbox(anybody: Anybody, place: tuple[int, Path], killed: bool) -> None:
    user, run = place
    home = live(anybody, place, killed=killed)
    assert (home.parent == PUBLIC) is (user == 0)
    if killed:  # the worker dies after its supervisor, and holds its locks until then
        assert eventually(
            lambda: (reaped_by(anybody, user, run), not [*run.iterdir()] and (user or not home.exists()))[1]
        )
    assert list(run.iterdir()) == []
    assert user or not home.exists()


def test_a_plain_users_reaper_passes_by_what_others_run(anybody: Anybody, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "run").mkdir()
    with tempfile.TemporaryDirectory(prefix="drp-nothing-") as name:
        os.chown(name, 64032, 64032)
        found: list[str] = ["not looked"]
        home = live(
            anybody,
            (0, tmp_path / "run"),
            killed=False,
            beside=lambda: found.__setitem__(slice(None), reaped_by(anybody, 64032, Path(name))),
        )
    assert home.parent == PUBLIC
    assert found == []
    assert not home.exists()


def test_homes_of_sites_that_are_gone_are_cleared_and_those_in_use_are_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    gone, used = layout.home(tmp_path / "gone"), layout.home(tmp_path / "used")
    identity.make_enterable(gone)
    alive = LiveDirectory(used, layout.new_id())
    reap(tmp_path / "another")
    assert not gone.exists()
    assert alive.path.is_dir()
    alive.path.joinpath("lock").unlink()
    alive.path.rmdir()
    alive.release()
    assert not used.exists()


def test_a_slot_is_held_by_one_however_many_come_and_go(tmp_path: Path) -> None:
    slots = tmp_path / "slots"
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        assert pool.map(_come_and_go, [(slots, number) for number in range(2)]) == [True] * 2
    assert not slots.exists()


def _come_and_go(where: tuple[Path, int]) -> bool:
    slots, number = where
    for _ in range(50):
        slot = Slot(slots)
        mine = slots.parent / f"held-{slot.number}"
        descriptor = os.open(mine, os.O_RDWR | os.O_CREAT | os.O_EXCL)  # raises when another has this slot
        os.close(descriptor)
        mine.unlink()
        slot.release()
        slot.release()
    return number >= 0


def test_slots_of_the_killed_are_swept_and_held_ones_are_not(tmp_path: Path) -> None:
    held = Slot(tmp_path / "slots")
    (tmp_path / "slots/slot-7").touch()
    sweep_slots(tmp_path / "slots")
    assert sorted(path.name for path in (tmp_path / "slots").iterdir()) == ["slot-0"]
    with (tmp_path / "slots/slot-0").open() as stream, pytest.raises(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    held.release()
    assert not (tmp_path / "slots").exists()
