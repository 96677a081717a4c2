"""Workers that die, coordinators that are killed, verifications that go on: nothing is lost and nothing is passed over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drp.errors import Interrupted, ManifestError, UsageError
from drp.hashing.reading.rows import Options
from drp.hashing.tree import create_manifest
from drp.hashing.verification import Plan, verify_tree
from tests.support.hashers import workers
from tests.support.trees import ordinary, write
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("core")


def test_worker_killed_while_it_reads_is_replaced(tmp_path):
    root = ordinary(tmp_path / "tree")
    write(root / "volume", bytes(70 << 20))
    create_manifest(root, tmp_path / "m", application="a", workers=2)
    killed = []

    def kill_one(files: int, size: int, seen: int) -> None:
        if size > (2 << 20) and not killed:
            killed.extend(workers())
            os.kill(killed[0], signal.SIGKILL)

    plan = Plan(workers=1, rate=float(40 << 20))
    result = verify_tree(root, tmp_path / "m", plan, watch=kill_one)
    assert killed
    assert result.difference.clean
    assert result.difference.files_hashed == 63


def test_reader_that_dies_twice_is_unreadable_not_verified(tmp_path):
    root = ordinary(tmp_path / "tree", files=3)
    write(root / "volume", bytes(70 << 20))
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    deaths = 0

    def kill(files: int, size: int, seen: int) -> None:
        nonlocal deaths
        if size > (1 << 20) and deaths < 8:  # whichever task it has at the moment
            for pid in workers():
                deaths += 1
                os.kill(pid, signal.SIGKILL)

    result = verify_tree(root, tmp_path / "m", Plan(workers=1, rate=float(20 << 20)), watch=kill)
    assert deaths >= 2
    assert result.difference.counts["unreadable"] >= 1


def test_a_worker_that_ends_by_itself_says_nothing_about_the_tree(tmp_path, capfd):
    root = ordinary(tmp_path / "tree", files=3)
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    plan = Plan(workers=1, options=Options(("blake3",), large="much"))  # type: ignore[arg-type]  # read by workers alone
    with pytest.raises(ManifestError, match="a hashing worker ended with 1"):
        verify_tree(root, tmp_path / "m", plan)
    assert "TypeError" in capfd.readouterr().err


_RUN = """
import sys
from pathlib import Path
from drp.hashing.verification import Plan, verify_tree
result = verify_tree(Path(sys.argv[1]), Path(sys.argv[2]), Plan(workers=1, rate=float(sys.argv[4]), checkpoint=Path(sys.argv[3])))
print(result.difference.files_hashed, result.resumed_files, dict(result.difference.counts))
"""


def test_goes_on_after_kill_nine_without_rereading(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    for directory in range(60):
        (root / f"d{directory:02}").mkdir()
        for number in range(30):
            write(root / f"d{directory:02}" / f"a-name-of-some-length-{number:04}", bytes(20_000))
    write(root / "volume", bytes(70 << 20))
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    write(root / "d00" / "a-name-of-some-length-0000", b"damaged")
    command = [sys.executable, "-c", _RUN, str(root), str(tmp_path / "m"), str(tmp_path / "checkpoint")]
    process = subprocess.Popen([*command, str(20 << 20)])
    checkpoint = tmp_path / "checkpoint"
    header = eventually(lambda: checkpoint.exists() and checkpoint.stat().st_size)  # written whole, but not when made
    assert header
    assert eventually(lambda: checkpoint.stat().st_size > header + 500)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = subprocess.run([*command, "0"], capture_output=True, text=True, check=True).stdout.split(" ", 2)
    assert int(done[0]) == 1801
    assert int(done[1]) > 0
    assert "'changed': 1" in done[2]
    assert not (tmp_path / "checkpoint").exists()


def test_checkpoint_is_only_for_its_own_verification(tmp_path):
    root = ordinary(tmp_path / "tree")
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    create_manifest(root, tmp_path / "other", application="a", workers=1)
    checkpoint = tmp_path / "checkpoint"
    plan = Plan(workers=1, checkpoint=checkpoint, rate=1000.0)
    with pytest.raises(Interrupted):
        verify_tree(root, tmp_path / "m", plan, cancelled=lambda: True)
    assert checkpoint.exists()
    with pytest.raises(UsageError, match="another verification"):
        verify_tree(root, tmp_path / "other", Plan(workers=1, checkpoint=checkpoint))
    with checkpoint.open("ab") as stream:
        stream.write(b"\x50\0\0\0torn")
    result = verify_tree(root, tmp_path / "m", Plan(workers=1, checkpoint=checkpoint))
    assert result.difference.clean
    assert not checkpoint.exists()
    checkpoint.write_bytes(b"")
    checkpoint.chmod(0o666)
    with pytest.raises(UsageError, match="private"):
        verify_tree(root, tmp_path / "m", Plan(workers=1, checkpoint=checkpoint))


def test_workers_do_not_outlive_their_coordinator(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    write(root / "volume", bytes(70 << 20))
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    command = [sys.executable, "-c", _RUN, str(root), str(tmp_path / "m"), str(tmp_path / "c"), "1000000"]
    process = subprocess.Popen(command)
    children = eventually(lambda: [str(pid) for pid in workers(process.pid)])
    assert children
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert eventually(lambda: not any(_alive(pid) for pid in children))


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_pause_and_resume(tmp_path):
    root = ordinary(tmp_path / "tree")
    create_manifest(root, tmp_path / "m", application="a", workers=1)
    pools = []
    seen: list[int] = []

    def begin(pool) -> None:
        pools.append(pool)
        pool.pause()

    def watch(files: int, size: int, count: int) -> None:
        seen.append(files)
        if len(seen) == 3:
            assert files == 0 or files < 62
            pools[0].resume()

    assert verify_tree(root, tmp_path / "m", Plan(workers=1), watch=watch, on_pool=begin).difference.clean
    assert len(seen) >= 3
