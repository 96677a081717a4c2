"""A store that fails while it is asked for locks: what was not seen is unknown, and never taken to be locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.repository import S3Location, WaitLimits
from drp.domain.restore import SecretReference
from drp.domain.service_address import ServiceAddress
from drp.domain.worm.attestation import LockDemand
from drp.domain.worm.judging import immutability_of
from drp.errors import AccessDenied, Unreachable
from drp.repositories.locations.lock_memory import LockMemory
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.locations.s3_heads import LockQuestions
from drp.repositories.restic.backend import AttestationAsked
from drp.repositories.restic.object_lock import LockWatch
from tests.support.lock_store import lock_store

POINT = "1" * 64
NOW = LockDemand(required=True)
ASKED = AttestationAsked(subject="store", points=(POINT,), demand=NOW, mode="compliance")
SECRET = SecretReference(kind="file", value=("/none",))


def watch(port: int, folder: Path | None = None) -> LockWatch:
    location = S3Location(
        endpoint=ServiceAddress(secure=False, host="127.0.0.1", port=port),
        bucket="bucket",
        access_key=SECRET,
        secret_key=SECRET,
    )
    limits = WaitLimits(answer_seconds=20)
    reader = S3Reader("store", location, lambda _: "AKIDEXAMPLE", limits)
    questions = LockQuestions("store", location, lambda _: "AKIDEXAMPLE", limits)
    memory = LockMemory(folder / "locks.sqlite" if folder is not None else None, "store")
    return LockWatch(reader, questions, memory, audited_objects=10_000)


def test_every_version_is_asked_once_and_hardly_any_the_second_time(tmp_path: Path) -> None:
    with lock_store(1500) as port:
        first = watch(port, tmp_path).attest(ASKED)
        assert first.modes == {"compliance": 1503}
        assert (first.needed, first.remembered) == (1503, 0)
        second = watch(port, tmp_path).attest(ASKED)
        assert second.modes == first.modes
        assert second.remembered == 1503 - 32 - 20, "a random sample is asked again, and what ends first"


@pytest.mark.parametrize(("status", "error"), [(503, Unreachable), (403, AccessDenied), (429, Unreachable)])
def test_a_store_that_refuses_midway_leaves_nothing_known(status: int, error: type[Exception], tmp_path: Path) -> None:
    with lock_store(600, fail_after=300, status=status) as port, pytest.raises(error):
        watch(port, tmp_path).attest(ASKED)


@pytest.mark.parametrize(("ahead", "holds"), [(0, True), (59, True), (61, False), (-61, True)])
def test_the_later_of_both_clocks_decides_whether_a_lock_holds(ahead: int, holds: bool) -> None:
    """Locks end in sixty days, by both clocks: one that was set back must not make them hold."""
    with lock_store(5, ahead=ahead * 86_400) as port:
        seen = watch(port).attest(ASKED)
    assert seen.modes == {"compliance" if holds else "expired": 8}
    assert seen.clock_ahead_ms is not None
    assert abs(seen.clock_ahead_ms + ahead * 86_400_000) < 60_000
    assert ("DRP-L003" in {finding.code for finding in seen.findings}) != holds
    assert immutability_of(seen).holds_at(seen.at) == holds


def test_what_vanishes_between_listing_and_asking_is_not_locked(tmp_path: Path) -> None:
    with lock_store(600, fail_after=300, status=404) as port:
        seen = watch(port, tmp_path).attest(ASKED)
    assert seen.modes == {"compliance": 300, "none": 303}
    assert "DRP-L001" in {finding.code for finding in seen.findings}
    assert seen.earliest is None
