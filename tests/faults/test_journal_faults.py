"""The journal when the machine fails: killed at any moment, no room, nothing to write on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import Progressed
from drp.errors import StorageFull
from drp.journal import SqlJournal

_WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from drp.clock import SystemClock
    from drp.domain.events import Progressed
    from drp.journal import SqlJournal
    journal = SqlJournal(Path(sys.argv[1]), SystemClock())
    print("ready", flush=True)
    number = 0
    while True:
        (entry,) = journal.append(f"d{number % 3}", Progressed(recovery="ehr", phase="restore", message="x" * (number % 2000)))
        sys.stdout.write(f"{entry.drill} {entry.sequence} {entry.hash}\\n")  # acknowledged
        sys.stdout.flush()
        number += 1
    """
)


_NURSERY = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from drp.clock import SystemClock
    from drp.domain.events import Progressed
    from drp.journal import SqlJournal
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.stdout.write(f"{os.getpid()}\\n")
            journal = SqlJournal(Path(sys.argv[1]), SystemClock())
            number = 0
            while True:
                message = "x" * (number % 2000)
                (entry,) = journal.append(f"d{number % 3}", Progressed(recovery="ehr", phase="restore", message=message))
                sys.stdout.write(f"{entry.drill} {entry.sequence} {entry.hash}\\n")  # acknowledged
                sys.stdout.flush()
                number += 1
        os.waitpid(child, 0)
        sys.stdout.write("\\nended\\n")
        sys.stdout.flush()
    """
)


def test_whatever_was_acknowledged_survives_a_storm_of_kills(tmp_path: Path) -> None:
    """kill -9 after any number of entries, 20 times: what was acknowledged is there, the chain holds, writing goes on."""
    path, draw = tmp_path / "journal.sqlite", random.Random(20261121)
    acknowledged: dict[tuple[str, int], str] = {}

    def take(line: str) -> None:
        if line.endswith("\n") and line.count(" ") == 2:  # the last one may have been cut off
            drill, sequence, digest = line.split()
            acknowledged[drill, int(sequence)] = digest

    with subprocess.Popen(
        [sys.executable, "-c", _NURSERY, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(20):
            nursery.stdin.write("another\n")
            writer = int(nursery.stdout.readline())
            for _ in range(draw.randint(1, 40)):
                take(nursery.stdout.readline())
            os.kill(writer, signal.SIGKILL)
            while (line := nursery.stdout.readline()) != "ended\n":
                take(line)
        nursery.stdin.close()
    journal = SqlJournal(path, SystemClock())
    total = journal.verify()
    found = {(drill, entry.sequence): entry.hash for drill in journal.drills() for entry in journal.entries(drill)}
    assert len(found) == total
    assert acknowledged.items() <= found.items()
    assert len(acknowledged) >= 20
    assert total - len(acknowledged) <= 20, "at most one unacknowledged entry a kill"
    journal.close()


def test_kills_while_the_journal_is_being_made(tmp_path: Path) -> None:
    """A half-made journal is made whole by the next one."""
    for number in range(12):
        path = tmp_path / f"{number}.sqlite"
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE)
        while not path.exists():
            assert writer.poll() is None
            time.sleep(0.0005)
        time.sleep(0.001 * number)
        writer.kill()
        writer.communicate()
        journal = SqlJournal(path, SystemClock())
        journal.append("after", Progressed(recovery="ehr", phase="restore"))
        assert journal.verify() >= 1
        journal.close()


_FULL = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from drp.clock import SystemClock
    from drp.domain.events import Progressed
    from drp.errors import StorageFull
    from drp.journal import SqlJournal
    folder = Path(sys.argv[1])
    journal = SqlJournal(folder / "journal.sqlite", SystemClock())
    written = 0
    try:
        while True:
            journal.append("d", Progressed(recovery="ehr", phase="restore", message="x" * 5000))
            written += 1
    except StorageFull as error:
        print(error.message)
    ballast = folder / "ballast"
    ballast.unlink()
    assert journal.verify() == written
    assert len(list(journal.entries("d"))) == written
    assert journal.append("d", Progressed(recovery="ehr", phase="restore"))[0].sequence == written
    assert journal.verify() == written + 1
    journal.close()
    print("went on after", written)
    """
)


@pytest.mark.real
def test_a_full_disk_refuses_keeps_what_is_there_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    script = (
        'mount -t tmpfs -o size=1200k drp-full "$1" && head -c 400k /dev/zero > "$1/ballast" && exec "$2" -c "$3" "$1"'
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, _FULL],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "cannot be used: database or disk is full" in lines[0] or "disk I/O error" in lines[0]
    assert lines[1].startswith("went on after")


_READ_ONLY = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from drp.clock import SystemClock
    from drp.domain.events import Progressed
    from drp.errors import StorageFull
    from drp.journal import SqlJournal
    path = Path(sys.argv[1]) / "journal.sqlite"
    try:
        journal = SqlJournal(path, SystemClock())
        print("read", journal.verify())
        journal.append("d", Progressed(recovery="ehr", phase="restore"))
    except StorageFull as error:
        print("refused", error.message)
    """
)


@pytest.mark.real
def test_a_journal_on_a_read_only_medium_is_never_written(tmp_path: Path) -> None:
    journal = SqlJournal(tmp_path / "journal.sqlite", SystemClock())
    journal.append("d", Progressed(recovery="ehr", phase="restore"))
    journal.close()
    before = (tmp_path / "journal.sqlite").read_bytes()
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, _READ_ONLY],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"refused journal {tmp_path}/journal.sqlite cannot be used")
    assert (tmp_path / "journal.sqlite").read_bytes() == before


@pytest.mark.parametrize("place", ["/proc/journal.sqlite", "/dev/null/journal.sqlite"])
def test_where_no_journal_can_be_made(place: str) -> None:
    with pytest.raises(StorageFull, match="cannot be used"):
        SqlJournal(Path(place), SystemClock())


def test_a_limit_on_file_size_is_a_full_disk(tmp_path: Path) -> None:
    script = _FULL.replace(
        "ballast.unlink()", "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)"
    ).replace("import sys", "import resource, signal, sys", 1)
    script = script.replace(
        "written = 0", "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY)); written = 0"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "cannot be used" in done.stdout.splitlines()[0]


def test_no_descriptors_left(tmp_path: Path) -> None:
    """Opening and closing journals, good and bad, keeps no descriptor."""
    bad = tmp_path / "bad"
    bad.write_bytes(b"no database" * 100)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        journal = SqlJournal(tmp_path / f"{number}", SystemClock())
        journal.append("d", Progressed(recovery="ehr", phase="restore"))
        journal.close()
        with pytest.raises(Exception, match="damaged"):
            SqlJournal(bad, SystemClock())
    assert len(os.listdir("/proc/self/fd")) <= before + 1
