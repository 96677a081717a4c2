"""On what a pass rests is counted by witness; the newest datum has the witness that dated it, and no better one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.check import CheckResult, Watermark
from drp.domain.known_code import known_code
from drp.domain.phase import Hashed, Verified
from drp.domain.resting import Resting, dated_by, resting, statements, unread
from drp.domain.restored_code import AcceptedCode, CodeChange, RestoredCode

MARK = Watermark(at=datetime(2026, 11, 14, tzinfo=UTC), source="newest")
OLDER = replace(MARK, at=MARK.at - timedelta(hours=1))
READ = CheckResult(check="files/tree", outcome="passed", statement="s", witness="drp")
SAID = CheckResult(check="db/rows", outcome="passed", statement="s")
SEEN = CheckResult(check="port/open", outcome="passed", statement="s", witness="outside")
COMPARED = Hashed(manifest=object(), difference=object())  # type: ignore[arg-type]
NOT_COMPARED = Hashed(manifest=None, difference=None)


def verified(*checks: CheckResult, watermark: Watermark | None = None, **more: object) -> Verified:
    return Verified(checks=checks, watermark=watermark, **more)  # type: ignore[arg-type]


def test_only_what_passed_is_counted_by_who_says_it():
    failed = replace(SAID, outcome="failed")
    assert resting((READ, READ, SAID, SEEN, failed)) == Resting(read=2, said=1, seen=1)
    assert (resting((READ, SAID)) + resting((SEEN,))).passed == 3
    assert resting(()).passed == 0


@pytest.mark.parametrize(
    ("checks", "watermark", "witness"),
    [
        ((), None, None),
        ((replace(SAID, watermark=MARK),), MARK, "restored"),
        ((replace(READ, watermark=MARK), replace(SAID, watermark=MARK)), MARK, "drp"),
        ((replace(READ, watermark=MARK), replace(SAID, watermark=OLDER)), OLDER, "restored"),
        ((replace(SEEN, watermark=MARK),), MARK, "outside"),
        ((replace(READ, watermark=MARK, outcome="failed"), replace(SAID, watermark=MARK)), MARK, "restored"),
        ((READ,), MARK, "restored"),
    ],
)
def test_the_newest_datum_has_the_witness_that_dated_it(checks, watermark, witness):
    assert dated_by(verified(*checks, watermark=watermark)) == witness
    assert dated_by(None) is None


def test_what_drp_did_not_read_is_named_only_where_nothing_restored_is_trusted():
    assert unread(None, None, "restored") == ()
    assert unread(None, None, "none") == ("statement", "newest datum", "manifest")
    assert unread(NOT_COMPARED, verified(SAID, SEEN), "none") == ("statement", "newest datum", "manifest")
    assert unread(COMPARED, verified(READ, replace(SAID, watermark=MARK)), "none") == ("newest datum",)
    assert unread(COMPARED, verified(replace(READ, watermark=MARK)), "none") == ()


def test_what_was_read_stands_where_nothing_could_be_asked():
    read = replace(NOT_COMPARED, checks=(READ,))
    assert statements(read, None) == (READ,)
    assert statements(read, verified(READ, SAID)) == (READ, SAID)
    assert statements(None, None) == ()


def test_code_that_nobody_knows_comes_first_and_accepted_is_one_digest():
    old, new, other, own = (
        RestoredCode(name=name, digest=f"sha256:{name}", check="db") for name in ("old", "new", "other", "own")
    )
    changes = (
        CodeChange(check="db", name="other", was="sha256:x", now=other.digest, since="d-1"),
        CodeChange(check="db", name="new", was="", now=new.digest, since="d-1"),
    )
    accepted = (
        AcceptedCode(what="own", digest=own.digest, by="N. Durand", reason="r"),
        AcceptedCode(what="old", digest="sha256:another", by="N. Durand", reason="r"),
    )
    found = verified(code=(old, new, other, own), code_changes=changes, code_compared_with="d-1")
    told = known_code(replace(NOT_COMPARED, code=(old,)), found, accepted)
    assert [(one.name, one.state, one.told, one.witness) for one in told] == [
        ("new", "new", "d-1", "restored"),
        ("other", "changed", "d-1", "restored"),
        ("old", "known", "d-1", "drp"),
        ("own", "accepted", "N. Durand", "restored"),
    ]
    (first, *_) = known_code(None, verified(code=(old,)), ())
    assert first.state == "first seen"
    (unasked,) = known_code(replace(NOT_COMPARED, code=(old,)), None, ())
    assert unasked.state == "not compared"
    assert known_code(None, None, ()) == ()
