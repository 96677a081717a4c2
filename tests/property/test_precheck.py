"""Properties of the look for room: more of anything never makes a start worse, and what is promised is not there twice."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.precheck import REASONS, TOOLS_BYTES, Precheck, Promised, Room, judge, needs_of
from drp.domain.precheck_words import sentence, size
from drp.domain.volume import image_bytes
from tests.simulators.world import plan

ORDER = ["blocked", "degraded", "admissible"]
NAMES = ("ehr", "lis", "pacs")
amounts = st.integers(0, 1 << 42)


@st.composite
def plans(draw):
    """Draw a plan of some applications, each with a sandbox of its own size."""
    made = plan(NAMES[: draw(st.integers(1, 3))])
    recoveries = tuple(
        replace(
            recovery,
            sandbox=replace(
                recovery.sandbox,
                memory_bytes=draw(st.integers(1 << 20, 1 << 36)),
                data_bytes=draw(st.integers(1 << 20, 1 << 40)),
                data_backing=draw(st.sampled_from(["memory", "disk"])),
                cpus=draw(st.none() | st.integers(1, 8).map(float)),
            ),
        )
        for recovery in made.recoveries
    )
    keep, parallel = draw(st.booleans()), draw(st.none() | st.integers(1, 4))
    return replace(made, recoveries=recoveries, keep_sandbox=keep, parallel=parallel)


@st.composite
def rooms(draw):
    """Draw what a machine has."""
    return Room(
        memory_bytes=draw(st.none() | amounts),
        cores=draw(st.integers(1, 64)),
        at_once=draw(st.integers(1, 8)),
        volumes=("/state/run", draw(amounts)),
        records={"/state": draw(amounts)},
        promised=Promised(
            drills=1,
            memory_most_bytes=draw(amounts),
            memory_least_bytes=draw(amounts),
            disk_bytes=draw(amounts),
            memory_used_bytes=draw(amounts),
        ),
        sizes=draw(st.dictionaries(st.sampled_from(NAMES), amounts)),
    )


def rank(found: Precheck) -> int:
    return ORDER.index(found.state)


@given(plans(), rooms(), amounts)
def test_more_room_is_never_worse(made, room, more):
    before = rank(judge(made, room))
    folder, free = room.volumes
    assert rank(judge(made, replace(room, volumes=(folder, free + more)))) >= before
    if room.memory_bytes is not None:
        assert rank(judge(made, replace(room, memory_bytes=room.memory_bytes + more))) >= before
    records = {name: there + more for name, there in room.records.items()}
    assert rank(judge(made, replace(room, records=records))) >= before


@given(plans(), rooms(), amounts)
def test_a_promise_to_another_is_never_room_for_this_one(made, room, more):
    promised = room.promised
    others = replace(
        promised,
        memory_most_bytes=promised.memory_most_bytes + more,
        memory_least_bytes=promised.memory_least_bytes + more,
        disk_bytes=promised.disk_bytes + more,
    )
    assert rank(judge(made, replace(room, promised=others))) <= rank(judge(made, room))


@given(plans(), rooms())
def test_a_second_drill_counts_on_nothing_that_the_first_was_promised(made, room):
    alone = replace(room, promised=Promised())
    needs = judge(made, alone).needs
    first = Promised(
        drills=1,
        memory_most_bytes=needs.memory_most_bytes,
        memory_least_bytes=needs.memory_least_bytes,
        disk_bytes=needs.disk_bytes,
    )
    second = judge(made, replace(alone, promised=first))
    codes = {reason.code for reason in second.reasons}
    if alone.memory_bytes is not None and 2 * needs.memory_most_bytes > alone.memory_bytes:
        assert codes & {"memory-short", "memory-lacking"}
    if 2 * needs.disk_bytes > alone.volumes[1]:
        assert "volume-space" in codes


@given(plans(), st.integers(1, 8), st.dictionaries(st.sampled_from(NAMES), amounts))
def test_what_is_needed_grows_with_what_runs_together(made, at_once, sizes):
    few, many = needs_of(made, at_once, sizes), needs_of(made, at_once + 1, sizes)
    assert few.memory_most_bytes <= many.memory_most_bytes
    assert few.disk_bytes <= many.disk_bytes
    assert few.memory_least_bytes >= TOOLS_BYTES
    kept = replace(made, keep_sandbox=True)
    assert needs_of(kept, at_once, sizes).memory_most_bytes >= few.memory_most_bytes
    total = sum(image_bytes(each.sandbox.data_bytes) for each in made.recoveries if each.sandbox.data_backing == "disk")
    assert needs_of(kept, 1, sizes).disk_bytes == total, "what is kept stays side by side, whatever runs at once"


@given(plans(), rooms())
def test_every_reason_has_words_and_the_gravest_decides(made, room):
    found = judge(made, room)
    assert all(sentence(reason) for reason in found.reasons)
    weights = {REASONS[reason.code][0] for reason in found.reasons}
    assert found.state == ("blocked" if "blocked" in weights else "degraded" if weights else "admissible")
    assert bool(found.blocking) == (found.state == "blocked")


@given(amounts)
def test_sizes_are_cut_and_never_rounded_up(number):
    amount, unit = size(number).split()
    power = ("B", "KiB", "MiB", "GiB", "TiB", "PiB").index(unit)
    assert float(amount) * (1 << (10 * power)) <= number
    assert float(amount) < 1024
