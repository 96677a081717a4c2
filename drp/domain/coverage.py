"""How much of the hospital is drilled, and what everything waits for although nobody drills it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from drp.domain.application import Application

URGENT_TIER = 1
"""Applications of this tier and below stop care when they stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinglePoint:
    """An application that is not drilled and that others wait for, directly or through others."""

    application: str
    tier: int
    needed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which applications are drilled; names in the order of recovery: tier, then name."""

    drilled: tuple[str, ...]
    not_drilled: tuple[str, ...]
    urgent: tuple[str, ...]
    """Those of the first tiers among ``not_drilled``."""
    single_points: tuple[SinglePoint, ...]
    """Most waited-for first."""

    @property
    def total(self) -> int:
        """Return the number of applications."""
        return len(self.drilled) + len(self.not_drilled)


def cover(applications: Mapping[str, Application], drilled: Collection[str]) -> Coverage:
    """Return the coverage of a site, given the names of the applications that count as drilled."""
    names = [found.name for found in in_order(applications)]
    missing = [name for name in names if name not in drilled]
    points = [
        SinglePoint(application=name, tier=applications[name].tier, needed_by=waiting)
        for name in missing
        if (waiting := needed_by(applications, name))
    ]
    return Coverage(
        drilled=tuple(name for name in names if name in drilled),
        not_drilled=tuple(missing),
        urgent=tuple(name for name in missing if applications[name].tier <= URGENT_TIER),
        single_points=tuple(sorted(points, key=lambda point: (-len(point.needed_by), point.tier, point.application))),
    )


def needed_by(applications: Mapping[str, Application], name: str) -> tuple[str, ...]:
    """Return who waits for an application, directly or through others, in the order of recovery."""
    waiting: set[str] = set()
    frontier = {name}
    while frontier:
        frontier = {
            other.name
            for other in applications.values()
            if other.name not in waiting and frontier.intersection(other.depends_on)
        }
        waiting |= frontier
    return tuple(found.name for found in in_order(applications) if found.name in waiting - {name})


def in_order(applications: Mapping[str, Application]) -> tuple[Application, ...]:
    """Return applications by tier, then name: what is recovered first at the top."""
    return tuple(sorted(applications.values(), key=lambda application: (application.tier, application.name)))
