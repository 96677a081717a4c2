"""From what ``inventory/schedule.yml`` said to policies: of each application and level, complete."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

from drp.config.document import Place
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_schedule import (
    AskedFile,
    BlackoutFile,
    DefaultsFile,
    PolicyFile,
    ScheduleFile,
    TierLevelFile,
)
from drp.cron import longest_apart
from drp.domain.level import Level
from drp.domain.schedule.policy import Blackout, Policy, Window
from drp.domain.schedule.presets import Preset, preset
from drp.domain.schedule.site import CalendarFeed, Schedule
from drp.domain.schedule.windows import instant_of

FILE = "inventory/schedule.yml"
_LEVELS: tuple[Level, ...] = get_args(Level)
_LEAST_GRACE = timedelta(hours=12)
_TENTH = 10
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A policy, and where in the file it stands."""

    policy: Policy
    place: Place
    own: bool
    """Whether it stands there by itself, and not by its tier."""


def schedule(
    said: ScheduleFile | None,
    applications: Mapping[str, ApplicationFile],
    site: Path,
    undecided: Collection[str] = (),
) -> Schedule:
    """Return the schedule of a site; without a file, what its applications say of themselves (``drill_every``)."""
    file = said if said is not None else ScheduleFile(preset="none")
    policies = {each.policy.key: each.policy for each in resolved(file, applications)}
    for name, application in applications.items():
        policy = _by_itself(application)
        if policy is not None:
            policies.setdefault(f"{name}/full", policy)
    calendars = [each for each in file.blackouts if each.calendar is not None]
    zone = file.defaults.zone
    return Schedule(
        policies=dict(sorted(policies.items(), key=lambda item: (item[1].application, _LEVELS.index(item[1].level)))),
        blackouts=tuple(blackouts(file)),
        calendars=tuple(_calendar(each, zone, site) for each in calendars),
        exempt={
            f"{each.application}/{each.level}"
            if each.level is not None
            else each.application: f"{each.reason} ({each.by})"
            for each in file.exempt
        },
        undecided=frozenset(undecided),
        zone=zone,
    )


def resolved(said: ScheduleFile, applications: Mapping[str, ApplicationFile]) -> Iterator[Resolved]:
    """Yield every policy that the file makes, each key once; what says neither when nor how old makes none.

    An application that is not known has no tier, and so no preset.
    """
    explicit: dict[tuple[str, Level], tuple[int, PolicyFile]] = {}
    for index, each in enumerate(said.policies):
        explicit.setdefault((each.application, each.level), (index, each))
    for (name, level), (index, own) in explicit.items():
        application = applications.get(name)
        layers = _Layers(said, application, level, own)
        policy = layers.policy(name)
        if policy is not None:
            yield Resolved(policy=policy, place=("policies", index), own=True)
    exempt = {(each.application, each.level) for each in said.exempt}
    for name, application in applications.items():
        if application.backup is None or application.runbook is None:
            continue
        for level in _LEVELS:
            if (name, level) in explicit or (name, level) in exempt or (name, None) in exempt:
                continue
            policy = _Layers(said, application, level, None).policy(name)
            if policy is not None:
                yield Resolved(policy=policy, place=("tiers", str(application.tier), level), own=False)


def blackouts(said: ScheduleFile) -> Iterator[Blackout]:
    """Yield every span in which nothing runs, whether somebody ends it or not."""
    zone = ZoneInfo(said.defaults.zone)
    for each in said.blackouts:
        if each.begins is not None and each.until is not None:
            begins, ends = _moment(each.begins, zone), _moment(each.until, zone, _DAY)
            yield Blackout(begins=begins, ends=ends, reason=each.reason or "")
    for freeze in said.freezes:
        ends_at = _moment(freeze.until, zone, _DAY) if freeze.until is not None else None
        yield Blackout(begins=_moment(freeze.begins, zone), ends=ends_at, reason=f"{freeze.reason} ({freeze.by})")


def _moment(said: date | datetime, zone: ZoneInfo, after: timedelta = timedelta(0)) -> datetime:
    """Return an instant; of a day its beginning, so many days later."""
    return said if isinstance(said, datetime) else instant_of(said + after, time(), zone)


def _calendar(said: BlackoutFile, zone: str, site: Path) -> CalendarFeed:
    assert said.calendar is not None
    feed = CalendarFeed(name=said.calendar, path=site / said.calendar, reason=said.reason or "", zone=said.zone or zone)
    return replace(feed, max_age_of_file=said.max_age_of_file) if said.max_age_of_file is not None else feed


def _by_itself(application: ApplicationFile) -> Policy | None:
    """Return what an application's own ``drill_every`` asks for where nothing else does: no slot, but an age."""
    every = application.drill_every
    if every is None:
        return None
    return Policy(application=application.name, level="full", max_age=every, grace=every, tier=application.tier)


class _Layers:
    """What is said of one application and level, the nearest first."""

    def __init__(
        self, said: ScheduleFile, application: ApplicationFile | None, level: Level, own: PolicyFile | None
    ) -> None:
        tier = said.tiers.get(str(application.tier)) if application is not None else None
        asked: TierLevelFile | None = getattr(tier, level) if tier is not None else None
        wanted = said.preset == "shipped" and (tier is None or tier.preset == "shipped")
        shipped = wanted and (asked is None or asked.preset == "shipped") and application is not None
        self.level, self._application, self._own = level, application, own
        self._layers: tuple[AskedFile | DefaultsFile | Preset, ...] = tuple(
            layer
            for layer in (
                own,
                asked,
                said.defaults,
                preset(application.tier).get(level) if shipped and application is not None else None,
            )
            if layer is not None
        )

    def of(self, name: str, default: Any = None) -> Any:
        """Return what the nearest layer says of a field that says something."""
        values = (getattr(layer, name, None) for layer in self._layers)
        return next((value for value in values if value is not None), default)

    def policy(self, name: str) -> Policy | None:
        """Return the policy; None: nothing says when, nor how old a success may be."""
        own, zone = self._own, self.of("zone", "UTC")
        after = own.after if own is not None else None
        cron = (own.cron if own is not None and after is not None else self.of("cron")) or ""
        start_within = self.of("start_within", timedelta(hours=12))
        max_age = self.of("max_age")
        if own is None and not cron and max_age is None:
            return None
        if self.level == "full" and self._application is not None:
            # what stands at the policy itself is compared with it before, and refused where they differ
            max_age = self._application.drill_every or max_age
        if max_age is None and cron:
            max_age = longest_apart(cron, zone) + start_within
        if max_age is None:
            return None
        windows: tuple[Window, ...] = tuple(self.of("windows", ()))
        return Policy(
            application=name,
            level=self.level,
            plan=(own.plan if own is not None else None) or "",
            cron=cron,
            zone=zone,
            max_age=max_age,
            grace=self.of("grace") or max(max_age / _TENTH, _LEAST_GRACE),
            windows=windows,
            expected=self.of("expected"),
            jitter=self.of("jitter", timedelta(0)),
            start_within=start_within,
            catch_up=self.of("catch_up", "latest"),
            after=after or "",
            approvers=tuple(self.of("approvers", ())),
            approval_within=self.of("approval_within", timedelta(hours=4)),
            on_change=self.of("on_change", default=False),
            tier=self._application.tier if self._application is not None else 9,
            place=self.of("place", ""),
        )
