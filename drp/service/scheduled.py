"""How a site's applications stand by its schedule, and whether the schedule is looked at by anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from drp.cron import occasions
from drp.domain.fold import DrillState
from drp.domain.schedule.due import Ahead, Due, dues, expecting
from drp.domain.schedule.events import Paused
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import proofs
from drp.domain.schedule.slot import Slot
from drp.service.wiring import Wiring

LOOK_EVERY = timedelta(minutes=5)
"""So often at least somebody has to look at the schedule: the timer does, and a worker does more often."""
SILENT_AFTER = 3 * LOOK_EVERY
SILENT_CRITICAL = timedelta(days=1)
"""A scheduler that gave no sign for so long is critical; before, a warning: a host may be starting again."""
_BY = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What the schedule says of a site."""

    dues: tuple[Due, ...] = ()
    silent_since: datetime | None = None
    unattended: bool = False
    pauses: tuple[Paused, ...] = ()
    late: tuple[Slot, ...] = ()
    state: ScheduleState

    def by_application(self) -> Mapping[str, Sequence[Due]]:
        """Return the dues of each application."""
        found: dict[str, list[Due]] = {}
        for due in self.dues:
            found.setdefault(due.application, []).append(due)
        return found


def scheduled(
    wiring: Wiring, telling: Iterable[DrillState], unsettled: Iterable[DrillState], now: datetime
) -> Scheduled:
    """Return how applications stand by the site's policies, given the drills that tell, and those without an end.

    Raises as the register does.
    """
    site, policies = wiring.site, wiring.site.schedule.policies
    state, beats = ScheduleState(), dict[str, datetime]()
    if not never_held(wiring):
        register = wiring.register_to_read()
        state, beats = register.state(), dict(register.beats())
    wanted = next(expecting(policies.values()), None) is not None
    running = {slot for drill in unsettled for slot in _slots(drill)}
    asked = {policy.application for policy in policies.values()}
    ahead = {policy.key: Ahead(next_at=_next(policy, state, now)) for policy in policies.values()}
    return Scheduled(
        dues=dues(
            policies.values(),
            proofs(telling),
            state,
            now,
            ahead=ahead,
            unscheduled=(name for name in site.applications if name not in asked),
        ),
        silent_since=_silent_since(state, beats, now) if wanted else None,
        unattended=wanted and not state.policies,
        pauses=tuple(pause for pause in state.pauses.values() if pause.until > now),
        late=tuple(slot for slot in _late(policies, state, now) if slot.id not in running),
        state=state,
    )


def never_held(wiring: Wiring) -> bool:
    """Return whether the site has no journal yet, and no record: nothing was ever held, or looked at."""
    kept = wiring.site.journal
    return isinstance(kept, Path) and _is_absent(kept) and not wiring.deposits().records()


def _is_absent(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:  # closed to us: whoever reads it will say so
        return False


def _next(policy: Policy, state: ScheduleState, now: datetime) -> datetime | None:
    """Return the next occasion of a policy's cron that nobody took out; windows may make it later."""
    if not policy.cron:
        return None
    after = max(now, state.counted_from(policy.key) or now)
    for instant in occasions(policy.cron, policy.zone, after):
        if Slot(application=policy.application, level=policy.level, at=instant).id not in state.skipped:
            return instant
    return None


def _slots(drill: DrillState) -> tuple[str, ...]:
    occasion = drill.declared.occasion if drill.declared is not None else None
    return occasion.slots if occasion is not None else ()


def _silent_since(state: ScheduleState, beats: Mapping[str, datetime], now: datetime) -> datetime | None:
    """Return when somebody last looked at the schedule, if that is too long ago; nobody ever did: when it should have.

    A sign from the future is none: a clock that once ran ahead must not blind everybody.
    """
    if not state.policies:
        return None
    signs = [at for at in beats.values() if at <= now + LOOK_EVERY]
    last = max(signs, default=min(entry.stamp.wall for entry in state.since.values()))
    return last if now - last > SILENT_AFTER else None


def _late(policies: Mapping[str, Policy], state: ScheduleState, now: datetime) -> Iterable[Slot]:
    """Yield open slots whose time to start is over by more than a look at the schedule."""
    for each in state.open.values():
        policy = policies.get(each.slot.policy)
        by = each.start_by or each.slot.at + (policy.start_within if policy is not None else _BY)
        if by + SILENT_AFTER < now:
            yield each.slot
