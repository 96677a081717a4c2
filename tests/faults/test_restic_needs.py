"""What a point needs, of repositories that are damaged, hostile or change, and with caches that others wrote to."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drp.domain.repository_port import Needs
from drp.errors import Unreachable
from drp.repositories.locations.stored_directory import StoredDirectory
from drp.repositories.restic.needs.listing import listing
from drp.repositories.restic.needs.session import Asked, needs_of
from tests.benchmarks.horizon import measured
from tests.support.restic_made import MadeRepository, file_node, fill, seal, tree_text
from tests.support.restic_tools import PASSWORD, Restic, executable, flip


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blank") / "repository"
    Restic(executable("current"), str(folder)).init()
    return folder


@pytest.fixture
def made(blank: Path, tmp_path: Path) -> MadeRepository:
    shutil.copytree(blank, tmp_path / "repository")
    return MadeRepository.of(Restic(executable("current"), str(tmp_path / "repository")))


def asked(made: MadeRepository, **changes: object) -> Asked:
    stored = StoredDirectory("made", made.folder)
    known = listing(stored.versions())
    said = Asked(
        name="made", stored=stored, listing=known, password=PASSWORD.encode(), cache=made.folder.parent / "cache"
    )
    return replace(said, **changes)


def ask(made: MadeRepository, point: str, **changes: object) -> Needs:
    ((_, needs),) = needs_of(asked(made, **changes), [point])
    return needs


def data(identity: str, offset: int = 0) -> dict[str, object]:
    return {"id": identity, "type": "data", "offset": offset, "length": 100}


def simple(made: MadeRepository, *, copies: int = 1) -> tuple[str, list[str], str]:
    """Return a snapshot of one file of one blob, the packs that hold the blob, and the pack of the tree."""
    blob = hashlib.sha256(b"content").hexdigest()
    packs = [hashlib.sha256(bytes([number])).hexdigest() for number in range(copies)]
    text = tree_text([file_node("a", [blob])])
    trees = made.tree_pack([text])
    for pack in packs:
        made.index([(pack, [data(blob)])])
    made.index([trees])
    return made.snapshot(hashlib.sha256(text).hexdigest()), packs, trees[0]


def of_packs(needs: Needs) -> set[str]:
    return {name.rpartition("/")[2] for name in needs.names if name.startswith("data/")}


def test_of_a_blob_in_several_packs_every_copy_counts(made: MadeRepository):
    point, packs, tree = simple(made, copies=3)
    needs = ask(made, point)
    assert of_packs(needs) == {*packs, tree}
    assert {name.rpartition("/")[2] for name in needs.missing} == set(packs), "they are in the index alone"
    assert sum(name.startswith("index/") for name in needs.names) == 4
    assert needs.own == f"snapshots/{point}"


def test_what_was_kept_follows_the_index(made: MadeRepository):
    point, packs, tree = simple(made)
    assert of_packs(ask(made, point)) == {*packs, tree}
    other = hashlib.sha256(b"other").hexdigest()
    more = made.index([(other, [data(hashlib.sha256(b"foreign").hexdigest())])])
    assert of_packs(ask(made, point)) == {*packs, tree}, "nothing of it is used"
    twice = made.index([(other, [data(hashlib.sha256(b"content").hexdigest())])])
    assert of_packs(ask(made, point)) == {*packs, tree, other}, "restic may take this copy now"
    (made.folder / "index" / twice).unlink()
    (made.folder / "index" / more).unlink()
    assert of_packs(ask(made, point)) == {*packs, tree}


def test_a_blob_that_no_index_names_makes_it_unknown(made: MadeRepository):
    point, _, _ = simple(made)
    for file in (made.folder / "index").iterdir():
        if file.stat().st_size < 300:
            file.unlink()
            assert "no index file names" in ask(made, point).unknown


@pytest.mark.parametrize("part", ["index", "snapshots", "config", "data"])
def test_a_flipped_bit_makes_it_unknown(made: MadeRepository, part: str):
    point, _, tree = simple(made)
    file = (
        made.folder / "data" / tree[:2] / tree
        if part == "data"
        else next((made.folder / part).glob("*"), made.folder / part)
    )
    flip(file, 40)
    assert ask(made, point).unknown


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"packs":[{"id":"zz","blobs":[]}]}',
        b'{"packs":[{"id":1}]}',
        b'{"packs":{}}',
        b'{"packs":[],"packs":[]}',
        b'{"packs":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"[" + b"0," * 10 + b"0]",
        b"\xff\xfe",
    ],
)
def test_an_index_that_makes_no_sense_makes_it_unknown(made: MadeRepository, text: bytes):
    point, _, _ = simple(made)
    made.put("index", text)
    assert "makes no sense" in ask(made, point).unknown


def test_what_unpacks_to_more_than_is_read_makes_it_unknown(made: MadeRepository):
    point, _, _ = simple(made)
    made.put("index", b" " * (200 << 20))
    assert "makes no sense" in ask(made, point).unknown


def test_a_tree_that_was_planted_under_another_name_makes_it_unknown(made: MadeRepository):
    wanted, planted = tree_text([file_node("a", [])]), tree_text([])
    pack, blobs = made.tree_pack([planted])
    made.index([(pack, [{**blobs[0], "id": hashlib.sha256(wanted).hexdigest()}])])
    point = made.snapshot(hashlib.sha256(wanted).hexdigest())
    assert "is not what its name says" in ask(made, point).unknown


def test_what_another_key_sealed_makes_it_unknown(made: MadeRepository):
    point, _, _ = simple(made)
    made.put_sealed("index", seal(replace(made.key, encrypt=bytes(32), mac_key=bytes(16)), b'{"packs":[]}'))
    assert "not sealed" in ask(made, point).unknown


def test_keys_that_cost_beyond_reason_are_not_tried(made: MadeRepository):
    point, _, _ = simple(made)
    (file,) = (made.folder / "keys").iterdir()
    said = {**json.loads(file.read_bytes()), "N": 1 << 28}
    content = json.dumps({**said, "salt": base64.b64encode(bytes(8)).decode()}).encode()
    file.unlink()
    (made.folder / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)
    assert "makes no sense" in ask(made, point).unknown


def test_a_wrong_password_makes_it_unknown(made: MadeRepository):
    point, _, _ = simple(made)
    assert "opens none" in ask(made, point, password=b"another").unknown


def test_a_tampered_cache_is_made_anew(made: MadeRepository):
    point, packs, tree = simple(made)
    ask(made, point)
    cache = made.folder.parent / "cache" / "needs.sqlite"
    content = bytearray(cache.read_bytes())
    content[content.index(bytes.fromhex(packs[0]))] ^= 1
    cache.write_bytes(content)
    assert of_packs(ask(made, point)) == {*packs, tree}
    cache.write_bytes(b"")
    assert of_packs(ask(made, point)) == {*packs, tree}
    cache.with_name("needs.mac").write_bytes(b"")
    assert of_packs(ask(made, point)) == {*packs, tree}
    before = cache.stat().st_mtime_ns
    assert of_packs(ask(made, point)) == {*packs, tree}
    assert cache.stat().st_mtime_ns == before, "nothing is written where nothing is new"


def test_a_cache_that_others_may_write_is_not_used(made: MadeRepository):
    point, packs, tree = simple(made)
    folder = made.folder.parent / "cache"
    folder.mkdir()
    folder.chmod(0o777)
    assert of_packs(ask(made, point)) == {*packs, tree}
    assert list(folder.iterdir()) == []


def test_what_takes_too_long_is_unknown_and_not_the_backups_fault(made: MadeRepository):
    point, _, _ = simple(made)
    assert "longer than it may" in ask(made, point, seconds=0.001).unknown


class Broken(StoredDirectory):
    """A place that breaks off at packs."""

    def read(self, key: str, version: str | None, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if key.startswith("data/"):
            raise Unreachable("the store went away")
        return super().read(key, version, offset=offset, length=length)


def test_a_place_that_goes_away_is_told_as_that(made: MadeRepository):
    point, _, _ = simple(made)
    with pytest.raises(Unreachable):
        ask(made, point, stored=Broken("made", made.folder))


def test_memory_grows_with_the_index_and_not_faster(blank: Path, tmp_path: Path):
    """Three times the packs, in processes of their own: what is kept of each pack is small."""
    peaks = []
    for packs in (7_000, 21_000):
        folder = tmp_path / str(packs)
        shutil.copytree(blank, folder / "repository")
        large = MadeRepository.of(Restic(executable("current"), str(folder / "repository")))
        point, names = fill(large, packs=packs, blobs=8)
        (folder / "names").write_text("\n".join(names))
        found = measured(str(large.folder), str(folder / "names"), str(folder / "cache"), point)
        assert (found["unknown"], found["missing"]) == ("", 0)
        assert found["names"] == packs + len(
            listing(StoredDirectory("made", large.folder).versions()).parts["data"]
        ) + (2 + 1 + len(list((large.folder / "index").iterdir())))
        peaks.append(int(str(found["program_mib"])))
    assert peaks[1] - peaks[0] < 72, peaks  # at most the database's own caches, and what is read at a time, fill up
    assert peaks[1] < 256, peaks
