"""What is drilled together, which points that would take now, and which it refuses and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.test_check import application, back_up, drill, write
from tests.cli.test_check import site as site  # noqa: PLC0414 - a fixture
from tests.support import warm


def drp(site: Path, *arguments: str, status: int = 0) -> str:
    done = warm.drp(*arguments, environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)}, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def planned(site: Path) -> Path:
    """The site with a plan that takes nothing older than a day, and with a point that is."""
    write(
        site,
        {
            "inventory/applications/lis.yml": application("lis"),
            "inventory/drills/nightly.yml": drill("ehr", select="{policy: newest, not_older_than: 1d}"),
        },
    )
    back_up(site, "ehr", at=datetime.now(UTC) - timedelta(days=9))
    return site


def test_points_say_who_would_take_them_and_who_refuses_them(planned: Path):
    said = json.loads(drp(planned, "repo", "points", "vault", "--json"))["points"]
    newest, oldest = said[0], said[-1]
    assert (newest["taken_by"], newest["refused_by"]) == (["ehr-drill"], {})
    assert oldest["taken_by"] == []
    assert oldest["refused_by"] == {"ehr-drill": "older than 1 d before the disaster"}
    text = drp(planned, "repo", "points", "vault")
    assert f"✔  {newest['id'][:8]}" in text
    assert f"✗  {oldest['id'][:8]}" in text
    assert f"✔ ehr-drill would take {newest['id'][:8]} for ehr" in text
    assert f"✗ ehr-drill refuses {oldest['id'][:8]} for ehr: older than 1 d before the disaster" in text


def test_a_point_that_nothing_is_said_of_has_no_mark(planned: Path):
    back_up(planned, "lis")
    back_up(planned, "lis")
    rows = [
        each
        for each in json.loads(drp(planned, "repo", "points", "vault", "--json"))["points"]
        if each["application"] == "lis"
    ]
    assert [bool(row["taken_by"]) for row in rows] == [True, False], "without a plan, as a drill of it alone would"
    assert not any(row["refused_by"] for row in rows)


def test_a_repository_that_was_mistyped_is_suggested(site: Path):
    assert "there is no repository vaul; did you mean vault?" in drp(site, "repo", "points", "vaul", status=10)


def test_plans_are_listed_where_anybody_looks(planned: Path):
    listed = json.loads(drp(planned, "plan", "list", "--json"))
    assert listed["schema"] == "drp/plans/1"
    assert [(each["plan"], each["applications"], each["level"]) for each in listed["plans"]] == [
        ("ehr-drill", ["ehr"], "full")
    ]
    assert json.loads(drp(planned, "drill", "plan", "--json")) == listed
    assert "ehr-drill  ehr           full   none            Fire" in drp(planned, "plan", "list")
    assert "there is no drill `ehr-dril`; did you mean `ehr-drill`?" in drp(
        planned, "plan", "show", "ehr-dril", status=10
    )
    write(planned, {"inventory/drills/nightly.yml": "name: ehr-drill\nrecoveries: 3\n"})
    assert "ehr-drill: its file has problems" in drp(planned, "plan", "list")


def test_an_application_is_planned_without_any_plan(planned: Path):
    said = json.loads(drp(planned, "drill", "plan", "--app", "ehr", "--json"))
    assert [item["application"] for wave in said["waves"] for item in wave] == ["ehr"]
    assert said["plan"]["name"] == "ad-hoc-ehr"
    assert json.loads(drp(planned, "plan", "show", "ehr-drill", "--json"))["plan"]["name"] == "ehr-drill"
