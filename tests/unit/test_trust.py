"""Whom drp trusts: real owners, modes, links and access control lists, as root sees them."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from drp.errors import ConfigError, Untrusted
from drp.trust import Trust, require
from drp.trust.accounts import accounts_of
from drp.trust.judge import _fuse_mounters
from tests.support.fixtures_anybody import Anybody

STRANGER = 64030
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "srv" / "site"
    folder.mkdir(parents=True)
    (folder / "drp.yml").write_text("version: 1\n")
    (folder / "runbooks/roles/own/tasks").mkdir(parents=True)
    (folder / "runbooks/roles/own/tasks/main.yml").write_text("[]\n")
    return folder


def owned(path: Path, uid: int = STRANGER) -> None:
    os.chown(path, uid, uid, follow_symlinks=False)


def linked(folder: Path, name: str, target: str, uid: int = 0) -> Path:
    (folder / name).symlink_to(target)
    os.chown(folder / name, uid, uid, follow_symlinks=False)
    return folder / name


def acl(path: Path, *, user: int | None = None, group: int | None = None) -> None:
    """Let one more user or group write, as `setfacl -m` does: owner rw, group r, mask rw, others r."""
    entries = [(0x01, 6, 0xFFFFFFFF), (0x04, 4, 0xFFFFFFFF), (0x10, 6, 0xFFFFFFFF), (0x20, 4, 0xFFFFFFFF)]
    entries += [(0x02, 6, user)] if user is not None else []
    entries += [(0x08, 6, group)] if group is not None else []
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in sorted(entries))
    os.setxattr(path, "system.posix_acl_access", raw)


HOSTILE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "the file is a stranger's": (lambda site: owned(site / "drp.yml"), "belongs to", "chown root {site}/drp.yml"),
    "the site is a stranger's": (owned, "belongs to user 64030, who has no account here", "chown root {site}"),
    "a folder on the way is a stranger's": (lambda site: owned(site.parent), "belongs to", "chown root {site.parent}"),
    "everybody may write to the file": (
        lambda site: (site / "drp.yml").chmod(0o646), "may be written by everybody", "chmod o-w {site}/drp.yml",
    ),
    "everybody may replace the file": (lambda site: site.chmod(0o777), "written by everybody", "chmod o-w {site}"),
    "everybody may replace the site": (
        lambda site: site.parent.chmod(0o777), "written by everybody", "chmod o-w {site.parent}",
    ),
    "a group of unknown members may write": (
        lambda site: (os.chown(site / "drp.yml", 0, STRANGER), (site / "drp.yml").chmod(0o664)),
        "may be written by group 64030, which has no name here", "chmod g-w {site}/drp.yml",
    ),
    "a list of access control lets a user write": (
        lambda site: acl(site / "drp.yml", user=STRANGER), "may be written by user 64030", "chmod g-w {site}/drp.yml",
    ),
    "a list of access control lets a group write": (
        lambda site: acl(site / "drp.yml", group=STRANGER), "may be written by group 64030", "chmod g-w {site}/drp.yml",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_others_may_change_is_named_with_the_command_that_mends_it(name: str, site: Path) -> None:
    spoil, reason, mend = HOSTILE[name]
    assert Trust().doubt(site / "drp.yml") is None
    spoil(site)
    doubt = Trust().doubt(site / "drp.yml")
    assert doubt is not None
    assert reason in doubt.reason
    assert doubt.mend == mend.format(site=site)
    with pytest.raises(Untrusted) as caught:
        Trust().open(site / "drp.yml")
    assert doubt.path in caught.value.message
    assert doubt.mend in (caught.value.hint or "")
    subprocess.run(["sh", "-c", doubt.mend], check=True)
    assert Trust().doubt(site / "drp.yml") is None, "the command mends it"


def test_a_sticky_folder_protects_what_lies_in_it_but_not_what_may_be_put_there(site: Path) -> None:
    site.parent.chmod(0o1777)
    assert Trust().doubt(site) is None
    site.chmod(0o1777)
    doubt = Trust().doubt(site)
    assert doubt is not None
    assert doubt.reason == "may be written by everybody"


def test_links_are_followed_to_where_they_lead_and_judged_themselves(site: Path, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    good = linked(etc, "drp", "../srv/site")
    assert Trust().doubt(good / "drp.yml") is None
    assert Trust().doubt(linked(etc, "twice", "drp") / "drp.yml") is None
    assert Trust().doubt(etc / "../etc/drp/../site/drp.yml") is None
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    bad = Trust().doubt(linked(shared, "drp", str(site), STRANGER) / "drp.yml")
    assert bad is not None
    assert bad.path == f"{shared}/drp"
    assert bad.mend == f"chown --no-dereference root {shared}/drp"
    owned(site)
    there = Trust().doubt(good / "drp.yml")
    assert there is not None
    assert there.path == str(site)
    assert "symbolic links" in str(Trust().doubt(linked(etc, "loop", "loop")))


def test_a_tree_is_judged_whole_and_beyond_its_links(site: Path, tmp_path: Path) -> None:
    runbooks = site / "runbooks"
    assert list(Trust().doubts(runbooks)) == []
    elsewhere = tmp_path / "roles"
    (elsewhere / "common").mkdir(parents=True)
    (elsewhere / "common/main.yml").write_text("[]\n")
    linked(runbooks, "roles/common", str(elsewhere / "common"))
    linked(runbooks, "roles/round", "..")
    assert list(Trust().doubts(runbooks)) == []
    (elsewhere / "common/main.yml").chmod(0o666)
    owned(runbooks / "roles/own/tasks/main.yml")
    found = {doubt.path: doubt.reason for doubt in Trust().doubts(runbooks)}
    assert found == {
        f"{elsewhere}/common/main.yml": "may be written by everybody",
        f"{runbooks}/roles/own/tasks/main.yml": "belongs to user 64030, who has no account here",
    }
    with pytest.raises(Untrusted) as caught:
        require(Trust().doubts(runbooks))
    assert caught.value.message.count("\n") == 1


def test_a_tree_without_an_end_is_not_called_sound(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(70):
        deep /= "d"
        deep.mkdir()
    assert [doubt.reason for doubt in Trust().doubts(tmp_path)] == ["holds too much to be judged"]


def test_what_is_absent_or_closed_misleads_nobody(site: Path) -> None:
    assert Trust().doubt(site / "absent/drp.yml") is None
    assert list(Trust().doubts(site / "absent")) == []
    with pytest.raises(FileNotFoundError):
        Trust().open(site / "absent")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_plain_files_are_opened_and_none_is_waited_for(make: Callable[[Path], None], site: Path) -> None:
    make(site / "odd")
    with pytest.raises(ValueError, match="is not a file"):
        Trust().open(site / "odd")


def test_a_declared_writer_is_trusted_where_he_is_declared(site: Path) -> None:
    daemon = accounts_of(["daemon"])
    assert daemon == {1}
    assert accounts_of(["%daemon"]) == {1}
    owned(site, 1)
    assert Trust().doubt(site) is not None
    assert Trust(daemon).doubt(site) is None
    for name in ("no-such-account", "%no-such-group"):
        with pytest.raises(ConfigError, match=r"there is no (account|group) no-such"):
            accounts_of([name])


ACCOUNTS = "root:x:0:0::/:/bin/sh\nada:x:4001:4001::/:/bin/sh\nbob:x:4002:100::/:/bin/sh\neve:x:4003:4003::/:/bin/sh\n"
GROUPS = "root:x:0:\nada:x:4001:\nusers:x:100:\nteam:x:5000:ada\npair:x:5001:ada,eve\nempty:x:5002:\neve:x:4003:ada\n"
WHO = """
import os, sys
from pathlib import Path
from drp.trust import Trust
os.setresuid(4001, 4001, 4001)
for group in map(int, sys.argv[2:]):
    doubt = Trust().doubt(Path(sys.argv[1]) / str(group))
    print(group, doubt.reason if doubt else "trusted")
"""


def test_a_group_of_ones_own_may_write_and_a_shared_one_may_not() -> None:
    """A checkout with umask 002 is healthy: ada's own group, and one that lists her alone."""
    groups = (4001, 5000, 0, 100, 5001, 5002, 4003, 5999)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "passwd").write_text(ACCOUNTS)
        (folder / "group").write_text(GROUPS)
        for group in groups:
            (folder / str(group)).mkdir()
            os.chown(folder / str(group), 4001, group)
            (folder / str(group)).chmod(0o2775)
        bind = f"mount --bind {folder}/passwd /etc/passwd; mount --bind {folder}/group /etc/group; exec "
        words = [sys.executable, "-c", WHO, name, *map(str, groups)]
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", bind + '"$@"', "-", *words], cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.stderr == ""
    assert dict(line.split(" ", 1) for line in done.stdout.splitlines()) == {
        "4001": "trusted",
        "5000": "trusted",
        "0": "trusted",
        "100": "may be written by group users (100)",
        "5001": "may be written by group pair (5001)",
        "5002": "may be written by group empty (5002)",
        "4003": "may be written by group eve (4003)",
        "5999": "may be written by group 5999, which has no name here",
    }


WORKER = """
from pathlib import Path
from drp.trust import Trust, judged_by_parent
print(Trust().doubt(Path("/etc/hostname")))
judged_by_parent()
print(Trust().doubt(Path("/etc/hostname")))
"""


def test_a_worker_in_a_namespace_of_its_own_relies_on_who_started_it(anybody: Anybody) -> None:
    """There root's files are nobody's; only the process outside can tell them from a stranger's."""
    become = ["setpriv", "--reuid=64031", "--regid=64031", "--clear-groups", "unshare", "--user", "--map-root-user"]
    done = subprocess.run(
        [*become, str(anybody.python), "-P", "-c", WORKER], cwd="/", env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    before, after = done.stdout.splitlines()
    assert "belongs to nobody" in before
    assert after == "None"


def test_a_file_system_that_a_user_serves_vouches_for_nobody(tmp_path: Path) -> None:
    """Its files belong to whom its server says: root, if he likes. Only the mount table says who he is."""
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id={STRANGER},group_id={STRANGER},allow_other".encode()
    where = os.fsencode(tmp_path)
    before = _fuse_mounters()
    try:
        assert libc.mount(b"drp-test", where, b"fuse", 6, options) == 0, os.strerror(ctypes.get_errno())
        try:
            added = set(_fuse_mounters().items()) - set(before.items())
        finally:
            libc.umount2(where, 2)
    finally:
        os.close(device)
    assert [user for _, user in added] == [STRANGER]


@pytest.mark.parametrize(
    "name", ["a\nHINT: run me", "\x1b[2J", "it's \\n\u202e", os.fsdecode(b"\xe9\xff1"), "Hôpital 2"]
)
def test_a_name_adds_no_line_of_its_own_and_the_command_mends_what_bears_it(name: str, tmp_path: Path) -> None:
    """What a stranger calls his folder must not read as advice of ours; the advice has to work as it is shown."""
    folder = tmp_path / name
    folder.mkdir()
    owned(folder)
    with pytest.raises(Untrusted) as caught:
        require([Trust().doubt(folder)])
    told = f"{caught.value.message}\n{caught.value.hint}"
    assert told.count("\n") == 1
    assert all(line.isprintable() for line in told.splitlines())
    subprocess.run(["/bin/bash", "-c", caught.value.hint.rpartition("then: ")[2]], check=True)
    assert Trust().doubt(folder) is None
