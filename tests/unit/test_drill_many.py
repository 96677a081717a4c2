"""Many applications in one drill: so many at a time, each let go as soon as nothing needs it."""

from __future__ import annotations

import array
import errno
import os
import resource
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from drp.descriptors import as_found, descriptors_left
from drp.domain.events import DrillConcluded, PhaseStarted, SandboxDestroyed
from drp.domain.sign_off import Checklist, SignOffPolicy
from drp.drill.conduct import conduct
from drp.drill.declare import declare, reopen
from drp.drill.resume import take_up
from drp.engine import capacity
from drp.engine.crew import Threads
from drp.errors import SandboxError
from drp.sandboxes.errors import MORE_DESCRIPTORS, sandbox_errors
from drp.sandboxes.network import netns
from tests.simulators.world import Script, World, dying, events_of, plan

NAMES = tuple(f"app-{number}" for number in range(6))


def _independent(world: World, **changes: object) -> None:
    made = plan(NAMES, **changes)
    apart = [replace(each, application=replace(each.application, depends_on=())) for each in made.recoveries]
    world.plan = replace(made, recoveries=tuple(apart))


def _run(world: World) -> None:
    ports = world.ports()
    conduct(declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False), ports)


@pytest.mark.parametrize(("room", "at_most", "expected"), [(3, None, 3), (0, None, 1), (3, 2, 2), (1, 4, 4)])
def test_as_many_run_at_the_same_time_as_there_is_room_for_or_the_plan_says(room, at_most, expected):
    running, most, lock = set(), [0], threading.Lock()
    together = threading.Barrier(expected)

    def step(name: str) -> None:
        with lock:
            running.add(name)
            most[0] = max(most[0], len(running))
        together.wait(20)  # nobody goes on before as many as are meant to have begun
        with lock:
            running.discard(name)

    Threads(lambda: room).together(step, [str(number) for number in range(2 * expected)], at_most=at_most)
    assert most[0] <= expected


def test_once_one_action_has_raised_no_other_is_begun():
    begun = []

    def fails(name: str) -> None:
        begun.append(name)
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        Threads(lambda: 1).together(fails, ["first", "second"])
    assert begun == ["first"]


def test_room_ends_with_whatever_the_machine_has_least_of(monkeypatch):
    monkeypatch.setattr(capacity, "cores", lambda: 8)
    for there, descriptors, expected in [
        (64 << 30, 9999, 16), (1 << 30, 9999, 2), (64 << 30, 3 * capacity.DESCRIPTORS, 3), (0, 0, 1), (None, 9999, 16),
    ]:  # fmt: skip
        monkeypatch.setattr(capacity, "available_memory", lambda there=there: there)
        monkeypatch.setattr(capacity, "descriptors_left", lambda left=descriptors: left)
        assert capacity.capacity() == expected
    assert 0 < descriptors_left() < resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_an_application_is_let_go_as_soon_as_nothing_needs_it():
    held = []
    script = Script(on_call=lambda name: held.append(len(world.alive)) if name == "open" else None)
    world = World(script)
    _independent(world, parallel=1)
    _run(world)
    assert held == [0] * len(NAMES)
    assert sum(isinstance(event, SandboxDestroyed) for event in events_of(world)) == len(NAMES)
    assert next(event for event in events_of(world) if isinstance(event, DrillConcluded)).verdict == "passed"


def test_applications_stay_up_where_a_pod_or_a_referent_needs_them():
    world = World()
    _independent(world, pod=True)
    assert all(world.plan.is_needed_to_the_end(recovery) for recovery in world.plan.recoveries)
    _independent(world, sign_off=SignOffPolicy())
    first, *others = world.plan.recoveries
    checklist = Checklist(referent="chief of staff", steps=())
    first = replace(first, application=replace(first.application, sign_off=checklist))
    assert world.plan.is_needed_to_the_end(first)
    assert not any(world.plan.is_needed_to_the_end(recovery) for recovery in others)


@pytest.mark.parametrize("on_interrupt", ["conclude", "resume"])
def test_what_was_done_and_let_go_before_drp_was_killed_is_not_done_again(on_interrupt):
    world = World()
    _independent(world, parallel=1, on_interrupt=on_interrupt)
    done = []

    def kill_in_the_third(name: str) -> None:
        if name == "open":
            done.append(name)
            if len(done) == 3:
                world.journal.kill_at = (world.journal.appends + 1, "before")

    world.script.on_call = kill_in_the_third
    with dying():
        _run(world)
    world.journal.kill_at, world.script.on_call = None, lambda _: None
    (drill,) = world.journal.drills()
    world.alive.clear()  # a sandbox dies with its process
    take_up(reopen(drill, world.journal), world.ports())
    restored = [
        event.recovery for event in events_of(world) if isinstance(event, PhaseStarted) and event.phase == "restore"
    ]
    expected = NAMES if on_interrupt == "resume" else NAMES[:2]
    assert sorted(restored) == sorted(expected)
    assert not world.alive


def _answer(ours: socket.socket, made: int, sent: list[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", sent))] if sent else []
    ours.sendmsg([b'{"made": %d}' % made], rights)


def test_descriptors_that_the_kernel_dropped_on_their_way_are_missed():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = descriptors_left()
    with ours, theirs:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        _answer(ours, 6, [ours.fileno()] * 6)
        _answer(ours, 6, [ours.fileno()] * 4)
        _answer(ours, 2, [ours.fileno()] * 2)
        lowest = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        for descriptor in lowest:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest[2], hard))  # room for two of six
        try:
            with pytest.raises(SandboxError, match="2 of 6 descriptors arrived") as raised:
                netns._receive(theirs)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert "ulimit" in raised.value.hint
        with pytest.raises(SandboxError, match="4 of 6 descriptors arrived"):
            netns._receive(theirs)
        arrived = netns._receive(theirs)
        assert len(arrived) == 2
        for descriptor in arrived:
            os.close(descriptor)
    assert descriptors_left() == before + 2  # and those that did arrive were closed


def test_too_many_open_files_are_told_with_what_to_do():
    with pytest.raises(SandboxError) as raised, sandbox_errors("cannot open a sandbox"):
        raise OSError(errno.EMFILE, "too many")
    assert raised.value.hint == MORE_DESCRIPTORS


def test_what_is_started_gets_the_limits_that_drp_was_started_with():
    program = (
        "import resource; from drp.descriptors import *;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512)); limits_found(); print(as_found()); raise_limit();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], as_found(), flush=True);"
        "import os; os.execvp(as_found()[0], [*as_found(), 'sh', '-c', 'ulimit -Sn; ulimit -Hn'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "512 ['prlimit', '--nofile=256:512', '--']", "256", "512"]
    assert as_found() == []


def _measured(rto: timedelta, names: int) -> DrillConcluded:
    world = World()
    _independent(world, parallel=1)
    within = [
        replace(
            each,
            application=replace(each.application, objectives=replace(each.application.objectives, rto=rto, mtpd=None)),
        )
        for each in world.plan.recoveries[:names]
    ]
    world.plan = replace(world.plan, recoveries=tuple(within))
    _run(world)
    (concluded,) = [event for event in events_of(world) if isinstance(event, DrillConcluded)]
    return concluded


def test_who_waited_for_its_turn_has_neither_met_nor_missed_its_objective():
    (alone,) = _measured(timedelta(hours=1), 1).measurements
    assert alone.rta_ms is not None
    assert (alone.turn_wait_ms, alone.rto_attainment) == (0, "met")
    concluded = _measured(timedelta(milliseconds=alone.rta_ms * 3 // 2), 3)
    assert [each.rto_attainment for each in concluded.measurements] == ["met", "undetermined", "undetermined"]
    waits = [each.turn_wait_ms for each in concluded.measurements]
    assert waits[0] == 0 < waits[1] < waits[2]
    assert concluded.verdict == "inconclusive"
    assert "DRP-T008" in " ".join(concluded.reasons)
    missed = _measured(timedelta(milliseconds=alone.rta_ms // 2), 2)
    assert [each.rto_attainment for each in missed.measurements] == ["missed", "missed"], "it would have without a wait"
    assert missed.verdict == "failed"
