"""How a site's applications stand by its schedule, and whether the schedule is looked at by anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from drp.calendars.feeds import CalendarRead, closed, read_calendars
from drp.cron import occasions
from drp.domain.fold import DrillState
from drp.domain.schedule.due import Ahead, Due, Proving, dues, expecting
from drp.domain.schedule.events import Paused
from drp.domain.schedule.fold import ScheduleState
from drp.domain.schedule.policy import Policy
from drp.domain.schedule.proofs import proofs
from drp.domain.schedule.slot import Slot
from drp.drill.declare import states
from drp.garbage import uncollected
from drp.service.changes import Changes
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
    calendars: tuple[CalendarRead, ...] = ()
    """Those that cannot be read, or that nobody has written for too long."""
    state: ScheduleState

    def by_application(self) -> Mapping[str, Sequence[Due]]:
        """Return the dues of each application."""
        found: dict[str, list[Due]] = {}
        for due in self.dues:
            found.setdefault(due.application, []).append(due)
        return found


def scheduled(
    wiring: Wiring, telling: Sequence[DrillState], unsettled: Iterable[DrillState], now: datetime
) -> Scheduled:
    """Return how applications stand by the site's policies, given the drills that tell, and those without an end.

    Raises as the register does.
    """
    site, policies = wiring.site, wiring.site.schedule.policies
    state, beats, empty = ScheduleState(), dict[str, datetime](), never_held(wiring)
    if not empty:
        register = wiring.register_to_read()
        state, beats = register.state(), dict(register.beats())
    wanted = next(expecting(policies.values()), None) is not None
    running = {slot for drill in unsettled for slot in _slots(drill)}
    asked = {policy.application for policy in policies.values()}
    calendars = read_calendars(site.schedule.calendars, now)
    waits = "feed-unreadable" if closed(calendars)[1] else ""
    ahead = {
        policy.key: Ahead(_next(policy, state, now), waits if policy.cron or policy.after or policy.on_change else "")
        for policy in policies.values()
    }
    return Scheduled(
        dues=dues(
            policies.values(),
            proofs(telling),
            state,
            now,
            ahead=ahead,
            changed=partial(_changed, None if empty else Changes(site, wiring.journal_to_read(), telling)),
            unscheduled=(name for name in site.applications if name not in asked),
        ),
        silent_since=_silent_since(state, beats, now) if wanted else None,
        unattended=wanted and not state.policies,
        pauses=tuple(pause for pause in state.pauses.values() if pause.until > now),
        late=tuple(slot for slot in _late(policies, state, now) if slot.id not in running),
        calendars=tuple(each for each in calendars if each.problem or each.stale),
        state=state,
    )


def _changed(changes: Changes | None, policy: Policy, proof: Proving) -> tuple[str, ...]:
    """Return what changed, for a policy by which something is held: one of an age alone says nothing else."""
    if changes is None or next(expecting((policy,)), None) is None:
        return ()
    return changes.since(policy.application, proof.drill)


@uncollected()
def schedule_of(wiring: Wiring) -> Scheduled:
    """Return how all applications stand by the site's policies now, without looking into repositories."""
    now = wiring.clock.now().wall
    if never_held(wiring):
        return scheduled(wiring, (), (), now)
    journal = wiring.journal_to_read()
    telling = states(journal, journal.history.telling(wiring.site.applications))
    return scheduled(wiring, telling, states(journal, (one.drill for one in journal.history.unsettled())), now)


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
