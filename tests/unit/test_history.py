"""What vanished before the backup is told, with numbers, until it is back or somebody puts their name to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drp.domain.events import DrillConcluded, FindingRaised, PhaseCompleted
from drp.domain.history import AcceptedFall, Baseline, Fall, HistoryPolicy, counts_of, falls, not_compared
from drp.domain.phase import Verified
from drp.domain.standing import standings
from drp.drill.conduct import conduct
from drp.drill.declare import declare, states
from drp.errors import Tampered
from tests.simulators.world import EPOCH, World

MEDICATION = "postgres/databases/ehr/tables/public.medication"


def facts(**tables: int) -> dict[str, object]:
    return {"postgres": {"databases": {"ehr": {"tables": {f"public.{name}": rows for name, rows in tables.items()}}}}}


def drill(world: World, kept: dict[str, object], policy: HistoryPolicy | None = None) -> DrillConcluded:
    """Hold one more drill in the same world, of a backup with these facts."""
    world.script.manifest_made = {"facts": kept}
    (recovery,) = world.plan.recoveries
    application = replace(recovery.application, history=policy or HistoryPolicy())
    plan = replace(world.plan, recoveries=(replace(recovery, application=application),))
    recorder = declare(plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False)
    conduct(recorder, world.ports())
    assert recorder.state.concluded is not None
    return recorder.state.concluded


def last(world: World, kind: type) -> list:
    entries = world.journal.entries(world.journal.drills()[-1])
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


def told(world: World) -> list[tuple[str, str, str]]:
    findings = [event.finding for event in last(world, FindingRaised)]
    return [(finding.code, finding.subject, finding.observed) for finding in findings]


def verified(world: World) -> Verified:
    (output,) = [event.output for event in last(world, PhaseCompleted) if isinstance(event.output, Verified)]
    return output


def test_a_table_that_fell_to_nothing_is_a_warning_with_numbers():
    world = World()
    drill(world, facts(medication=1000, visit=7))
    concluded = drill(world, facts(medication=0, visit=3))
    assert concluded.verdict == "passed"
    assert told(world) == [("DRP-C005", MEDICATION, "0")]
    (finding,) = [event.finding for event in last(world, FindingRaised)]
    assert finding.expected.startswith("1000, as in drill weekly-")
    (standing,) = standings(
        {"ehr": world.plan.recoveries[0].application}, states(world.journal), EPOCH + timedelta(hours=1)
    )
    assert standing.level == "warning"
    assert "1 of what earlier backups held had vanished" in standing.reasons[0]


def test_a_table_that_is_gone_is_told_too():
    world = World()
    drill(world, facts(medication=1000, visit=7))
    drill(world, facts(visit=7))
    assert told(world) == [("DRP-C005", MEDICATION, "not there any more")]


def test_drilling_again_does_not_make_it_unsaid_and_its_return_does():
    world = World()
    drill(world, facts(medication=1000))
    for _ in range(3):
        drill(world, facts(medication=0))
        assert told(world) == [("DRP-C005", MEDICATION, "0")]
    drill(world, facts(medication=990))
    assert told(world) == []
    drill(world, facts(medication=990))
    assert told(world) == []


def test_what_never_shrinks_fails_the_drill_and_goes_on_failing():
    policy = HistoryPolicy(never_shrinks=("*medication",))
    world = World()
    assert drill(world, facts(medication=1000, visit=9), policy).verdict == "passed"
    for rows in (999, 999, 0):
        assert drill(world, facts(medication=rows, visit=3), policy).verdict == "failed"
        assert told(world) == [("DRP-C006", MEDICATION, str(rows))]
    assert drill(world, facts(medication=1000, visit=9), policy).verdict == "passed"


def test_an_intended_purge_is_accepted_once_with_name_and_reason():
    world = World()
    strict = HistoryPolicy(never_shrinks=("*medication",))
    drill(world, facts(medication=1000), strict)
    first = world.journal.drills()[-1]
    purge = AcceptedFall(what=MEDICATION, since=first, by="Dr Morel", reason="moved to the archive")
    policy = replace(strict, accepted=(purge,))
    assert drill(world, facts(medication=40), policy).verdict == "passed"
    assert told(world) == [("DRP-C007", MEDICATION, "40; accepted by Dr Morel: moved to the archive")]
    assert drill(world, facts(medication=40), policy).verdict == "passed"
    assert told(world) == []
    assert drill(world, facts(medication=0), policy).verdict == "failed", "a second purge was never accepted"


def test_what_comes_and_goes_may_be_empty():
    world = World()
    policy = HistoryPolicy(may_be_empty=("*queue",))
    drill(world, facts(queue=12), policy)
    drill(world, facts(queue=0), policy)
    assert told(world) == []


def test_an_older_point_is_not_compared_with_newer_data():
    world = World()
    drill(world, facts(medication=1000))
    world.script.consistent_at -= timedelta(days=30)
    drill(world, facts(medication=0))
    assert not [one for one in told(world) if one[0] in {"DRP-C005", "DRP-C006"}]
    assert [one.why for one in verified(world).not_judged if one.part.startswith("what vanished")] == [
        "no drill of an earlier state passed and kept counts"
    ]


def test_a_drill_that_did_not_pass_is_nothing_to_compare_with():
    world = World()
    world.script.checks = ("failed",)
    drill(world, facts(medication=1000))
    world.script.checks = ("passed",)
    drill(world, facts(medication=0))
    assert told(world) == []


def test_without_counts_it_is_said_that_nothing_was_compared():
    world = World()
    drill(world, {})
    assert [one.why for one in verified(world).not_judged] == ["the manifest keeps no counts"]


def test_a_drill_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch):
    world = World()
    drill(world, facts(medication=1000))
    damaged = world.journal.drills()[0]
    entries = world.journal.entries
    drill(world, facts(medication=5))

    def reading(name: str):
        if name == damaged:
            raise Tampered("entry 3 does not follow")
        return entries(name)

    monkeypatch.setattr(world.journal, "entries", reading)
    drill(world, facts(medication=5))
    assert told(world) == [("DRP-C008", damaged, "entry 3 does not follow")]


def test_a_system_that_is_no_longer_counted_is_said_not_to_be_judged():
    baseline = Baseline(drill="one", counts={"mariadb/rx/counts/dose": 3, "postgres/a/tables/t": 1})
    now = {"postgres/a/tables/t": 1}
    assert falls(baseline, now, HistoryPolicy()) == ()
    (left_out,) = not_compared(baseline, now)
    assert left_out.part == "what vanished before the backup, mariadb"


def test_only_counts_are_counts():
    kept = {
        "mariadb": {"rx": {"counts": {"dose": 3, "flag": True, "odd": -1}, "rule": "exact", "orphans": 9}},
        "dicom": {"counts": {"files": 2}, "studies": {"1.2.3": 5}},
        "postgres": {"databases": {"a": {"objects": {"triggers": {"x": 1}}, "sequences": {"s": 40}}}},
    }
    assert counts_of(kept) == {
        "dicom/counts/files": 2,
        "mariadb/rx/counts/dose": 3,
        "postgres/databases/a/objects/triggers/x": 1,
    }


def test_many_falls_are_listed_in_part_and_kept_whole():
    world = World()
    drill(world, facts(**{f"table{number:03}": 5 for number in range(100)}, kept=1))
    drill(world, facts(kept=1))
    assert len(told(world)) == 21
    assert told(world)[-1][1] == "80 more"
    assert len(verified(world).falls) == 100


def test_a_fall_that_was_accepted_is_not_remembered():
    purge = AcceptedFall(what="a", since="one", by="x", reason="y")
    fall = Fall(what="a", had=9, has=0, since="one", accepted=purge)
    assert Baseline(drill="two", counts={"a": 0}, falls=(fall,)).remembered == {"a": (0, "two")}


@pytest.mark.parametrize("kept", [facts(visit=7), {"mariadb": {"rx": {"counts": {"dose": 3}}}}, {}])
def test_a_guard_that_guards_nothing_is_named(kept: dict[str, object]):
    """A pattern with a typo, or facts that no longer count what it names: nobody can tell whether it shrank."""
    world = World()
    drill(world, facts(medication=1000, visit=7), HistoryPolicy(never_shrinks=("*medication",)))
    assert drill(world, kept, HistoryPolicy(never_shrinks=("*medicaton",))).verdict == "inconclusive"
    assert ("DRP-C009", "*medicaton", "nothing that this backup counts is called so") in told(world)
