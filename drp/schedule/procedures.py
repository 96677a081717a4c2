"""What a worker does with an order of the schedule: looks for room, holds its drill, settles its slots, tells.

Each step may be run again after a crash: what is done already, the journal says, and the register takes one end a slot.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from drp.codec import from_data, to_data
from drp.config.site import Site
from drp.domain.events import Entry
from drp.domain.fold import DrillState, fold
from drp.domain.orders import Procedure, Step, Value, Values
from drp.domain.phrase import say
from drp.domain.plan import DrillPlan, InterruptPolicy
from drp.domain.ports import Clock
from drp.domain.progress import Cancelled
from drp.domain.schedule.reasons import TOO_LATE, Reason
from drp.engine.carrying import ORDER, OUTCOME
from drp.errors import Busy, Interrupted, NoRoom, NotFound
from drp.schedule.admission import begin_by, held_up
from drp.schedule.orders import BY, PROCEDURE, occasion_of, plan_of
from drp.schedule.settling import Fate, Obstacle, settle
from drp.schedule.site_desk import desk_of
from drp.schedule.waiting import lasting, of_room
from drp.service.requests import Begin, Request, Resume
from drp.service.supervisor import Happening, RunningDrill, start
from drp.service.wiring import Wiring

_AGAIN_SECONDS = 5.0
"""How often it is looked again for room, or whether another drill of the site has ended."""
_HEED_SECONDS = 0.3
_HINT = say("see `drp drill plan NAME`, or let it start later")
_LATEST = timedelta(hours=12)
"""Where no policy says how late a drill may start."""

Room = Callable[[Wiring, DrillPlan, timedelta], Reason | None]
"""Why a plan that takes so long has to wait on this machine now; None: there is room."""
Tell = Callable[[Wiring, Values], Values]
"""Tells people what became of an order: its values with all results, and ``outcome``."""
Asked = Callable[[str], str]
"""Who asks that an order stop, and why."""
Start = Callable[[Site, Request, Sequence[Entry]], RunningDrill]
"""Sets a drill to work, that is new or has these entries. Raises as `drp.service.supervisor.start` does."""


def _start(site: Site, request: Request, before: Sequence[Entry]) -> RunningDrill:
    return start(site, request, before=before)


def _tell_nobody(_wiring: Wiring, _values: Values) -> Values:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """With what a worker carries orders out."""

    site: Callable[[], Site]
    """Reads the site, anew for every step: its files may be other ones by then."""
    clock: Clock
    worker: str
    """This worker as evidence names it: ``host/place``."""
    asked: Asked = lambda _order: ""
    begin: Callable[[Sequence[Entry]], None] = lambda _before: None
    """Hears that a drill begins, or goes on after these entries."""
    announce: Callable[[Site, tuple[str, ...]], None] = lambda _site, _policies: None
    """Hears for which policies a drill begins; it may not wait."""
    follow: Callable[[Happening], None] = lambda _happening: None
    """Hears what happens in the drill at work."""
    room: Room = of_room
    start: Start = _start
    tell: Tell = _tell_nobody


def drill_procedure(hands: Hands) -> Procedure:
    """Return the procedure of orders that the schedule makes."""
    held = _Held(hands)
    return Procedure(
        PROCEDURE,
        steps=(Step("precheck", held.precheck), Step("hold", held.hold)),
        always=(Step("finish", held.finish), Step("settle", held.settle), Step("tell", held.tell)),
        clean=(Step("finish", held.finish), Step("settle", partial(held.settle, died=True)), Step("tell", held.tell)),
    )


class _Held:
    """The steps of one worker."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    def precheck(self, values: Values, cancelled: Cancelled) -> Values:
        """Wait until there is room for the drill, unless it was begun; ``late``: for what, until it was too late."""
        looked, last = 0, None
        while True:
            with self._wiring() as wiring:
                if _state(wiring, values) is not None:
                    return {"begun": True}
                by = begin_by(wiring.register().state(), values) or _latest(wiring.site, values)
                found = self._obstacle(wiring, values)
            looked += 1
            if found is None:
                return {"begun": False, "looked": looked}
            if self._hands.clock.now().wall > by:
                late = last if last is not None and found.reason.code == TOO_LATE else found
                return {"begun": False, "late": to_data(late)}
            last = found
            self._pause(cancelled, found.reason.text)

    def _obstacle(self, wiring: Wiring, values: Values) -> Obstacle | None:
        """Return what keeps the drill of an order from beginning now; None: it may, and there is room for it."""
        desk = desk_of(wiring, None)
        held = held_up(desk, values)
        if held is not None and held.reason != TOO_LATE:
            return Obstacle(Reason(held.reason, held.values), held.ending or "blocked")
        room = self._hands.room(wiring, plan_of(wiring.site, values), lasting(desk, values))
        if room is not None:
            return Obstacle(room)
        return Obstacle(Reason(held.reason, held.values), "missed") if held is not None else None

    def hold(self, values: Values, cancelled: Cancelled) -> Values:
        """Hold the drill of the order, or go on with it; return its verdict and the digest of its record.

        Raises ``NoRoom`` when it waited until it was too late.
        """
        if (late := _late(values)) is not None:
            raise NoRoom(say("it could not start in time: {text}", text=late.reason.text), hint=_HINT)
        return self._brought_to_its_end(values, cancelled)

    def finish(self, values: Values, cancelled: Cancelled) -> Values:
        """Seal the drill of an order that does not go on, if it was begun: as aborted, or with what is known."""
        with self._wiring() as wiring:
            state = _state(wiring, values)
            if state is None or state.sealed is not None:
                return {}
        stopping = _outcome(values)[0] == "aborted"
        return self._brought_to_its_end(values, cancelled, "resume" if stopping else "conclude", stopping=stopping)

    def settle(self, values: Values, cancelled: Cancelled, *, died: bool = False) -> Values:
        """End the order's slots by what the journal says of its drill, else by what became of the order."""
        del cancelled
        fate = _fate(values, self._hands.asked(_name(values)), died=died)
        with self._wiring() as wiring:
            return dict(settle(wiring.register(), wiring.journal(), values, fate))

    def tell(self, values: Values, cancelled: Cancelled) -> Values:
        """Tell people."""
        del cancelled
        with self._wiring() as wiring:
            return self._hands.tell(wiring, values)

    def _brought_to_its_end(
        self, values: Values, cancelled: Cancelled, policy: InterruptPolicy | None = None, *, stopping: bool = False
    ) -> Values:
        """Begin the drill, or go on with it, until it is sealed. Raises ``Interrupted`` when it was stopped."""
        while True:
            with self._wiring() as wiring:
                site, state = wiring.site, _state(wiring, values)
                if state is not None and state.sealed is not None:
                    return _result(state)
                request = self._request(wiring, values, state, policy)
                before = tuple(wiring.journal().entries(state.drill)) if state is not None else ()
            try:
                with self._hands.start(site, request, before) as running:
                    self._hands.begin(before)
                    if isinstance(request, Begin) and request.occasion is not None:
                        self._hands.announce(site, tuple(request.occasion.policies))
                    self._follow(running, values, (lambda: True) if stopping else cancelled)
                if running.outcome.stops and not running.outcome.sealed:
                    raise Interrupted(say("drill {drill} was stopped, and is not sealed", drill=running.outcome.drill))
            except Busy as error:  # another drill of the site is at work, or this one on another host
                self._wait(site, values, cancelled, error.message, begun=state is not None)

    def _request(
        self, wiring: Wiring, values: Values, state: DrillState | None, policy: InterruptPolicy | None
    ) -> Request:
        if state is not None:
            return Resume(drill=state.drill, policy=policy)
        plan = plan_of(wiring.site, values)
        occasion = occasion_of(_name(values), values, register_head=wiring.register().head(), worker=self._hands.worker)
        return Begin(plan=wiring.declarable(plan), requested_by=BY, ad_hoc=not values["plan"], occasion=occasion)

    def _follow(self, running: RunningDrill, values: Values, cancelled: Cancelled) -> None:
        """Hand on what happens; a drill that is to stop is asked to, once: it ends by itself, destroyed and sealed."""
        over = threading.Event()

        def heed() -> None:
            while not cancelled():
                if over.wait(_HEED_SECONDS):
                    return
            running.stop(signal.SIGTERM, self._hands.asked(_name(values)))

        heeding = threading.Thread(target=heed, daemon=True, name="drp-heed-order")
        heeding.start()
        try:
            for happening in running:
                self._hands.follow(happening)
        finally:
            over.set()
            heeding.join()

    def _wait(self, site: Site, values: Values, cancelled: Cancelled, why: str, *, begun: bool = False) -> None:
        """Wait a moment. Raises ``Interrupted``, and ``NoRoom`` when the drill may not start any more."""
        if not begun and self._hands.clock.now().wall > _latest(site, values):
            raise NoRoom(say("it could not start in time: {why}", why=why), hint=_HINT)
        self._pause(cancelled, why)

    def _pause(self, cancelled: Cancelled, why: str) -> None:
        """Wait a moment. Raises ``Interrupted``."""
        ticks = int(_AGAIN_SECONDS / _HEED_SECONDS)
        for _ in range(ticks):
            if cancelled():
                raise Interrupted(say("stopped while it waited: {why}", why=why))
            self._hands.clock.sleep(_HEED_SECONDS)

    @contextmanager
    def _wiring(self) -> Iterator[Wiring]:
        with closing(Wiring(self._hands.site())) as wiring:
            yield wiring


def _state(wiring: Wiring, values: Values) -> DrillState | None:
    """Return the order's drill, once it is declared."""
    entries = tuple(wiring.journal().entries(str(values["drill"])))
    return fold(entries) if entries else None


def _result(state: DrillState) -> Values:
    if state.concluded is None or state.sealed is None:
        raise NotFound(say("drill {drill} has no verdict", drill=state.drill))
    if state.concluded.verdict == "aborted":
        raise Interrupted(say("drill {drill} was stopped", drill=state.drill))
    verdict, record = state.concluded.verdict, state.sealed.record_digest
    return {"drill": state.drill, "verdict": verdict, "record_digest": record}


def _fate(values: Values, asked_by: str, *, died: bool) -> Fate:
    """Return what ends the slots of an order whose drill the journal does not know."""
    state, error = _outcome(values)
    if state == "aborted":
        return Fate(error=error, by=asked_by)
    return Fate(error=error, late=_late(values), died=died)


def _late(values: Values) -> Obstacle | None:
    """Return for what an order waited until it was too late; None: it was not."""
    looked = values.get("precheck")
    late = looked.get("late") if isinstance(looked, Mapping) else None
    return from_data(Obstacle, late) if late is not None else None


def _outcome(values: Values) -> tuple[str, str]:
    """Return what became of the order, and why."""
    outcome = values[OUTCOME]
    assert isinstance(outcome, dict)
    return str(outcome["state"]), str(outcome["error"])


def _latest(site: Site, values: Values) -> datetime:
    """Return when the drill has to have begun: as the most patient of its policies says."""
    expected = datetime.fromisoformat(str(values["expected_at"]))
    keys: Value = values["policies"]
    policies = site.schedule.policies
    within = [policies[key].start_within for key in (keys if isinstance(keys, dict) else ()) if key in policies]
    return expected + max(within, default=_LATEST)


def _name(values: Values) -> str:
    return str(values[ORDER])
