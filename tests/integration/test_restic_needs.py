"""What restic's points need, held against restic itself: the rest is really deleted, and each part of it really missed."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from drp.repositories.locations.stored_directory import StoredDirectory
from drp.repositories.restic.needs.listing import listing
from drp.repositories.restic.needs.session import Asked, needs_of
from tests.support.restic_keys import cheapen
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree

FORMS = ("reduced-1", "current-2")


@dataclass
class Made:
    """A repository with all that is odd, and its snapshots by name."""

    restic: Restic
    folder: Path
    points: dict[str, str]
    trees: dict[str, Path]

    @property
    def repository(self) -> Path:
        return Path(self.restic.repository)


def ask(repository: Path, points: list[str], cache: Path | None = None, password: str = PASSWORD) -> dict:
    stored = StoredDirectory("main", repository)
    asked = Asked(
        name="main", stored=stored, listing=listing(stored.versions()), password=password.encode(), cache=cache
    )
    return dict(needs_of(asked, points))


@pytest.fixture(scope="module", params=FORMS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    kind, _, version = request.param.partition("-")
    folder = tmp_path_factory.mktemp(request.param)
    restic = Restic(executable(kind), str(folder / "repository"))
    restic.run("init", "--repository-version", version)
    cheapen(folder / "repository", PASSWORD)
    source = make_tree(folder / "source" / "shared", files=12, size=30_000).parent
    points, trees = {}, {}

    def back_up(name: str) -> None:
        trees[name] = folder / f"tree-{name}"
        shutil.copytree(source, trees[name], symlinks=True)
        points[name] = restic.backup(".", cwd=source)

    back_up("first")
    generator = random.Random(7)
    (source / "many-blobs.bin").write_bytes(generator.randbytes(9 << 20))
    for number in range(700):
        (source / "shared" / f"small-{number}").write_bytes(f"{number}".encode())
    back_up("big")
    (source / "many-blobs.bin").unlink()
    (source / "link").symlink_to("../elsewhere")
    os.link(source / "shared" / "file-0000.bin", source / "hard")
    (source / "empty").touch()
    (source / "hollow").mkdir()
    (source / os.fsdecode(b"name-\xff\xe9")).write_text("odd name")
    back_up("odd")
    nothing = folder / "nothing"
    (nothing / "hollow").mkdir(parents=True)
    points["nothing"] = restic.backup(".", cwd=nothing)
    trees["nothing"] = nothing
    gone = restic.backup(str(make_tree(folder / "gone", files=5, seed=9)))
    restic.run("forget", gone, "--prune")
    return Made(restic, folder, points, trees)


def same(one: Path, other: Path) -> bool:
    def seen(root: Path) -> dict[bytes, object]:
        return {
            bytes(path.relative_to(root)): os.readlink(path)
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else None
            for path in root.rglob("*")
        }

    return seen(one) == seen(other)


def files_of(repository: Path) -> set[str]:
    return {str(path.relative_to(repository)) for path in repository.rglob("*") if path.is_file()}


def test_what_is_not_needed_can_go(made: Made, tmp_path: Path) -> None:
    found = ask(made.repository, list(made.points.values()), tmp_path / "cache")
    for name, point in made.points.items():
        needs = found[point]
        assert (needs.unknown, needs.missing) == ("", ())
        left = tmp_path / f"left-{name}"
        shutil.copytree(made.repository, left)
        for file in files_of(left) - set(needs.names):
            (left / file).unlink()
        assert files_of(left) == set(needs.names)
        Restic(made.restic.program, str(left)).run("restore", point, "--target", str(tmp_path / name), "--no-lock")
        assert same(tmp_path / name, made.trees[name]), name


def test_restic_finds_no_pack_that_is_not_named(made: Made) -> None:
    """`restic find` knows of data alone, so it cannot be asked the other way round: that is what the next test is for."""
    (needs,) = ask(made.repository, [made.points["big"]]).values()
    found = 0
    for pack in (made.repository / "data").glob("*/*"):
        told = made.restic.run("find", "--pack", pack.name, "--snapshot", made.points["big"], check=False).stdout
        if made.points["big"][:8] in told:
            assert str(pack.relative_to(made.repository)) in needs.names
            found += 1
    assert found


@pytest.mark.parametrize("made", ["current-2"], indirect=True)
def test_each_needed_object_is_missed(made: Made, tmp_path: Path) -> None:
    point = made.points["odd"]
    (needs,) = ask(made.repository, [point]).values()
    for count, name in enumerate(needs.names):
        left = tmp_path / f"left-{count}"
        shutil.copytree(made.repository, left, copy_function=os.link)
        (left / name).unlink()
        target = tmp_path / f"target-{count}"
        done = Restic(made.restic.program, str(left)).run(
            "restore", point, "--target", str(target), "--no-lock", check=False
        )
        assert done.returncode != 0 or not same(target, made.trees["odd"]), name
        told = ask(left, [point])[point] if not name.startswith(("snapshots/", "keys/")) else None
        assert told is None or told.unknown or told.missing, name
