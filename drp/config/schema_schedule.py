"""What ``inventory/schedule.yml`` may say: when drills are held by themselves, and when none may be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drp.config.schedule_values import Cron, Moment, WindowText, Zone
from drp.config.schema import Strict
from drp.config.values import TIER_PATTERN, Duration, DurationOrZero, Name, Text
from drp.domain.level import Level
from drp.domain.phrase import say
from drp.domain.schedule.policy import CatchUp

Presets = Literal["shipped", "none"]
TierName = Annotated[str, Field(pattern=TIER_PATTERN)]


class DefaultsFile(Strict):
    """What holds for every policy that does not say otherwise."""

    zone: Zone = "UTC"
    """Time zone of cron expressions, windows and days (IANA name)."""
    windows: list[WindowText] | None = None
    """When drills may run, `sat,sun 22:00-06:00`; all of a drill fits in. Left out or empty: at any time."""
    grace: Duration | None = None
    """A drill is due when its last success is older than `max_age`, and overdue so much later."""
    start_within: Duration | None = None
    """A slot that did not start by then, from its own instant on, is missed."""
    catch_up: CatchUp | None = None
    """What becomes of slots that nobody was there for: the `latest` is held late, `skip`: none is, `all`: each is."""
    jitter: DurationOrZero | None = None
    """Starts are spread over so much time, each slot always by the same."""
    place: Name | None = None
    """Where drills are held; left out: wherever the site has no places."""


class AskedFile(Strict):
    """When a drill is held. What is left out is as the tier's preset says, and the defaults."""

    cron: Cron | None = None
    """Minute, hour, day, month, weekday in the policy's zone. A skipped hour counts once, a repeated one too."""
    zone: Zone | None = None
    """Replaces the zone of `defaults`."""
    max_age: Duration | None = None
    """So old may the last success be. Left out: its `drill_every`, or as `cron` and `start_within` say."""
    grace: Duration | None = None
    """So much later it is overdue."""
    windows: list[WindowText] | None = None
    """Replaces the windows of `defaults`; empty: at any time."""
    expected: Duration | None = None
    """How long a drill takes; left out: as its history says."""
    jitter: DurationOrZero | None = None
    """Starts are spread over so much time."""
    start_within: Duration | None = None
    """A slot that did not start by then, from its own instant on, is missed."""
    catch_up: CatchUp | None = None
    """What becomes of slots that nobody was there for."""
    on_change: bool | None = None
    """Hold one as well when what the last success proved is not what there is any more."""
    approvers: list[Text] | None = Field(default=None, min_length=1)
    """Who may approve: the drill is declared, and waits for one of them."""
    approval_within: Duration | None = None
    """How long it waits for them."""
    place: Name | None = None
    """Where it is held."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.approval_within is not None and not self.approvers:
            raise ValueError(say("`approval_within` needs `approvers`: nobody is waited for"))
        if len(set(self.approvers or ())) != len(self.approvers or ()):
            raise ValueError(say("`approvers` names somebody twice"))
        return self


class TierLevelFile(AskedFile):
    """One level of a tier."""

    preset: Presets = "shipped"
    """`none`: nothing of the shipped preset; without `cron` nothing is held."""


class TierFile(Strict):
    """What holds for every drilled application of a tier, by level."""

    preset: Presets = "shipped"
    """`none`: only what stands here."""
    full: TierLevelFile | None = None
    """Everything up to a working application."""
    hash: TierLevelFile | None = None
    """Restored whole and compared."""
    sample: TierLevelFile | None = None
    """Some files restored and compared."""


class PolicyFile(AskedFile):
    """One application, one level."""

    application: Name
    """Name of the application."""
    level: Level = "full"
    """How deep the drill goes."""
    plan: Name | None = None
    """Drill of the site that is held, with all its applications; left out: the application alone."""
    after: Name | None = None
    """Drill of the site after whose passing one of this policy is held; no `cron` is taken from the preset then."""


class ExemptFile(Strict):
    """Somebody's word that a tier's preset does not hold for an application."""

    application: Name
    """Name of the application."""
    level: Level | None = None
    """Only this level; left out: all of them."""
    reason: Text
    """Why it is not drilled like the others of its tier."""
    by: Text
    """Who says so."""


class BlackoutFile(Strict):
    """When no drill may run: a span with its reason, or the events of a calendar."""

    begins: Moment | None = Field(default=None, alias="from")
    """Day, or instant with its zone."""
    until: Moment | None = None
    """Day that is still closed, or the instant from which on drills may run again."""
    reason: Text | None = None
    """Why; of a calendar left out: the file's name."""
    calendar: Text | None = None
    """File of events (.ics), relative to the site, that a job of yours keeps up to date. drp fetches nothing."""
    zone: Zone | None = None
    """Of a calendar's times and days without a zone; left out: that of `defaults`."""
    max_age_of_file: Duration | None = None
    """A calendar that was not written for longer is said to be stale; left out: two days."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.calendar is None:
            if self.begins is None or self.reason is None:
                raise ValueError(say("needs `from`, `until` and `reason`, or `calendar`"))
            if self.until is None:
                raise ValueError(say("never ends: give `until`, or write it under `freezes`, with `by`"))
            if self.zone is not None or self.max_age_of_file is not None:
                raise ValueError(say("`zone` and `max_age_of_file` are a calendar's"))
            in_order(self.begins, self.until)
        elif self.begins is not None or self.until is not None:
            raise ValueError(say("a calendar says itself from when until when: leave out `from` and `until`"))
        return self


class FreezeFile(Strict):
    """Somebody's word that no drill runs: a clinical freeze. Without an end it is said wherever the schedule is."""

    begins: Moment = Field(alias="from")
    """Day, or instant with its zone."""
    until: Moment | None = None
    """As of a blackout; left out: until this entry is taken away."""
    reason: Text
    """Why."""
    by: Text
    """Who says so."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None:
            in_order(self.begins, self.until)
        return self


class ScheduleFile(Strict):
    """inventory/schedule.yml: drills that are held by themselves. Without the file there is none."""

    version: Literal[1] = 1
    """Version of this file's format."""
    defaults: DefaultsFile = Field(default_factory=DefaultsFile)
    """What holds for every policy."""
    preset: Presets = "shipped"
    """`none`: no tier has a preset; only what stands here is held."""
    tiers: dict[TierName, TierFile] = Field(default_factory=dict)
    """Tier → what is asked of its applications, on top of the shipped preset."""
    policies: list[PolicyFile] = Field(default_factory=list)
    """Of single applications."""
    exempt: list[ExemptFile] = Field(default_factory=list)
    """Applications for which their tier's preset does not hold."""
    blackouts: list[BlackoutFile] = Field(default_factory=list)
    """When no drill may run."""
    freezes: list[FreezeFile] = Field(default_factory=list)
    """When no drill may run until somebody says so."""


_LONGEST = timedelta(days=366)


def in_order(begins: date | datetime, until: date | datetime) -> None:
    """Raise ValueError for a span that is empty, or so long that no drill would ever be held."""
    first, last = _day(begins), _day(until)
    empty = until <= begins if isinstance(begins, datetime) and isinstance(until, datetime) else last < first
    if empty:
        raise ValueError(say("ends before it begins"))
    if last - first > _LONGEST:
        raise ValueError(
            say("lasts for more than a year: a freeze says who wants that, and is shown until it is lifted")
        )


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
