"""Parts of the restored tree on volumes of their own: nobody inside sees a difference, and all of them are erased."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import DirectoryLocation
from drp.domain.repository_port import Repository
from drp.domain.restore import RestoreOutcome
from drp.domain.sandbox import SandboxHandle
from drp.domain.volume import DataVolume
from drp.errors import RepositoryError, StorageFull
from drp.hashing.tree import TreeHasher, create_manifest
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from drp.sandboxes.client import AgentClient
from drp.sandboxes.host import encryption, image
from tests.support import restic_tools
from tests.support.copies import copies
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.fixtures_sandboxes import Rig
from tests.support.restic_tools import PASSWORD, Restic
from tests.support.scratch import scratch

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))


class Backed:
    """A tree, what restores it, and its manifest."""

    def __init__(self, kind: str, folder: Path, change: Callable[[Path], None]) -> None:
        self.kind, self.folder = kind, folder
        self.source = folder / "days" / "ehr" / "2026-11-28T020000Z" if kind == "copies" else folder / "srv" / "ehr"
        grow(self.source)
        change(self.source)
        self.manifest = folder / "manifest"
        create_manifest(self.source, self.manifest, application="ehr", workers=1)
        self.repository = self._repository()
        self.point: RecoveryPoint = self.repository.points(EHR).points[0]
        self.root = self.repository.restore_order(self.point).source_root.rstrip("/")

    def _repository(self) -> Repository:
        if self.kind == "copies":
            return copies(self.folder / "days")
        program = restic_tools.executable(self.kind)
        Restic(program, str(self.folder / "repository")).init().backup(self.source, tags=("ehr",))
        settings = ResticSettings(
            name="main",
            location=DirectoryLocation(path=self.folder / "repository"),
            password=keep_secret(self.folder, "password", PASSWORD),
            executable=str(program),
        )
        return create(settings, resolve=resolve, cache_directory=self.folder / "cache")

    def open(self, rig: Rig, *folders: str, erase: str = "overwrite") -> SandboxHandle:
        """Open a sandbox with volumes for these folders of the tree, each in a place of its own."""
        parts = tuple(
            DataVolume(at=f"{self.root}/{each}", directory=str(self.folder / f"disk{number}"), size_bytes=24 << 20)
            for number, each in enumerate(folders)
        )
        return rig.open(data_backing="disk", data_volumes=parts, erase=erase)

    def restore(self, handle: SandboxHandle) -> RestoreOutcome:
        order = self.repository.restore_order(self.point)
        files = Path(handle.data_path) / "files"
        outcome = carry_out(order, self.repository.secrets(), files)
        owner = Path(handle.data_path).stat()
        for each in (files, *files.rglob("*")):  # as if the cell's user had done it
            os.lchown(each, owner.st_uid, owner.st_gid)
        return outcome


def grow(tree: Path) -> None:
    (tree / "pacs" / "images").mkdir(parents=True)
    (tree / "plain").write_bytes(b"plain" * 1000)
    (tree / "pacs" / "index").write_bytes(b"index" * 1000)
    (tree / "pacs" / "images" / "one").write_bytes(os.urandom(4 << 20))
    os.link(tree / "pacs" / "images" / "one", tree / "pacs" / "images" / "two")
    (tree / "pacs" / "images" / "link").symlink_to("../../plain")
    with (tree / "pacs" / "images" / "sparse").open("wb") as stream:
        stream.seek(200 << 20)
        stream.write(b"end")
    os.setxattr(tree / "pacs" / "images", "user.kind", b"images")
    (tree / "pacs" / "images").chmod(0o751)
    for folder in (tree / "pacs" / "images", tree / "pacs", tree):
        os.utime(folder, (1_700_000_000, 1_700_000_000))


def nothing(_: Path) -> None:
    """Leave a tree as it is."""


@pytest.fixture(params=["current", "copies"])
def backed(request: pytest.FixtureRequest) -> Iterator[Callable[..., Backed]]:
    with scratch("drp-volumes", Path("/tmp")) as folder:  # a short path: whoever carries orders out here cuts lines

        def make(change: Callable[[Path], None] = nothing) -> Backed:
            return Backed(request.param, folder, change)

        yield make


@pytest.mark.parametrize("erase", ["overwrite", "encrypt"])
def test_a_tree_on_three_volumes_is_as_it_was_and_all_of_them_are_erased(
    rig: Rig, backed: Callable[..., Backed], erase: str
) -> None:
    if erase == "encrypt" and not encryption.available():
        pytest.skip("this kernel's ext4 cannot encrypt")
    tree = backed()
    handle = tree.open(rig, "pacs/images", "pacs", erase=erase)
    assert [each.at for each in handle.volumes] == ["", f"{tree.root}/pacs", f"{tree.root}/pacs/images"]
    images = image.noted(rig.run_directory, handle.id)
    assert [each.parent.name for each in images[1:]] == ["disk1", "disk0"]
    receipt = tree.repository.receipt(tree.point, tree.restore(handle))
    assert receipt.unrestored == ()
    rig.driver.settle(handle)
    files = Path(handle.data_path) / "files"
    restored = files / tree.root.lstrip("/")
    difference = TreeHasher(workers=1).compare(restored, tree.manifest, uid_offset=None, within=files)
    assert difference.clean, difference.deviations
    assert len({each.stat().st_dev for each in (restored, restored / "pacs", restored / "pacs" / "images")}) == 3
    sparse = (restored / "pacs" / "images" / "sparse").stat()
    assert sparse.st_blocks * 512 < 1 << 20 < sparse.st_size, "holes stay holes: it would not have fitted"
    where = f"/data/files{tree.root}/pacs"
    assert "plain" in rig.shell(handle, f"cat {where}/images/link")
    assert "index" in rig.shell(handle, f"cat {where}/index; echo new > {where}/images/new")
    witness = rig.driver.open_reader(handle)
    seen = AgentClient(witness.control_socket).exec(
        ["/bin/sh", "-c", f"cat {where}/images/new; echo x > {where}/images/y"]
    )
    assert (seen.stdout, seen.exit_code == 0) == (b"new\n", False), seen.stderr
    assert b"Read-only file system" in seen.stderr
    residue = rig.driver.destroy(handle)
    assert residue.clean
    assert [(each.at, each.done) for each in residue.erased] == [(each.at, True) for each in handle.volumes]
    assert not any(each.exists() for each in images)


def test_a_file_with_names_on_two_volumes_is_the_harness_s_limit(rig: Rig, backed: Callable[..., Backed]) -> None:
    tree = backed(lambda top: os.link(top / "pacs" / "images" / "one", top / "zz-elsewhere"))
    handle = tree.open(rig, "pacs/images")
    with pytest.raises(RepositoryError, match=r"[Ii]nvalid cross-device link"):
        tree.repository.receipt(tree.point, tree.restore(handle))


def test_a_volume_that_is_too_small_is_not_the_backup_s_fault(rig: Rig, backed: Callable[..., Backed]) -> None:
    tree = backed(lambda top: (top / "pacs" / "images" / "large").write_bytes(os.urandom(28 << 20)))
    handle = tree.open(rig, "pacs/images")
    with pytest.raises(StorageFull, match="no space"):
        tree.repository.receipt(tree.point, tree.restore(handle))


def test_what_is_renamed_inside_leads_nobody_outside_to_another_place(
    rig: Rig, backed: Callable[..., Backed], tmp_path: Path
) -> None:
    tree = backed()
    handle = tree.open(rig, "pacs/images")
    tree.restore(handle)
    other = tmp_path / "other"
    (other / "images").mkdir(parents=True)
    image.mounts.bind(tmp_path, other / "images")
    try:
        place = f"/data/files{tree.root}"
        rig.shell(handle, f"mv {place}/pacs {place}/moved; ln -s {other} {place}/pacs")
        rig.driver.settle(handle)
        assert rig.driver.destroy(handle).clean
        assert str(other / "images") in image.mounts.below(tmp_path), "a mount of the host was let go"
    finally:
        image.mounts.unmount(other / "images")
