"""A proof convinces with the Merkle root alone, shows nothing of the neighbours, and no forged one convinces."""

from __future__ import annotations

import copy
import json
import os

import pytest

from drp.errors import EvidenceError, NotFound
from drp.hashing.tree import create_manifest
from drp.manifests.entries import entries
from drp.manifests.opening import open_manifest
from drp.manifests.proof import check_proof, prove
from tests.support.trees import hostile, ordinary, write


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proof")
    tree = hostile(folder / "tree")
    for number in range(3000):
        directory = tree / f"patient{number % 50}"
        directory.mkdir(exist_ok=True)
        write(directory / f"image-{number}", b"%d" % number)
    create_manifest(tree, folder / "m", application="a", algorithms=("blake3", "sha256"), workers=1)
    with open_manifest(folder / "m") as opened:
        yield opened


def test_every_entry_can_be_proven(manifest):
    listed = list(entries(manifest))
    for entry in [*listed[:60], *listed[:: max(1, len(listed) // 40)]]:
        proof = json.loads(json.dumps(prove(manifest, entry.path)))
        assert check_proof(proof, manifest.trailer["merkle_root"]) == entry.document(manifest.algorithms)


def test_says_nothing_of_the_neighbours(manifest):
    text = json.dumps(prove(manifest, b"patient7/image-7"))
    assert "patient8" not in text
    assert "image-57" not in text
    assert len(text) < 16_000


def test_absent_entry(manifest):
    for path in (b"patient7/image-8", b"", b"zzz", b"patient7/"):
        with pytest.raises(NotFound):
            prove(manifest, path)


def test_another_root(manifest):
    with pytest.raises(EvidenceError, match="does not lead"):
        check_proof(prove(manifest, b"empty"), "00" * 32)


@pytest.mark.parametrize(
    "forge",
    [
        lambda p: p.update(path_b64="ZW1wdHky"),
        lambda p: p.update(salt_b64="AAAAAAAAAAAAAAAAAAAAAA=="),
        lambda p: p.update(entries=p["entries"] + 1),
        lambda p: p["entry"].update(blake3="00" * 32),
        lambda p: p["entry"].update(size=1),
        lambda p: p["entry"].update(path="other"),
        lambda p: p["steps"].pop(),
        lambda p: p["steps"][0].__setitem__(0, p["steps"][0][0] + 1),
        lambda p: p.update(statement_b64="AAAA"),
        lambda p: p.update(schema="drp/other/1"),
        lambda p: p.pop("salt_b64"),
        lambda p: p.update(steps="x"),
        lambda p: p.update(entry=[]),
    ],
)
def test_forged_proofs(manifest, forge):
    proof = copy.deepcopy(prove(manifest, b"empty"))
    forge(proof)
    with pytest.raises(EvidenceError):
        check_proof(proof, manifest.trailer["merkle_root"])


def test_root_does_not_depend_on_workers_but_on_entries(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)  # the key of all of them
    tree = ordinary(tmp_path / "tree", files=10)
    one, several = (create_manifest(tree, tmp_path / "m", application="a", workers=count) for count in (1, 3))
    assert one.merkle_root == several.merkle_root
    write(tree / "large", b"another")
    assert create_manifest(tree, tmp_path / "m", application="a", workers=1).merkle_root != one.merkle_root
