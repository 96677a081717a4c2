"""Every kind of name and node that a tree can hold goes through restic and back, and every field belongs to a part."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drp.domain.repository import DirectoryLocation
from drp.domain.tree_parts import PARTS
from drp.hashing.tree import TreeHasher, create_manifest
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import PASSWORD, Restic
from tests.support.trees import hostile, write

pytestmark = pytest.mark.real
CATALOGUE = {own for part in PARTS for own in part.catalogue}
STATX = Path("/usr/include/linux/stat.h")
ODD_NAMES = [
    "trailing ",
    "trailing.",
    "😀 emoji",
    "עברית",
    "a:b",
    "con",
    "é",
    "e\u0301",
    "\u202egnp.exe",
    "-",
    "--help",
]


def corpus(root: Path) -> Path:
    """Make a tree of every kind of name and node, time, mode and attribute that this machine lets us make."""
    hostile(root)
    for number, name in enumerate(ODD_NAMES):
        write(root / f"odd-{number}-{name}", name.encode(), mtime_ns=-1_000_000_001 * (number + 1))
    write(root / "tick", b"x", mtime_ns=1_700_000_000_000_000_001)
    write(root / "setuid", b"x", mode=0o6755)
    write(root / "unreadable", b"x", mode=0o000)
    (root / "closed").mkdir()
    write(root / "closed" / "inside", b"x", mode=0o444)
    os.setxattr(root / "tick", "user.small", b"1")
    os.setxattr(root / "tick", "user.large", b"v" * 3000)
    os.setxattr(root / "closed", "user.folder", bytes(range(256)))
    entries = ((1, 6), (4, 4), (16, 6), (32, 0))
    listed = b"".join(struct.pack("<HHI", *entry, 0xFFFFFFFF) for entry in entries)
    os.setxattr(root / "closed", "system.posix_acl_default", struct.pack("<I", 2) + listed)
    (root / "closed").chmod(0o500)
    if os.geteuid() == 0:
        os.mknod(root / "disk", 0o060660, os.makedev(7, 0))
        os.setxattr(root / "setuid", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
        os.setxattr(root / "tick", "security.selinux", b"system_u:object_r:etc_t:s0\0")
    return root


def nodes(writer: Restic, tree: str) -> Iterator[dict[str, Any]]:
    """Yield all nodes below a tree as restic keeps them."""
    for node in json.loads(writer.run("cat", "blob", tree).stdout)["nodes"]:
        yield node
        if node.get("subtree"):
            yield from nodes(writer, node["subtree"])


def test_every_field_of_a_file_belongs_to_a_part() -> None:
    body = re.search(r"struct statx \{(.*?)^\};", STATX.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert body is not None
    fields = set(re.findall(r"\b(stx_\w+)", re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)))
    together = {"stx_rdev_major": "stx_rdev", "stx_rdev_minor": "stx_rdev"}
    together |= {"stx_dev_major": "stx_dev", "stx_dev_minor": "stx_dev"}
    assert "stx_size" in fields
    assert {together.get(field, field) for field in fields} <= CATALOGUE


def test_every_kind_of_name_and_node_comes_back(restic_program: Path, tmp_path: Path) -> None:
    lost = {"dangling"} if "0.14" in str(restic_program) else set()  # it keeps targets of links as UTF-8 alone
    source = corpus(tmp_path / "source")
    create_manifest(source, tmp_path / "m", application="ehr", workers=1)
    writer = Restic(restic_program, str(tmp_path / "repository")).init()
    identifier = writer.backup(source, tags=("ehr",))
    top = json.loads(writer.run("cat", "snapshot", identifier).stdout)["tree"]
    seen = list(nodes(writer, top))
    assert {key for node in seen for key in node} <= CATALOGUE
    assert {node["type"] for node in seen} <= CATALOGUE
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=tmp_path / "repository"),
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(restic_program),
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    (point,) = repository.points(application(tags=("ehr",))).points
    order = repository.restore_order(point)
    outcome = carry_out(order, repository.secrets(), tmp_path / "restored")
    assert repository.receipt(point, outcome).unrestored == ()
    restored = tmp_path / "restored" / order.source_root.lstrip("/")
    found = TreeHasher(workers=1).compare(restored, tmp_path / "m", uid_offset=0, within=tmp_path / "restored")
    assert {each.path for each in found.deviations} == lost
    (root_node,) = [left_out for left_out in found.unjudged if left_out.part == "sockets and device nodes"]
    assert root_node.named == ("socket",)
    os.setxattr(restored / "tick", "user.small", b"2")
    os.removexattr(restored / "closed", "system.posix_acl_default")
    (restored / "setuid").chmod(0o755)
    found = TreeHasher(workers=1).compare(restored, tmp_path / "m", uid_offset=0, within=tmp_path / "restored")
    assert {each.path for each in found.deviations} == {"tick", "closed", "setuid"} | lost


def test_a_single_file_is_a_tree_too(restic_program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    folder.mkdir()
    write(folder / "ehr.dump", b"dump")
    writer = Restic(restic_program, str(tmp_path / "repository")).init()
    writer.backup(folder / "ehr.dump", tags=("ehr",))
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=tmp_path / "repository"),
        password=keep_secret(tmp_path, "password", PASSWORD),
        executable=str(restic_program),
    )
    repository = create(settings, resolve=resolve, cache_directory=tmp_path / "cache")
    (point,) = repository.points(application(tags=("ehr",))).points
    order = repository.restore_order(point)
    assert order.source_root == str(folder)
    create_manifest(folder, tmp_path / "m", application="ehr", workers=1)
    carry_out(order, repository.secrets(), tmp_path / "restored")
    restored = tmp_path / "restored" / order.source_root.lstrip("/")
    assert TreeHasher(workers=1).compare(restored, tmp_path / "m", uid_offset=0, within=tmp_path / "restored").clean
