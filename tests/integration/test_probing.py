"""The probe on a real store, and on stores that are not what they say: every lie is condemned, every oddity is not."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drp.domain.worm.probe import Probe
from drp.errors import AccessDenied, DrpError, RepositoryError, Unreachable
from tests.simulators import lies
from tests.simulators.lies import error, failing_after, failing_each, failing_on
from tests.simulators.lying_store import Lie, LyingStore, Response
from tests.support.probing import Probed, shown
from tests.support.s3_server import S3Server


@pytest.fixture
def make(s3_server: S3Server, tmp_path: Path) -> Callable[..., Probed]:
    def build(*, bucket: str = "", locked: bool = True, days: int = 1, **more: object) -> Probed:
        name = bucket or f"probe-{uuid.uuid4().hex[:10]}"
        if not bucket:
            s3_server.make_bucket(name, locked=locked, days=days)
        return Probed(server=s3_server, bucket=name, folder=tmp_path, **more)  # type: ignore[arg-type]

    return build


def codes(found: Probe) -> Counter[str]:
    return Counter(each.code for each in found.findings)


def came(found: Probe, by: str = "probe") -> dict[str, str]:
    return {f"{each.attempt}{'+bypass' if each.bypass else ''}": each.came for each in found.tried if each.by == by}


@pytest.mark.parametrize(("mode", "days"), [("compliance", 1), ("governance", 0)])
def test_a_store_that_holds_is_proven(make: Callable[..., Probed], mode: str, days: int) -> None:
    probed = make(mode=mode, days=days)
    found = probed.run()
    assert found.proven, shown(found)
    assert not found.findings
    assert (found.mode, found.left) == (mode, ())
    tried = [each for each in found.tried if each.came != "not-probed"]
    assert {each.came for each in tried} == {"refused"}
    assert all(each.answer for each in tried), "the refusal itself is evidence"
    assert {each.ground for each in tried if each.by == "probe"} == {"lock"}
    assert {each.ground for each in tried if each.by == "reader"} == {"rights"}
    refusals = {each.attempt: each.answer.split(" (")[0] for each in tried if each.by == "probe"}
    assert refusals["delete-version"] == "403 AccessDenied"
    assert refusals["remove-retention"] == "400 InvalidRequest"


def test_it_leaves_nothing_but_what_is_locked_and_uses_that_again(make: Callable[..., Probed]) -> None:
    probed = make(days=0)
    probed.server.client().put_object(Bucket=probed.bucket, Key="site/ehr/config", Body=b"mine")
    first = probed.run()
    second = probed.run(first)
    assert first.subject == second.subject
    left = probed.server.versions(probed.bucket)
    assert not any(marker for _, _, marker, _ in left)
    names = {key for key, *_ in left}
    assert names == {"site/ehr/config", first.subject.rpartition("@")[0].partition(f"/{probed.bucket}/")[2]}
    probed.server.client().head_object(Bucket=probed.bucket, Key="site/ehr/config")
    assert second.proven


def test_what_ended_is_removed_by_the_next_run_and_what_cannot_be_is_told(make: Callable[..., Probed]) -> None:
    probed, client = make(days=0), make(days=0).server.client()
    ours = f"site/ehr/drp-probe/probe-{uuid.uuid4().hex}"
    held = f"site/ehr/drp-probe/probe-{uuid.uuid4().hex}"
    stranger = "site/ehr/drp-probe/notes"
    for key in (ours, held, stranger):
        client.put_object(Bucket=probed.bucket, Key=key, Body=b"left")
    client.delete_object(Bucket=probed.bucket, Key=ours)
    client.put_object_legal_hold(Bucket=probed.bucket, Key=held, LegalHold={"Status": "ON"})
    found = probed.run()
    keys = {key for key, *_ in probed.server.versions(probed.bucket)}
    assert ours not in keys
    assert stranger in keys
    assert codes(found) == {"DRP-L026": 1}
    assert len(found.left) == 1
    assert held in found.left[0]
    assert found.proven


def test_a_bucket_without_lock_is_condemned(make: Callable[..., Probed]) -> None:
    probed = make(locked=False)
    found = probed.run()
    assert codes(found) == {"DRP-L022": 1}
    assert not found.proven
    assert not found.tried


def test_keys_that_may_not_write_prove_nothing(make: Callable[..., Probed]) -> None:
    with pytest.raises(AccessDenied, match="cannot make and see"):
        make(prober="ro_lock").run()
    with pytest.raises(AccessDenied):
        make(prober="writer").run()
    nowhere = replace(make(), bucket="nowhere-at-all")
    with pytest.raises(RepositoryError):
        nowhere.run()


def test_a_reader_that_may_write_is_told_of_and_breaks_nothing(make: Callable[..., Probed]) -> None:
    found = make(reader="prober").run()
    assert codes(found) == {"DRP-L024": 1}
    assert found.proven
    assert {each.ground for each in found.tried if each.by == "reader"} == {"lock"}


def test_whoever_may_bypass_governance_is_found_out(make: Callable[..., Probed]) -> None:
    found = make(mode="governance", reader="admin", days=0).run()
    broken = {each.attempt for each in found.tried if each.came == "succeeded"}
    assert {each.by for each in found.tried if each.came == "succeeded"} == {"reader"}
    assert {"bypass-governance", "shorten-retention", "delete-batch"} <= broken
    assert codes(found)["DRP-L020"] >= 3


def test_the_stores_clock_decides_how_long_it_is_kept(make: Callable[..., Probed]) -> None:
    for days in (-2, 3):
        probed = make(days=0)
        probed.clock.shift = timedelta(days=days)
        found = probed.run()
        assert found.proven, shown(found)
        true_now = probed.clock.now().wall - probed.clock.shift
        assert found.retained_until is not None
        assert timedelta(minutes=50) < found.retained_until - true_now < timedelta(minutes=70)
        assert found.clock_ahead_ms is not None
        assert abs(timedelta(milliseconds=found.clock_ahead_ms) - timedelta(days=days)) < timedelta(seconds=30)


def test_a_locked_object_that_is_gone_by_the_next_run_is_told(make: Callable[..., Probed]) -> None:
    probed = make(days=0)
    first = probed.run()
    place, _, version = first.subject.rpartition("@")
    key = place.partition(f"/{probed.bucket}/")[2]
    with LyingStore(probed.server) as below:
        below.delete_below_lock(probed.bucket, key, version)
    assert codes(probed.run(first))["DRP-L025"] == 1
    elsewhere = replace(first, subject=first.subject.replace(probed.bucket, "another"))
    assert not probed.run(elsewhere).findings, "another bucket's object is not missed here"


CONDEMNED: dict[str, tuple[Lie, str, str]] = {
    "deletes and says so": (lies.deletes_anyway, "DRP-L020", "delete-version"),
    "deletes in batches": (lies.deletes_in_batches, "DRP-L020", "delete-batch"),
    "refuses and deletes": (lies.refuses_and_deletes, "DRP-L020", "delete-version"),
    "lets bypass through": (lies.lets_bypass_through, "DRP-L020", "bypass-governance+bypass"),
    "says that it deleted": (lies.does_nothing, "DRP-L021", "delete-version"),
    "takes any retention": (lies.takes_any_retention, "DRP-L020", "shorten-retention"),
    "ignores retention": (lies.ignores_retention, "DRP-L021", "shorten-retention"),
    "overwrites in place": (lies.overwrites_in_place, "DRP-L020", "overwrite"),
    "strips versions": (lies.strips_versions, "DRP-L020", "overwrite"),
}


@pytest.mark.parametrize("name", CONDEMNED)
def test_every_lie_is_condemned(make: Callable[..., Probed], name: str) -> None:
    lie, code, attempt = CONDEMNED[name]
    probed = make(days=0)
    with LyingStore(probed.server, lie) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert codes(found)[code], shown(found)
    assert not found.proven
    expected = {"DRP-L020": "succeeded", "DRP-L021": "ignored"}[code]
    assert came(found)[attempt] == expected, shown(found)


@pytest.mark.parametrize("lie", [lies.forgets_locks, lies.hides_versions, lies.locks_for_less])
def test_a_lock_that_is_taken_and_not_set_is_condemned(make: Callable[..., Probed], lie: Lie) -> None:
    probed = make(days=0)
    with LyingStore(probed.server, lie) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert codes(found) == {"DRP-L022": 1}
    assert not found.proven


@pytest.mark.parametrize(
    "words",
    [
        {"DELETE": (405, "MethodNotAllowed"), "PUT": (409, "InvalidBucketState"), "POST": (200, "ObjectLocked")},
        {"DELETE": (501, "NotImplemented"), "PUT": (400, "MalformedXML"), "POST": (200, "InvalidRequest")},
    ],
)
def test_a_refusal_in_other_words_is_one(make: Callable[..., Probed], words: dict[str, tuple[int, str]]) -> None:
    probed = make(days=0)
    with LyingStore(probed.server, lies.refusing_with(words)) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert found.proven, shown(found)
    answers = {each.answer.split(" (")[0] for each in found.tried}
    assert {f"{status} {code}" for status, code in words.values()} <= answers


SICK: dict[str, Callable[[], Response]] = {
    "busy": lambda: error(503, "SlowDown"),
    "cut off": lambda: Response(0, cut=True),
    "expired": lambda: error(403, "ExpiredToken"),
}


@pytest.mark.parametrize("sickness", SICK)
def test_what_the_store_did_not_look_at_is_never_a_refusal(make: Callable[..., Probed], sickness: str) -> None:
    probed = make(days=0)
    lie = failing_on(lambda request: request.sets_retention, SICK[sickness])
    with LyingStore(probed.server, lie) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    outcomes = came(found)
    assert outcomes["delete-version"] == outcomes["delete-batch"] == "refused"
    assert outcomes["shorten-retention"] == "undecided"
    assert not found.proven
    assert "DRP-L023" in codes(found)
    assert not {"DRP-L020", "DRP-L021"} & set(codes(found))


@pytest.mark.parametrize("sickness", SICK)
def test_a_store_that_falls_silent_midway_leaves_the_rest_undecided(make: Callable[..., Probed], sickness: str) -> None:
    probed = make(days=0)
    with LyingStore(probed.server, failing_after(40, SICK[sickness])) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert "undecided" in came(found).values()
    assert not {"succeeded", "ignored"} & set(came(found).values()), shown(found)
    assert not found.proven
    assert len(store.requests) < 120, "and it is not asked for ever"


def test_a_store_that_fails_now_and_then_is_asked_again(make: Callable[..., Probed]) -> None:
    probed = make(days=0)
    with LyingStore(probed.server, failing_each(7, lambda: error(503, "SlowDown"))) as store:
        found = replace(probed, endpoint=store.endpoint).run()
    assert found.proven, shown(found)


def test_a_store_that_does_not_answer_is_an_error_and_no_finding(make: Callable[..., Probed]) -> None:
    probed = make(days=0)
    with LyingStore(probed.server, failing_after(0, SICK["busy"])) as store:
        with pytest.raises(Unreachable):
            replace(probed, endpoint=store.endpoint).run()
    with pytest.raises(DrpError):
        replace(probed, endpoint=store.endpoint).run()
