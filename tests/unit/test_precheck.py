"""Each reason not to begin, from the facts that give it; and odd machines that carry a drill all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drp.domain.placing import Folder
from drp.domain.precheck import GOOD_FREE_BYTES, LEAST_FREE_BYTES, BackupSign, Promised, Room, judge
from drp.domain.precheck_words import sentence
from drp.domain.volume import DataVolume, image_bytes
from drp.errors import NoRoom, SandboxError, StorageFull
from drp.reporting.i18n import language
from drp.service.precheck import refusal
from tests.simulators.world import plan

GIB = 1 << 30
ROOM = Room(
    memory_bytes=64 * GIB,
    cores=4,
    at_once=8,
    volumes=("/state/run", 64 * GIB),
    records={"/state": 8 * GIB, "/evidence": 8 * GIB},
)
AT = datetime(2026, 11, 29, 2, tzinfo=UTC)


def sized(names=("ehr",), **profile):
    """Return a plan of one wave, its sandboxes of this size."""
    made = plan(names)
    recoveries = (
        replace(
            each,
            application=replace(each.application, depends_on=()),
            sandbox=replace(each.sandbox, **profile),
        )
        for each in made.recoveries
    )
    return replace(made, recoveries=tuple(recoveries))


def codes(made, room) -> list[str]:
    return [reason.code for reason in judge(made, room).reasons]


def test_a_machine_with_room_for_everything_admits():
    found = judge(sized(), ROOM)
    assert (found.state, found.reasons, found.waits) == ("admissible", (), None)


@pytest.mark.parametrize(
    ("made", "room", "code", "error"),
    [
        (sized(), {"memory_bytes": 100 << 20}, "memory-lacking", NoRoom),
        (sized(data_bytes=8 * GIB), {"memory_bytes": 3 * GIB, "sizes": {"ehr": 4 * GIB}}, "memory-lacking", NoRoom),
        (sized(data_backing="disk", data_bytes=65 * GIB), {}, "volume-space", StorageFull),
        (sized(("ehr", "lis"), data_backing="disk", data_bytes=40 * GIB), {}, "volume-space", StorageFull),
        (sized(), {"records": {"/state": LEAST_FREE_BYTES - 1}}, "state-full", StorageFull),
        (sized(), {"lacking": {"ehr": "no loop devices"}}, "sandbox-lacking", SandboxError),
        (sized(), {"backups": (BackupSign(repository="vault", kind="window", until=AT),)}, "backup-window", NoRoom),
    ],
)
def test_what_keeps_a_drill_from_its_end_blocks_it(made, room, code, error):
    found = judge(made, replace(ROOM, **room))
    assert (found.state, [reason.code for reason in found.blocking]) == ("blocked", [code])
    assert found.waits is not None
    refused = refusal(found)
    assert isinstance(refused, error)
    assert sentence(found.blocking[0]) in refused.message
    assert refused.exit_status == {NoRoom: 11, StorageFull: 15, SandboxError: 3}[error]


@pytest.mark.parametrize(
    ("made", "room", "code"),
    [
        (sized(memory_bytes=40 * GIB), {}, "memory-short"),
        (sized(data_bytes=GIB), {"sizes": {"ehr": 2 * GIB}}, "volume-small"),
        (sized(), {"records": {"/state": GOOD_FREE_BYTES - 1}}, "state-short"),
        (sized(("ehr", "lis", "pacs")), {"at_once": 2}, "in-turn"),
        (sized(cpus=8.0), {}, "cores-short"),
        (sized(), {"backups": (BackupSign(repository="v", kind="lock", since=AT, host="h"),)}, "backup-running"),
        (sized(), {"backups": (BackupSign(repository="v", kind="stale-lock", since=AT, host="h"),)}, "backup-stale"),
    ],
)
def test_what_makes_it_say_less_is_said_and_stops_nobody(made, room, code):
    found = judge(made, replace(ROOM, **room))
    assert (found.state, [reason.code for reason in found.reasons]) == ("degraded", [code])


def test_a_sample_of_a_point_that_would_not_fit_does():
    made = sized(data_bytes=GIB)
    huge = replace(ROOM, sizes={"ehr": 100_000 * GIB})
    assert "volume-small" in codes(replace(made, level="hash"), huge)
    assert codes(replace(made, level="sample"), huge) == []


def test_two_that_fit_alone_and_not_together_are_told_so_and_fit_in_turn():
    made = sized(("ehr", "lis"), data_backing="disk", data_bytes=40 * GIB)
    assert codes(replace(made, parallel=1), ROOM) == ["in-turn"]
    assert codes(replace(made, parallel=1, keep_sandbox=True), ROOM) == ["volume-space", "in-turn"], "both stay"


def test_quotas_that_memory_does_not_hold_are_told_one_by_one_before():
    made = sized(("ehr", "lis"), data_bytes=300 * GIB)
    found = judge(made, ROOM)
    assert [reason.code for reason in found.reasons] == ["memory-short", "quota-short", "quota-short"]
    assert [reason.values["free_bytes"] for reason in found.reasons[1:]] == [str(48 * GIB), str(12 * GIB)]
    told = language("en").plain(sentence(found.reasons[2])).replace("\u00a0", " ")
    assert told == "lis: its volume would have 12.9 GB of memory, and not 322 GB"
    fits = sized(("ehr", "lis"), data_bytes=12 * GIB)
    assert codes(fits, ROOM) == []


def on_disk(quota: int, **profile):
    return sized(("ehr", "lis"), data_backing="disk", data_bytes=quota, **profile)


def test_a_plan_fits_with_exactly_enough_and_not_with_a_byte_less():
    both = 2 * image_bytes(10 * GIB)
    assert codes(on_disk(10 * GIB), replace(ROOM, volumes=("/run", both))) == []
    (short,) = judge(on_disk(10 * GIB), replace(ROOM, volumes=("/run", both - 1))).reasons
    assert (short.code, short.values["needed_bytes"]) == ("volume-space", str(both)), "ext4's own blocks as well"
    promised = replace(ROOM, volumes=("/run", both + 5), promised=Promised(disk_bytes=5))
    assert codes(on_disk(10 * GIB), promised) == []
    assert codes(on_disk(10 * GIB), replace(promised, promised=Promised(disk_bytes=6))) == ["volume-space"]


def test_volumes_are_counted_where_they_would_lie():
    one = image_bytes(10 * GIB)
    folders = {"/a": Folder(device=1, free_bytes=one), "/b": Folder(device=2, free_bytes=one)}
    room = replace(ROOM, volumes=("/run", 0), folders=folders)
    assert codes(on_disk(10 * GIB, volumes=("/a", "/b")), room) == [], "the first is full, the second is not"
    assert codes(on_disk(10 * GIB, volumes=("/a",)), room) == ["volume-space"]
    same = {**folders, "/b": Folder(device=1, free_bytes=one)}
    assert codes(on_disk(10 * GIB, volumes=("/a", "/b")), replace(room, folders=same)) == ["volume-space"]
    promised = replace(room, promised=Promised(disks={2: 1}))
    assert codes(on_disk(10 * GIB, volumes=("/a", "/b")), promised) == ["volume-space"]
    parts = (DataVolume(at="/srv/images", directory="/b", size_bytes=10 * GIB),)
    made = sized(data_volumes=parts, data_bytes=GIB)
    assert codes(made, room) == [], "a part of what is else in memory"
    (short,) = judge(made, replace(room, folders={**folders, "/b": Folder(device=2, free_bytes=one - 1)})).reasons
    assert (short.code, short.values["folder"]) == ("volume-space", "/b")


def test_what_others_were_promised_is_not_free_and_what_they_use_is_not_counted_twice():
    made = sized(memory_bytes=GIB, data_bytes=20 * GIB)
    assert codes(made, ROOM) == []
    others = Promised(drills=1, memory_most_bytes=50 * GIB, memory_least_bytes=GIB)
    found = judge(made, replace(ROOM, promised=others))
    assert ([reason.code for reason in found.reasons], found.drills_at_work) == (["memory-short"], 1)
    assert codes(made, replace(ROOM, promised=replace(others, memory_used_bytes=45 * GIB))) == []


def test_where_nobody_tells_how_much_memory_there_is_nobody_is_refused_for_it():
    assert codes(sized(data_bytes=300 * GIB), replace(ROOM, memory_bytes=None)) == []


def test_a_scheduled_drill_yields_to_a_backup_that_a_person_only_hears_of():
    sign = BackupSign(repository="vault", kind="lock", since=AT, host="backup-1")
    found = judge(sized(), replace(ROOM, backups=(sign,)))
    assert found.waits is not None
    assert sentence(found.waits) == "vault is being written to by backup-1 since 2026-11-29 02:00:00Z"
    stale = judge(sized(), replace(ROOM, backups=(replace(sign, kind="stale-lock"),)))
    assert stale.waits is None, "a job that died holds up nobody"


def test_why_it_was_begun_all_the_same_is_kept():
    found = judge(sized(), replace(ROOM, memory_bytes=1), despite="the server burns")
    assert (found.state, found.despite) == ("blocked", "the server burns")
