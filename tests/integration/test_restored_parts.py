"""Some files of a recovery point, whatever they are called: with both restic versions and with copies, for real."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository import DirectoryLocation
from drp.domain.repository_port import Repository
from drp.domain.sample import Sample
from drp.errors import ManifestError, UsageError
from drp.hashing.sampling import parse_sample
from drp.hashing.tree import TreeHasher, create_manifest
from drp.hashing.verification import Plan, verify_tree
from drp.repositories.kind import create
from drp.repositories.restic.patterns import patterns
from drp.repositories.restic.settings import ResticSettings
from tests.support import restic_tools
from tests.support.copies import copies
from tests.support.fixtures_repositories import application, carry_out, keep_secret, resolve
from tests.support.restic_tools import PASSWORD, Restic

pytestmark = pytest.mark.real
EHR = application(tags=("ehr",))
DAY = "2026-11-28T020000Z"
ODD = (
    b"plain",
    b"plain2",
    b"plain.d/below",
    b"with space",
    b"star*",
    b"**",
    b"**.d/x",
    b"what?",
    b"[abc]",
    b"[!abc]",
    b"!not",
    b"back\\slash",
    b"\\",
    b"new\nline",
    b"$HOME",
    b"${HOME}",
    b"#comment",
    b"-rf",
    b"--include",
    b"{{ 7*7 }}",
    b"{%x%}",
    b"~",
    b"a'b\"c",
    b"tab\tbell\x07",
    b"caf\xe9.dcm",
    b"\xff\xfe",
    "déjà vu".encode(),
    "e\u0301 other form".encode(),
    "\u200b\u202ehidden".encode(),
    "\U0001fa7a".encode(),
    b"..hidden",
    b".x/.y/.z",
    b"deep/" + b"/".join([b"d" * 60] * 12) + b"/bottom",
    b"n" * 255,
    b"empty",
)
DECOYS = (
    b"stars",
    b"whatx",
    b"a",
    b"b",
    b"not",
    b"caf\xc3\xa9.dcm",
    b"newxline",
    b"plain.d/other",
    b"x/y",
    b"49",
    b"star",
)
"""What the names above would mean if they were taken for patterns."""
LIKE_THEM = {b"newxline", b"caf\xc3\xa9.dcm", b"49"}
"""A byte for which a pattern has no word is any character there: these may come back too, and are not compared."""


def make(tree: Path) -> Path:
    for name in (*ODD, *DECOYS):
        path = os.fsencode(tree) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(b"" if name == b"empty" else name * 40)
    os.link(tree / "plain", tree / "linked")
    os.link(tree / "plain", tree / "zz-linked")
    (tree / "pointer").symlink_to("plain")
    return tree


def found(tree: Path) -> set[bytes]:
    """Return every file below a tree."""
    top = os.fsencode(tree)
    return {os.path.join(place, name)[len(top) + 1 :] for place, _, names in os.walk(top) for name in names}


class Kept:
    """A tree that was backed up, and its repository."""

    def __init__(self, repository: Repository, source: Path) -> None:
        self.repository, self.source = repository, source
        self.point: RecoveryPoint = repository.points(EHR).points[0]

    def restored(self, only: Sequence[bytes], target: Path) -> Path:
        """Restore some files and return where the tree begins."""
        order = self.repository.restore_order(self.point, only=only)
        outcome = carry_out(order, self.repository.secrets(), target)
        receipt = self.repository.receipt(self.point, outcome, whole=False)
        assert receipt.unrestored == ()
        return target / order.source_root.lstrip("/")


@pytest.fixture(scope="module", params=[*restic_tools.KINDS, "copies"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("kept")
    if request.param == "copies":
        make(folder / "days" / "ehr" / DAY)
        return Kept(copies(folder / "days"), folder / "days" / "ehr" / DAY)
    program = restic_tools.executable(request.param)
    source = make(folder / "srv" / "[e]hr *")
    Restic(program, str(folder / "repository")).init().backup(source, tags=("ehr",))
    settings = ResticSettings(
        name="main",
        location=DirectoryLocation(path=folder / "repository"),
        password=keep_secret(folder, "password", PASSWORD),
        executable=str(program),
    )
    return Kept(create(settings, resolve=resolve, cache_directory=folder / "cache"), source)


def test_it_says_that_it_restores_parts(kept: Kept) -> None:
    assert kept.repository.preflight().restores_parts


def test_each_name_stands_for_itself(kept: Kept, tmp_path: Path) -> None:
    tree = kept.restored(ODD, tmp_path / "files")
    came = found(tree)
    assert set(ODD) <= came
    assert came - set(ODD) <= LIKE_THEM
    for name in ODD:
        assert (tree / os.fsdecode(name)).read_bytes() == (kept.source / os.fsdecode(name)).read_bytes()


@pytest.mark.parametrize(
    "name", [b"plain", b"linked", b"zz-linked", b"[abc]", b"**", b"caf\xe9.dcm", b"new\nline", b"-rf"]
)
def test_one_file_alone_comes_back_alone(kept: Kept, tmp_path: Path, name: bytes) -> None:
    tree = kept.restored([name], tmp_path / "files")
    assert name in found(tree)
    assert found(tree) - {name} <= (set() if name.isascii() and name.decode().isprintable() else LIKE_THEM)


def test_two_names_of_one_file_both_come_back(kept: Kept, tmp_path: Path) -> None:
    tree = kept.restored([b"linked", b"zz-linked"], tmp_path / "files")
    assert found(tree) == {b"linked", b"zz-linked"}
    assert (tree / "linked").stat().st_ino == (tree / "zz-linked").stat().st_ino


def test_what_is_not_in_the_backup_does_not_come_back(kept: Kept, tmp_path: Path) -> None:
    assert found(kept.restored([b"plain", b"gone"], tmp_path / "files")) == {b"plain"}


def test_what_does_not_fit_on_a_command_line_is_refused(kept: Kept) -> None:
    with pytest.raises(UsageError, match="do not fit"):
        kept.repository.restore_order(kept.point, only=[b"%05d" % number + b"n" * 240 for number in range(9000)])
    with pytest.raises(UsageError, match="none of"):
        kept.repository.restore_order(kept.point, only=[])


def test_three_thousand_files_fit(kept: Kept, tmp_path: Path) -> None:
    many = [b"studies/%04d/series/image-%08d.dcm" % (number % 50, number) for number in range(3000)]
    tree = kept.restored([*many, b"plain"], tmp_path / "files")
    assert found(tree) == {b"plain"}


def drawn(kept: Kept, folder: Path, *, files: int, seed: str) -> tuple[Path, Sample, tuple[bytes, ...]]:
    manifest = folder / "manifest"
    made = create_manifest(kept.source, manifest, application="ehr", workers=1)
    sample = Sample(manifest_id=made.id, seed=seed, drawn=files, population=made.files)
    return manifest, sample, TreeHasher(workers=1).drawn(manifest, sample)


@pytest.mark.parametrize("files", [1, 7, 50])
def test_a_drawn_sample_comes_back_and_is_as_recorded(kept: Kept, tmp_path: Path, files: int) -> None:
    manifest, sample, names = drawn(kept, tmp_path, files=min(files, len(ODD) + len(DECOYS) + 2), seed="s")
    assert len(set(names)) == sample.drawn
    tree = kept.restored(names, tmp_path / "files")
    difference = TreeHasher(workers=1).compare(
        tree, manifest, uid_offset=None, within=tmp_path / "files", sample=sample
    )
    assert difference.clean, difference.deviations
    assert difference.files_hashed == difference.sampled == sample.drawn
    again = Plan(uid_offset=None, sample=parse_sample(str(sample.drawn), seed=sample.seed), workers=1)
    assert verify_tree(tree, manifest, again).difference.clean, "`drp manifest verify` draws the same files"


def test_a_drawn_file_that_is_damaged_or_gone_is_named_and_the_others_are_not_looked_at(
    kept: Kept, tmp_path: Path
) -> None:
    manifest, sample, names = drawn(kept, tmp_path, files=5, seed="t")
    others = sorted(found(kept.source) - set(names))
    tree = kept.restored(names, tmp_path / "files")
    shutil.copytree(tree, tmp_path / "twin", symlinks=True)
    for victim in others:  # they are not even there
        assert victim not in found(tree)
    (tree / os.fsdecode(names[0])).unlink()
    with open(os.fsencode(tree) + b"/" + names[1], "ab") as stream:
        stream.write(b"x")
    difference = TreeHasher(workers=1).compare(
        tree, manifest, uid_offset=None, within=tmp_path / "files", sample=sample
    )
    assert difference.counts["missing"] == 1
    assert difference.counts["changed"] == 1


def test_a_sample_of_another_manifest_is_refused(kept: Kept, tmp_path: Path) -> None:
    manifest, sample, _ = drawn(kept, tmp_path, files=5, seed="t")
    for other in (replace(sample, manifest_id="0" * 64), replace(sample, population=sample.population + 1)):
        with pytest.raises(ManifestError, match="another manifest"):
            TreeHasher(workers=1).drawn(manifest, other)


def test_a_pattern_begins_with_a_slash_and_holds_nothing_that_json_cannot() -> None:
    for root in ("/", "/srv/app", "/!odd/[x]"):
        made = patterns(root, ODD)
        assert all(each.startswith("/") and not each.startswith("//") for each in made)
        assert all(each.encode("utf-8") and each.isprintable() for each in made)
        assert not any("{{" in each or "{%" in each for each in made)
