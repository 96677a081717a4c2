"""Whatever happens in a drill that starts nothing: it never measures or attains what only a running application shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from drp.domain.fold import fold
from drp.domain.schedule.proofs import proofs
from drp.domain.summary import summarise
from drp.evidence.record import make_record, read_record, record_bytes
from tests.simulators.world import EPOCH, Script, World
from tests.unit.test_drill_control_flow import run

scripts = st.builds(
    Script,
    points=st.sampled_from([0, 1, 3]),
    consistent_at=st.sampled_from([EPOCH - timedelta(minutes=10), EPOCH - timedelta(hours=3)]),
    watermark=st.sampled_from([None, EPOCH - timedelta(minutes=12)]),
    manifest=st.booleans(),
    manifest_named=st.booleans(),
    manifest_made=st.sampled_from([{}, {}, {"files": 0}, {"files": 11}, {"root": "/elsewhere"}]),
    compared_id=st.sampled_from(["m" * 64, "0" * 64]),
    compared_of_sample=st.sampled_from([None, None, 0, 3, 10]),
    restores_parts=st.booleans(),
    proof_allowed=st.sampled_from([0, 0, 1]),
    unrestored=st.sampled_from([(), (), ("pack",)]),
    restore_ok=st.booleans(),
    difference=st.sampled_from([{}, {}, {"changed": 1}, {"missing": 2}]),
    start_ok=st.booleans(),
    checks=st.sampled_from([(), ("passed",), ("failed",)]),
)


@settings(deadline=None, max_examples=150)
@given(script=scripts, level=st.sampled_from(["hash", "sample"]), files=st.integers(1, 20), required=st.booleans())
def test_a_drill_that_starts_nothing_attains_no_recovery_time(script, level, files, required):
    world = World(script)
    recovery = replace(world.plan.recoveries[0], require_manifest=required)
    world.plan = replace(world.plan, level=level, sample_files=files, recoveries=(recovery,))
    verdict = run(world).verdict
    (drill,) = world.journal.drills()
    state = fold(world.journal.entries(drill))
    (measured,) = state.concluded.measurements
    assert measured.rto_attainment == "not-judged"
    assert (measured.rta_ms, measured.rta_without_harness_ms, measured.rta_business_ms) == (None, None, None)
    assert measured.rpo_attainment in {"by-point", "missed", "not-measured"}
    assert measured.rpa_upper_ms is None
    assert {"start", "verify"}.isdisjoint(state.recoveries["ehr"].started)
    assert not world.alive
    record = make_record(world.journal.entries(drill), {})
    assert read_record(record_bytes(record)) == record
    (summary,) = summarise(state).recoveries
    assert (summary.rta_ms, summary.verified, summary.counted) == (None, False, False)
    proven = {proof.level for proof in proofs([state]).get("ehr", [])}
    assert "full" not in proven
    difference = state.recoveries["ehr"].outputs.hash.difference if state.recoveries["ehr"].outputs.hash else None
    if verdict == "passed":
        assert proven == ({"hash", "sample"} if level == "hash" else {"sample"})
        assert difference is not None
        assert difference.clean
        assert difference.manifest_id == "m" * 64
        assert difference.files_hashed == (10 if level == "hash" else min(files, 10))
    else:
        assert not proven
