"""Copies brought back by the program of the restore cell: all that a file system keeps, and what is wrong is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import MediumLocation
from drp.domain.restore import RESTORED, RestoreOutcome, RestoreReceipt
from drp.errors import AccessDenied, DrpError, MediaNeeded, PointGone, RepositoryError, StorageFull
from drp.repositories.copies.dialect import DIALECT
from drp.repositories.copies.repository import INSIDE, PROGRAM, CopiesRepository
from tests.support.copies import copies, state_of
from tests.support.fixtures_repositories import application, carry_out
from tests.support.trees import hostile, write

pytestmark = pytest.mark.real
ANY = application()
DAILY = "%Y-%m-%dT%H%M%SZ"
DAY = "2026-11-28T020000Z"
HOOK = """import os, shutil, sys, errno
sys.path.insert(0, {folder!r})
import restore_copy
run, top = restore_copy.Copy.run, {source!r}
def hooked(self):
    {before}
    run(self)
    {after}
restore_copy.Copy.run = hooked
sys.exit(restore_copy.main())
"""
FAIL = """
    real = os.{call}
    def failing(*args, **more):
        if {when}: raise OSError(errno.{number}, os.strerror(errno.{number}))
        return real(*args, **more)
    os.{call} = failing
"""


@dataclass
class Kept:
    """A directory with one dated copy."""

    folder: Path
    repository: CopiesRepository
    point: RecoveryPoint

    @property
    def copy(self) -> Path:
        return self.folder / DAY

    def restored(self, target: Path, *, before: str = "pass", after: str = "pass") -> RestoreReceipt:
        """Do what the cell does, with something done to the copy or to the program before and after it copies."""
        order = self.repository.restore_order(self.point)
        moved = {RESTORED: str(target), INSIDE: str(self.copy)}
        program = HOOK.format(folder=str(PROGRAM.parent), source=str(self.copy), before=before.strip(), after=after)
        arguments = order.argv[order.argv.index(f"/run/base/tool/{PROGRAM.name}") + 1 :]
        command = ["/usr/bin/python3", "-I", "-S", "-B", "-c", program, *(moved.get(word, word) for word in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        said = [(line, DIALECT.read(line)) for line in done.stdout.splitlines()]
        outcome = RestoreOutcome(
            exit_code=done.returncode,
            summary=next((dict(each.fields) for _, each in said if each.kind == "summary"), {}),
            errors=tuple(line for line, each in said if each.kind in {"error", "end"}),
        )
        return self.repository.receipt(self.point, outcome)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    copy = tmp_path / "kept" / DAY
    (copy / "deep").mkdir(parents=True)
    for name in ("a", "b", "deep/c"):
        write(copy / name, name.encode() * 5000, 0o640, mtime_ns=1_700_000_000_123_456_789)
    os.link(copy / "a", copy / "deep" / "linked")
    repository = copies(tmp_path / "kept", DAILY)
    return Kept(tmp_path / "kept", repository, repository.points(ANY).points[0])


def test_all_that_a_file_system_keeps_comes_back(tmp_path: Path) -> None:
    copy = hostile(tmp_path / DAY)
    for number, name in enumerate(("first-name", "zz", "sparse")):
        os.setxattr(copy / name, "user.source", b"%d\0" % number)
    (copy / "null").unlink(missing_ok=True)  # devices are made by nobody inside a sandbox: see the next test
    deep = copy / "/".join(["d" * 20] * 60)
    deep.mkdir(parents=True)
    (deep / "bottom").write_text("x")
    os.utime(copy / "zz", ns=(5, 1_234_567_890_123_456_789))
    repository = copies(tmp_path, DAILY)
    (point,) = repository.points(ANY).points
    outcome = carry_out(repository.restore_order(point), (), tmp_path / "files")
    receipt = repository.receipt(point, outcome)
    assert (receipt.unrestored, outcome.errors) == ((), ())
    assert state_of(tmp_path / "files") == state_of(copy)
    allocated = [(tmp_path / "files" / name).stat().st_blocks * 512 for name in ("sparse", "all-hole")]
    assert allocated[0] < 100_000
    assert allocated[1] == 0


def test_what_no_sandbox_can_make_is_no_damage(kept: Kept, tmp_path: Path) -> None:
    os.mkfifo(kept.copy / "pipe")
    refused = FAIL.format(call="mknod", number="EPERM", when="True")
    refused += FAIL.format(call="chown", number="EPERM", when="True").replace("failing", "kept_by_us")
    receipt = kept.restored(tmp_path / "files", before=refused)
    assert receipt.unrestored == ()
    assert receipt.files_restored == 4


def test_only_the_tree_that_is_asked_for_comes_back_and_no_mark_of_the_job(tmp_path: Path) -> None:
    for host in ("ehr-db", "lis-db"):
        (tmp_path / DAY / host / "srv" / "ehr").mkdir(parents=True)
        (tmp_path / DAY / host / "srv" / "ehr" / "state").write_text(host)
        (tmp_path / DAY / host / "srv" / "ehr" / "done").touch()
    repository = copies(tmp_path, f"{DAILY}/{{host}}", complete="srv/ehr/done")
    (point,) = repository.points(application(host="ehr-db", path="/srv/ehr")).points
    order = repository.restore_order(point)
    repository.receipt(point, carry_out(order, (), tmp_path / "files"))
    assert order.source_root == "/srv/ehr"
    assert [
        str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*") if path.is_file()
    ] == ["srv/ehr/state"]
    assert (tmp_path / "files" / "srv" / "ehr" / "state").read_text() == "ehr-db"


@pytest.mark.parametrize(
    "change",
    [
        "open(top + '/b', 'ab').write(b'x')",
        "open(top + '/new', 'wb').close()",
        "os.unlink(top + '/deep/c')",
        "os.rename(top + '/b', top + '/z')",
        "os.chmod(top + '/b', 0o600)",
    ],
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_copy_that_changes_while_it_is_read_is_never_whole(
    kept: Kept, tmp_path: Path, change: str, moment: str
) -> None:
    with pytest.raises(RepositoryError, match="is not what it was when the restore began"):
        kept.restored(tmp_path / "files", **{moment: change})


def test_bytes_that_change_under_the_same_time_are_seen(kept: Kept, tmp_path: Path) -> None:
    change = "f = os.stat(top + '/b'); open(top + '/b', 'r+b').write(b'x'); os.utime(top + '/b', ns=(f.st_atime_ns, f.st_mtime_ns))"
    with pytest.raises(RepositoryError, match="/b changed while it was read"):
        kept.restored(tmp_path / "files", after=change)


def test_links_of_a_rotation_that_come_and_go_change_nothing(kept: Kept, tmp_path: Path) -> None:
    link = f"os.link(top + '/b', {str(kept.folder / 'b-again')!r})"
    assert kept.restored(tmp_path / "files", after=link).unrestored == ()
    unlink = f"os.unlink({str(kept.folder / 'b-again')!r})"
    assert kept.restored(tmp_path / "more", before=unlink).unrestored == ()
    assert state_of(tmp_path / "more") == state_of(kept.copy)


@pytest.mark.parametrize(
    ("call", "number", "when", "error"),
    [
        ("read", "ESTALE", "True", RepositoryError),
        ("open", "EACCES", "args[0] == b'b'", AccessDenied),
        ("open", "EMFILE", "args[0] == b'b'", RepositoryError),
        ("write", "ENOSPC", "True", StorageFull),
        ("mkdir", "ENOSPC", "True", StorageFull),
        ("link", "EDQUOT", "True", StorageFull),
        ("write", "EFBIG", "True", RepositoryError),
        ("getxattr", "ENODATA", "True", RepositoryError),
    ],
)
def test_what_says_nothing_of_the_backup_is_no_damage(
    kept: Kept, tmp_path: Path, call: str, number: str, when: str, error: type[DrpError]
) -> None:
    os.setxattr(kept.copy / "b", "user.x", b"1")
    with pytest.raises(error) as caught:
        kept.restored(tmp_path / "files", before=FAIL.format(call=call, number=number, when=when))
    assert type(caught.value) is error


@pytest.mark.parametrize("number", ["EIO", "EUCLEAN", "EBADMSG"])
def test_bytes_that_are_lost_are_named(kept: Kept, tmp_path: Path, number: str) -> None:
    broken = FAIL.format(call="read", number=number, when="os.readlink('/proc/self/fd/%d' % args[0]).endswith('/b')")
    receipt = kept.restored(tmp_path / "files", before=broken)
    assert len(receipt.unrestored) == 1
    assert receipt.unrestored[0].startswith("/b: ")
    assert receipt.files_restored == 3


def test_many_lost_files_are_named_within_bounds(kept: Kept, tmp_path: Path) -> None:
    for number in range(300):
        (kept.copy / f"{number:04}-{'x' * 200}").touch()
    when = "isinstance(args[0], bytes) and args[0].endswith(b'xx')"
    receipt = kept.restored(tmp_path / "files", before=FAIL.format(call="open", number="EIO", when=when))
    assert len(receipt.unrestored) == 201
    assert receipt.unrestored[-1] == "100 further errors that were not kept"


def test_another_folder_in_its_place_is_not_read(kept: Kept, tmp_path: Path) -> None:
    order = kept.repository.restore_order(kept.point)
    kept.copy.rename(kept.folder / "away")
    shutil.copytree(kept.folder / "away", kept.copy)
    outcome = carry_out(order, (), tmp_path / "files")
    assert outcome.exit_code == 1
    with pytest.raises(PointGone):
        kept.repository.receipt(kept.point, outcome)
    assert not (tmp_path / "files").exists()


def test_a_link_in_the_place_of_a_folder_is_not_followed(kept: Kept, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("x")
    swap = f"os.rename(top + '/deep', {str(tmp_path / 'gone')!r}); os.symlink({str(secret)!r}, top + '/deep')"
    with pytest.raises(RepositoryError):
        kept.restored(tmp_path / "files", before=swap)
    assert not list((tmp_path / "files").rglob("key"))


def test_a_medium_that_is_pulled_out_is_no_damage(tmp_path: Path) -> None:
    drive, away = tmp_path / "drive", tmp_path / "away"
    (drive / "kept" / DAY).mkdir(parents=True)
    (drive / "kept" / DAY / "state").write_text("x")
    (drive / ".drp-medium").write_text("weekly-3\n")
    location = MediumLocation(mount=drive, label="weekly-3", path="kept")
    repository = copies(tmp_path, DAILY, location=location)
    (point,) = repository.points(ANY).points
    assert repository.immutability(point).mode == "offline"
    lost = json.dumps(
        {"message_type": "error", "item": "/state", "message": "Input/output error", "reason": "unreadable"}
    )
    outcome = RestoreOutcome(exit_code=1, errors=(lost,), summary={"errors": 1})
    assert repository.receipt(point, outcome).unrestored == ("/state: Input/output error",)
    drive.rename(away)
    for call in (
        lambda: repository.receipt(point, outcome),
        repository.preflight,
        lambda: repository.restore_order(point),
    ):
        with pytest.raises(MediaNeeded):
            call()


def test_an_immutable_copy_is_seen_and_called_what_it_is(tmp_path: Path) -> None:
    for day in (DAY, "2026-11-27T020000Z"):
        (tmp_path / day / "deep").mkdir(parents=True)
        (tmp_path / day / "deep" / "state").write_text("x")
    repository = copies(tmp_path, DAILY)
    whole, partly = repository.points(ANY).points
    assert repository.immutability(whole).mode == "none"

    def chattr(sign: str, *paths: Path) -> None:
        subprocess.run(["chattr", f"{sign}i", *map(str, paths)], check=True, capture_output=True)

    day = tmp_path / DAY
    locked = [day / "deep" / "state", day / "deep", day, tmp_path / "2026-11-27T020000Z"]
    chattr("+", *locked)
    try:
        seen = repository.immutability(whole)
        assert (seen.mode, seen.provenance, seen.objects_observed, seen.objects_total) == (
            "governance",
            "observed",
            3,
            3,
        )
        assert not seen.holds_at(whole.consistent_at)
        assert "root of its machine" in seen.remarks[-1]
        seen = repository.immutability(partly)
        assert seen.mode == "none"
        assert "not protected: deep, deep/state" in seen.remarks[-1]
        sampled = copies(tmp_path, DAILY, audited_files=1).immutability(whole)
        assert (sampled.objects_observed, sampled.objects_total) == (2, 3)
        assert "drawn with the seed" in sampled.remarks[0]
    finally:
        chattr("-", *locked)


def test_a_read_only_mount_is_said_and_counts_for_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[[int], os.statvfs_result] = os.fstatvfs

    def read_only(descriptor: int) -> os.statvfs_result:
        facts = list(real(descriptor))
        facts[8] |= os.ST_RDONLY
        return os.statvfs_result(facts)

    monkeypatch.setattr(os, "fstatvfs", read_only)
    seen = kept.repository.immutability(kept.point)
    assert seen.mode == "none"
    assert "keeps nobody else from writing" in seen.remarks[0]
