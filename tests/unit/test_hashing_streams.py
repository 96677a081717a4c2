"""Streams are digested while they flow, several at once, and what did not flow whole is never called the same."""

from __future__ import annotations

import hashlib
import threading

import pytest

from drp.errors import Interrupted, ManifestError
from drp.hashing.streams import StreamObject, verify_streams
from drp.repositories.restic.pack_names import keyless_pack_name
from tests.support.waiting import PATIENCE


def stream(content: bytes, piece: int = 1000):
    return lambda: iter([content[at : at + piece] for at in range(0, len(content), piece)])


def sha(content: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(content).hexdigest()}


def test_same_changed_unreadable_and_computed():
    def broken():
        yield b"some"
        raise ConnectionResetError("peer")

    results = {
        result.name: result
        for result in verify_streams(
            [
                StreamObject("same", stream(b"x" * 5000), sha(b"x" * 5000), 5000),
                StreamObject("changed", stream(b"x" * 4999 + b"y"), sha(b"x" * 5000)),
                StreamObject("short", stream(b"x" * 10), sha(b"x" * 10), 11),
                StreamObject("broken", broken, sha(b"some")),
                StreamObject("computed", stream(b"z")),
            ],
            algorithms=("blake3", "sha256"),
        )
    }
    assert {name: result.outcome for name, result in results.items()} == {
        "same": "same",
        "changed": "changed",
        "short": "changed",
        "broken": "unreadable",
        "computed": "computed",
    }
    assert "ConnectionResetError" in results["broken"].why
    assert set(results["computed"].digests) == {"blake3", "sha256"}


def test_connections_run_at_once_and_are_bounded():
    now, most, lock = [0], [0], threading.Lock()
    together = threading.Barrier(5)

    def slow():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        together.wait(PATIENCE)
        yield b"x"
        with lock:
            now[0] -= 1

    opened = []

    def objects():
        for number in range(30):
            opened.append(number)
            yield StreamObject(str(number), slow)

    stepping = verify_streams(objects(), connections=5)
    next(stepping)
    assert len(opened) <= 15
    assert len(list(stepping)) == 29
    assert most[0] == 5


def test_cancelled_and_unknown_algorithm():
    def endless():
        while True:
            yield bytes(1000)

    with pytest.raises(Interrupted):
        list(verify_streams([StreamObject("a", endless)], cancelled=lambda: True))
    with pytest.raises(ManifestError):
        list(verify_streams([], algorithms=("md5",)))


def test_restic_packs_name_their_own_digest():
    assert keyless_pack_name("data/ab/" + "ab" * 32) == {"sha256": "ab" * 32}
    assert keyless_pack_name("config") == {}
    assert keyless_pack_name("data/ab/" + "zz" * 32) == {}
