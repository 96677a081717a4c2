"""Drills of an application that has one folder of a point: only its own part of the manifest clears or accuses it."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest

from drp.domain.application import BackupJob
from drp.domain.fold import fold
from drp.domain.verdict import conclude
from drp.evidence.record import read_record, record_bytes
from drp.reporting.html import render_html
from drp.reporting.text import render_markdown
from tests.simulators.world import Script, World
from tests.unit.test_drill_control_flow import codes, concluded, run
from tests.unit.test_drill_levels import record_of

OWN = "/srv/app/ehr"


class Whole(World):
    """A world whose repository restores whole points."""

    at_sub_path = None


def world_of(script: Script | None = None, *, kind: type[World] = World, **job: object) -> World:
    world = kind(script)
    (recovery,) = world.plan.recoveries
    declared = BackupJob(**{"sub_path": OWN, **job})
    application = replace(recovery.application, backup_job=declared)
    world.plan = replace(world.plan, recoveries=(replace(recovery, application=application),))
    return world


@pytest.mark.parametrize("level", ["full", "hash", "sample"])
def test_what_a_manifest_of_more_says_of_the_own_folder_is_all_that_counts(level):
    world = world_of()
    world.plan = replace(world.plan, level=level)
    assert run(world).verdict == "passed"
    (recovery,) = record_of(world).recoveries
    assert recovery.select.point.sub_path == OWN
    assert (recovery.hash.manifest.part.path, recovery.hash.manifest.part.files) == ("ehr", 4)
    assert (recovery.hash.manifest.id, recovery.hash.manifest.files) == ("m" * 64, 10)
    left_out = {each.part: each.why for each in recovery.hash.not_judged}
    assert left_out["other applications' entries"].startswith("6 of the manifest's 10 entries")
    record = record_of(world)
    assert read_record(record_bytes(record)) == record
    if level == "sample":
        assert (recovery.select.sample.population, len(world.only)) == (4, 4)


@pytest.mark.parametrize(("language", "alone"), [("en", "alone was restored"), ("fr", "seul")])
@pytest.mark.parametrize("sub_path", [OWN, "/srv/app/<b>e*h`r"])
def test_reports_say_of_what_they_are(language, alone, sub_path):
    world = world_of(sub_path=sub_path)
    assert run(world).verdict == "passed"
    record = record_of(world)
    markdown, page = (render(record, language).decode() for render in (render_markdown, render_html))
    assert [line for line in markdown.splitlines() if alone in line and "/srv/app/" in line]
    assert html.escape(sub_path) in page
    assert "<b>e" not in page
    run(whole := World())
    assert "/srv/app/" not in render_markdown(record_of(whole), language).decode()


def test_a_manifest_of_the_folder_itself_is_whole():
    world = world_of(Script(manifest_made={"root": OWN}))
    assert run(world).verdict == "passed"
    (recovery,) = record_of(world).recoveries
    assert recovery.hash.manifest.part is None


@pytest.mark.parametrize(
    ("script", "verdict", "found"),
    [
        (Script(lacking="there is no /srv/app/ehr in it"), "failed", {"DRP-S008"}),
        (Script(manifest_made={"root": "/srv/app/lis"}), "inconclusive", {"DRP-H013"}),
        (Script(manifest_made={"root": "/srv/app/ehr/db"}), "inconclusive", {"DRP-H013"}),
        (Script(manifest_made={"root": "/srv/ap"}), "inconclusive", {"DRP-H013"}),
        (Script(own_files=0), "inconclusive", set()),
        (Script(difference={"changed": 1}), "failed", {"DRP-H001"}),
        (Script(difference={"unexpected": 1}), "failed", {"DRP-H003"}),
        (Script(manifest_made={"application": "server"}), "failed", {"DRP-H008"}),
    ],
)
def test_nothing_else_passes(script, verdict, found):
    world = world_of(script)
    assert run(world).verdict == verdict
    assert codes(world) == found


def test_a_point_that_lacks_the_folder_is_refused_and_no_older_one_is_taken_instead():
    world = world_of(Script(lacking="/srv/app/ehr in it is an empty folder", points=3))
    assert run(world).verdict == "failed"
    (recovery,) = record_of(world).recoveries
    assert recovery.select.point is None
    assert [each.reason for each in recovery.select.refused] == ["/srv/app/ehr in it is an empty folder"]
    assert world.calls.count("at_sub_path") == 1
    assert "restore_order" not in world.calls


def test_a_repository_that_restores_whole_points_alone_is_not_asked_to():
    world = world_of(kind=Whole)
    assert run(world).verdict == "inconclusive"
    assert codes(world) == {"DRP-M002"}
    assert "restore_order" not in world.calls


@pytest.mark.parametrize(
    ("made_for", "declared", "found"),
    [
        ("server", "server", set()),
        ("ehr", "server", {"DRP-H008"}),
        ("lis", "server", {"DRP-H008"}),
        ("", "server", {"DRP-H008"}),
        ("ehr", "", set()),
        ("server", "", {"DRP-H008"}),
    ],
)
def test_a_manifest_that_serves_several_is_known_by_what_the_application_declares(made_for, declared, found):
    world = world_of(Script(manifest_made={"application": made_for}), manifest_of=declared)
    run(world)
    assert codes(world) == found
    assert (f"expected of {declared}" if declared else "expected") in world.calls


@pytest.mark.parametrize(
    "changed",
    [
        {"part": None},
        {"part": "lis"},
        {"part": "ehr/db"},
        {"point": ""},
        {"point": "/srv/app/lis"},
    ],
)
def test_a_record_in_which_another_part_was_compared_does_not_pass(changed):
    world = world_of()
    assert run(world).verdict == "passed"
    (drill,) = world.journal.drills()
    state = fold(world.journal.entries(drill))
    progress = state.recoveries["ehr"]
    outputs = progress.outputs
    if "point" in changed:
        outputs.select = replace(outputs.select, point=replace(outputs.point, sub_path=changed["point"]))
    else:
        part = outputs.hash.manifest.part
        other = replace(part, path=changed["part"]) if changed["part"] is not None else None
        outputs.hash = replace(outputs.hash, manifest=replace(outputs.hash.manifest, part=other))
    (measurement,) = concluded(world).measurements
    verdict, reasons = conclude(world.plan, {"ehr": outputs}, {}, {"ehr": measurement})
    assert verdict == "inconclusive"
    assert len(reasons) == 1


def test_no_file_restored_is_no_pass_whatever_checks_say():
    world = world_of()
    (recovery,) = world.plan.recoveries
    world.plan = replace(world.plan, recoveries=(replace(recovery, require_manifest=False),))
    assert run(world).verdict == "passed"
    (drill,) = world.journal.drills()
    outputs = fold(world.journal.entries(drill)).recoveries["ehr"].outputs
    outputs.restore = replace(outputs.restore, receipt=replace(outputs.restore.receipt, files_restored=0))
    (measurement,) = concluded(world).measurements
    verdict, reasons = conclude(world.plan, {"ehr": outputs}, {}, {"ehr": measurement})
    assert verdict == "inconclusive"
    assert len(reasons) == 1
