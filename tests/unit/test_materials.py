"""Digests of what a recovery uses: any change is seen, nothing is read twice for nothing, and a copy is what it was."""

from __future__ import annotations

import os

import pytest

from drp.materials import FileDigests, copy_used


@pytest.fixture
def runbooks(tmp_path):
    root = tmp_path / "runbooks"
    (root / "mine" / "files").mkdir(parents=True)
    (root / "mine" / "restore.yml").write_text("- hosts: sandbox\n")
    (root / "mine" / "files" / "load.sh").write_text("#!/bin/sh\n")
    (root / "mine" / "files" / "load.sh").chmod(0o755)
    (root / "caf\udce9.yml").write_text("x")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "old.pyc").write_text("x")
    return root


def test_every_file_counts_by_its_name(runbooks):
    assert list(FileDigests().below(runbooks)) == ["caf\udce9.yml", "mine/files/load.sh", "mine/restore.yml"]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "mine" / "restore.yml").write_text("- hosts: localhost"),
        lambda root: (root / "mine" / "restore.yml").write_bytes(b"- hosts: sandboy\n"),
        lambda root: (root / "mine" / "restore.yml").rename(root / "mine" / "start.yml"),
        lambda root: (root / "mine" / "files" / "load.sh").unlink(),
        lambda root: (root / "new.yml").write_text(""),
        lambda root: (root / "mine" / "link.yml").symlink_to("restore.yml"),
    ],
)
def test_every_change_is_seen(runbooks, change):
    digests = FileDigests()
    before = digests.tree(runbooks)
    assert digests.tree(runbooks) == before
    change(runbooks)
    assert digests.tree(runbooks) != before


def test_a_change_that_puts_the_old_times_and_size_back_is_seen(runbooks):
    digests, file = FileDigests(), runbooks / "mine" / "restore.yml"
    before, seen = digests.file(file), file.stat()
    file.write_bytes(b"- hosts: sandboy\n")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert file.stat().st_size == seen.st_size
    assert digests.file(file) != before


def test_a_file_that_was_another_meanwhile_is_no_longer_what_was_declared(runbooks):
    """Changed after it was looked at, used, and put back before it is looked at again."""
    digests, file = FileDigests(), runbooks / "mine" / "restore.yml"
    before, content = digests.file(file), file.read_bytes()
    other = file.with_suffix(".new")
    other.write_bytes(content)
    other.rename(file)
    assert digests.file(file) != before
    os.link(file, file.with_suffix(".linked"))
    assert digests.file(file) != before, "and nothing makes that unsaid"
    assert FileDigests().file(file) == before, "what is declared later is judged by what it holds"


def test_a_file_that_is_linked_or_handed_over_is_the_same(runbooks):
    digests, file = FileDigests(), runbooks / "mine" / "restore.yml"
    before = digests.file(file)
    os.link(file, file.with_suffix(".linked"))
    file.chmod(0o640)
    assert digests.file(file) == before


def test_a_file_that_did_not_change_is_not_read_again(runbooks, monkeypatch):
    digests = FileDigests()
    digests.tree(runbooks)
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("read again"))
    digests.tree(runbooks)


def test_what_is_no_file_is_said_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "nowhere").symlink_to("gone")
    digests = FileDigests()
    assert digests.file(tmp_path / "fifo") == "no file"
    assert digests.file(tmp_path / "absent") == "No such file or directory"
    assert digests.file(tmp_path / "nowhere") == "No such file or directory"
    assert digests.below(tmp_path) == {}


def test_a_link_that_leads_back_up_ends(runbooks):
    (runbooks / "mine" / "up").symlink_to("..")
    assert len(FileDigests().below(runbooks)) < 20


def test_a_copy_is_what_was_digested_and_follows_links(runbooks, tmp_path):
    shared = tmp_path / "shared-role"
    shared.mkdir()
    (shared / "main.yml").write_text("- debug:\n")
    (runbooks / "roles").symlink_to(shared)
    os.mkfifo(runbooks / "fifo")
    copy_used(runbooks, tmp_path / "copy" / "runbooks")
    assert FileDigests().below(tmp_path / "copy" / "runbooks") == FileDigests().below(runbooks)
    assert (tmp_path / "copy" / "runbooks" / "roles" / "main.yml").is_file()
    assert os.access(tmp_path / "copy" / "runbooks" / "mine" / "files" / "load.sh", os.X_OK)
