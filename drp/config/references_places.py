"""Places that inventory/schedule.yml names must be those of drp.yml: elsewhere no worker would ever hold the drill."""

from __future__ import annotations

from collections.abc import Iterator

from drp.config.document import Document, Place
from drp.config.problems import Problem, unknown
from drp.config.schema import SiteFile
from drp.config.schema_schedule import ScheduleFile
from drp.domain.phrase import say


def cross_check_places(said: SiteFile, schedule: ScheduleFile, document: Document) -> Iterator[Problem]:
    """Yield every place of the schedule that drp.yml does not name."""
    for at, name in _named(schedule):
        if name is not None and name not in said.places:
            if said.places:
                yield document.problem(at, unknown("place", name, said.places))
            else:
                message = say("there is no place `{name}`; drp.yml names none: add it to `places`", name=name)
                yield document.problem(at, message)


def _named(schedule: ScheduleFile) -> Iterator[tuple[Place, str | None]]:
    yield ("defaults", "place"), schedule.defaults.place
    for tier, of_tier in schedule.tiers.items():
        for level in ("full", "hash", "sample"):
            asked = getattr(of_tier, level)
            yield ("tiers", tier, level, "place"), asked.place if asked is not None else None
    for index, policy in enumerate(schedule.policies):
        yield ("policies", index, "place"), policy.place
