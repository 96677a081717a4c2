"""Extended attributes, ACLs and capabilities: in manifests by default, the same from both cores, named when they change."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from drp.domain.manifest import UNJUDGED_PARTS as NAMES
from drp.errors import ManifestError
from drp.hashing.difference import differences
from drp.hashing.reading.rows import Options
from drp.hashing.tree import TreeHasher, create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.manifests.attributes import class_of, look, parse, settable
from drp.manifests.entries import entries
from drp.manifests.opening import open_manifest
from tests.support.trees import write

ROOT = os.geteuid() == 0
ANY = 0xFFFFFFFF
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def acl(user: int, rights: int = 4) -> bytes:
    entries_ = ((1, 6, ANY), (2, rights, user), (4, 4, ANY), (16, 4, ANY), (32, 0, ANY))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries_)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "folder").mkdir(parents=True)
    for name in ("plain", "user", "acl", "folder/deep"):
        write(root / name, b"content of " + name.encode())
    os.setxattr(root / "user", "user.patient", b"42")
    os.setxattr(root / "folder", "user.kind", b"notes")
    os.setxattr(root / "acl", "system.posix_acl_access", acl(1000))
    os.setxattr(root / "folder", "system.posix_acl_default", acl(1000))
    if ROOT:
        write(root / "capable", b"x")
        os.setxattr(root / "capable", "security.capability", CAPABILITY)
        os.setxattr(root / "plain", "security.selinux", b"system_u:object_r:etc_t:s0\0")
    return root


def made(tree: Path, manifest: Path, **options: object) -> Path:
    create_manifest(tree, manifest, application="a", workers=1, options=Options((), **options))  # type: ignore[arg-type]
    return manifest


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("device", ["memory", "ssd"])
def test_what_changes_is_named_and_labels_of_the_host_are_not(tree: Path, tmp_path: Path, device: str) -> None:
    manifest = made(tree, tmp_path / "m")
    plan = Plan(workers=1, device=device)  # type: ignore[arg-type]
    assert verify_tree(tree, manifest, plan).difference.clean
    os.setxattr(tree / "user", "user.patient", b"43")
    os.setxattr(tree / "acl", "system.posix_acl_access", acl(1001))
    os.removexattr(tree / "folder", "user.kind")
    os.setxattr(tree / "folder/deep", "user.new", b"")
    if ROOT:
        os.setxattr(tree / "plain", "security.selinux", b"system_u:object_r:tmp_t:s0\0")
        os.removexattr(tree / "capable", "security.capability")
    found = verify_tree(tree, manifest, plan).difference
    said = {each.path: (each.expected, each.observed) for each in found.deviations}
    assert said == {
        "user": ("user.patient as recorded", "user.patient another"),
        "acl": ("system.posix_acl_access as recorded", "system.posix_acl_access another"),
        "folder": ("with user.kind", "without user.kind"),
        "folder/deep": ("without user.new", "with user.new"),
        **({"capable": ("with security.capability", "without security.capability")} if ROOT else {}),
    }
    assert set(found.counts) == {"metadata"}


def test_both_cores_give_the_same_groups(tree: Path, tmp_path: Path) -> None:
    found = []
    for name in ("pure", "native"):
        with open_manifest(made(tree, tmp_path / name, core=name)) as manifest:
            found.append([entry.document(manifest.algorithms) for entry in entries(manifest)])
    assert found[0] == found[1]
    assert sum("attributes" in document for document in found[0]) == (4 if ROOT else 3)


def test_a_restore_that_can_set_none_is_told_and_not_blamed(tree: Path, tmp_path: Path) -> None:
    manifest = made(tree, tmp_path / "m")
    for name in ("capable",) if ROOT else ():
        os.removexattr(tree / name, "security.capability")
    os.removexattr(tree / "acl", "system.posix_acl_access")
    (tree / "acl").chmod(0o640)
    barred = {"capability": "nobody may", "trusted": "nobody may"}
    found = verify_tree(tree, manifest, Plan(uid_offset=None, barred=barred, workers=1)).difference
    assert found.clean
    said = {each.part: (each.count, each.why) for each in found.unjudged}
    assert said[NAMES["acl"]] == (2, "a single user id is mapped: as for owners")
    if ROOT:
        assert said[NAMES["capability"]] == (1, "nobody may")
    os.setxattr(tree / "user", "user.patient", b"43")
    found = verify_tree(tree, manifest, Plan(uid_offset=None, barred=barred, workers=1)).difference
    assert dict(found.counts) == {"metadata": 1}


def test_a_manifest_without_them_says_so(tree: Path, tmp_path: Path) -> None:
    manifest = made(tree, tmp_path / "m", attributes=())
    os.setxattr(tree / "user", "user.patient", b"43")
    found = verify_tree(tree, manifest, Plan(workers=1)).difference
    assert found.clean
    assert {each.part for each in found.unjudged} == {NAMES[each] for each in ("user", "acl", "capability", "trusted")}
    assert all(each.count is None for each in found.unjudged)
    older = made(tree, tmp_path / "older", attributes=(), xattrs=True)
    assert verify_tree(tree, older, Plan(workers=1)).difference.clean
    os.setxattr(tree / "user", "user.patient", b"44")
    assert dict(verify_tree(tree, older, Plan(workers=1)).difference.counts) == {"metadata": 1}


def test_manifests_are_compared_by_what_both_hold(tree: Path, tmp_path: Path) -> None:
    left, bare = made(tree, tmp_path / "m"), made(tree, tmp_path / "bare", attributes=())
    os.setxattr(tree / "user", "user.patient", b"43")
    right = made(tree, tmp_path / "n")
    with open_manifest(left) as first, open_manifest(right) as second, open_manifest(bare) as third:
        assert [each.path for each in differences(first, second)] == [b"user"]
        assert list(differences(first, third)) == []


@pytest.mark.skipif(not ROOT, reason="ids are moved by root alone")
def test_ids_that_a_restore_moved_are_the_same(tree: Path, tmp_path: Path) -> None:
    manifest = made(tree, tmp_path / "m")
    for path in (tree / "acl", tree / "user", tree / "plain", tree / "capable", tree / "folder", tree / "folder/deep"):
        os.chown(path, 300_000, 300_000)
    os.setxattr(tree / "acl", "system.posix_acl_access", acl(301_000))
    os.setxattr(tree / "folder", "system.posix_acl_default", acl(301_000))
    moved = struct.pack("<I", 0x03000001) + CAPABILITY[4:] + struct.pack("<I", 300_000)
    os.setxattr(tree / "capable", "security.capability", moved)
    assert verify_tree(tree, manifest, Plan(uid_offset=300_000, workers=1)).difference.clean
    os.setxattr(tree / "acl", "system.posix_acl_access", acl(301_001))
    assert verify_tree(tree, manifest, Plan(uid_offset=300_000, workers=1)).difference.counts["metadata"] == 1


def test_sockets_and_devices_cannot_be_in_a_sandbox(tmp_path: Path) -> None:
    import socket

    tree = tmp_path / "t"
    tree.mkdir()
    write(tree / "file", b"x")
    os.mkfifo(tree / "pipe")
    here = os.open(".", os.O_RDONLY)
    os.chdir(tree)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    os.fchdir(here)
    os.close(here)
    manifest = made(tree, tmp_path / "m")
    (tree / "socket").unlink()
    inside = TreeHasher(workers=1).compare(tree, manifest, uid_offset=None, within=tree)
    assert inside.clean
    assert [(each.part, each.count, each.named) for each in inside.unjudged if each.count] == [
        (NAMES["node"], 1, ("socket",))
    ]
    assert dict(TreeHasher(workers=1).compare(tree, manifest, uid_offset=0).counts) == {"missing": 1}
    (tree / "pipe").unlink()
    assert dict(TreeHasher(workers=1).compare(tree, manifest, uid_offset=0, within=tree).counts) == {"missing": 1}
    write(tree / "socket", b"no socket")
    assert TreeHasher(workers=1).compare(tree, manifest, uid_offset=0, within=tree).counts["kind"] == 1


def test_what_is_kept_can_be_read_again(tree: Path) -> None:
    kept = look(os.fsencode(tree / "user"), ("user",))
    assert list(parse(kept)) == [b"user.patient"]
    for broken in (kept[:-1], kept[:1], b"\0\0" + kept, b"\xff\xff" + kept[2:]):
        with pytest.raises(ManifestError):
            parse(broken)
    left_out = (b"security.selinux", b"trusted.overlay.opaque", b"system.nfs4_acl", b"btrfs.compression", b"other")
    assert [class_of(name) for name in left_out] == [None] * 5
    descriptor = os.open(tree, os.O_RDONLY)
    assert settable(descriptor) == {"user", "acl"}
    os.close(descriptor)
