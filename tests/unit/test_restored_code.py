"""Restored code is told when it is new or another one, until somebody accepts it: a second drill makes nothing known."""

from __future__ import annotations

from drp.domain.restored_code import AcceptedCode, CodeBefore, RestoredCode, changes, findings_of, seen_first

TIDY = RestoredCode(name="function public.tidy()", digest="sha256:aa", check="db")
OTHER = RestoredCode(name="function public.tidy()", digest="sha256:bb", check="db")
NEW = RestoredCode(name="trigger audit", digest="sha256:cc", check="db")
FIRST = CodeBefore(drill="d-1", code=(TIDY,), checks=("db",))


def test_the_first_time_is_a_note_and_no_code_is_none():
    (first,) = findings_of((TIDY, NEW), changes(None, (TIDY, NEW), ()), seen_first(None, ("db",)))
    assert (first.code, first.severity) == ("DRP-C010", "note")
    assert "2: function public.tidy(), trigger audit" in first.observed
    assert findings_of((), (), seen_first(None, ("db",))) == []


def test_the_same_code_is_nothing_to_tell_nor_is_code_that_is_gone():
    assert changes(FIRST, (TIDY,), ()) == changes(FIRST, (), ()) == ()
    assert findings_of((TIDY,), (), seen_first(FIRST, ("db",))) == []


def test_new_and_changed_code_is_told_with_what_to_do():
    found = changes(FIRST, (OTHER, NEW), ())
    told = findings_of((OTHER, NEW), found, ())
    assert [(one.code, one.severity, one.subject) for one in told] == [
        ("DRP-C011", "warning", "function public.tidy()"),
        ("DRP-C011", "warning", "trigger audit"),
    ]
    assert told[0].observed == "changed: sha256:bb"
    assert told[0].expected == "sha256:aa, as in drill d-1"
    assert "accepted_code" in told[0].remedy


def test_trying_again_makes_nothing_known():
    found = changes(FIRST, (OTHER, NEW), ())
    second = CodeBefore(drill="d-2", code=(OTHER, NEW), checks=("db",), changes=found)
    again = changes(second, (OTHER, NEW), ())
    assert [(one.name, one.was, one.since) for one in again] == [
        ("function public.tidy()", "sha256:aa", "d-1"),
        ("trigger audit", "", "d-1"),
    ]
    assert changes(second, (TIDY,), ()) == (), "as it was when it was last known"


def test_several_pieces_of_one_name_are_each_known():
    before = CodeBefore(drill="d-1", code=(TIDY, OTHER), checks=("db",))
    assert changes(before, (TIDY, OTHER), ()) == changes(before, (OTHER, TIDY), ()) == ()
    third = RestoredCode(name=TIDY.name, digest="sha256:dd", check="db")
    (found,) = changes(before, (TIDY, OTHER, third), ())
    assert found.now == "sha256:dd"
    second = CodeBefore(drill="d-2", code=(TIDY, OTHER, third), checks=("db",), changes=(found,))
    assert [one.now for one in changes(second, (TIDY, OTHER, third), ())] == ["sha256:dd"], "and stays told"


def test_accepted_is_one_digest_and_no_other():
    said = AcceptedCode(what=OTHER.name, digest=OTHER.digest, by="N. Durand", reason="change 4711")
    assert changes(FIRST, (OTHER,), (said,)) == ()
    assert len(changes(FIRST, (RestoredCode(name=OTHER.name, digest="sha256:dd", check="db"),), (said,))) == 1


def test_a_check_that_never_named_code_alarms_nobody_with_what_was_there_all_along():
    for before in (CodeBefore(drill="d-0", code=(), checks=()), CodeBefore(drill="d-1", code=(), checks=("files",))):
        first = seen_first(before, ("files", "db"))
        assert "db" in first
        assert changes(before, (TIDY,), ()) == ()
        (told,) = findings_of((TIDY,), (), first)
        assert told.code == "DRP-C010"
