"""The History port in memory: every answer is worked out from all entries, as a journal without tables does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from drp.domain.fold import fold
from drp.domain.journal import Journal, Verification
from drp.domain.summary import DrillSummary, summarise
from drp.errors import Tampered


class MemoryHistory:
    """What tells which drills to read, by reading all of them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def _all(self) -> list[DrillSummary]:
        return [self._in_short(drill) for drill in self._journal.drills()]

    def _in_short(self, drill: str) -> DrillSummary:
        try:
            return summarise(fold(self._journal.entries(drill)))
        except Tampered as error:
            return DrillSummary(drill=drill, trouble=error.message)

    def count(self) -> int:
        return len(self._journal.drills())

    def newest(self, most: int) -> tuple[DrillSummary, ...]:
        return tuple(self._in_short(drill) for drill in self._journal.drills()[-most:]) if most else ()

    def beginning(self, prefix: str, most: int) -> tuple[str, ...]:
        return tuple(sorted(drill for drill in self._journal.drills() if drill.startswith(prefix)))[:most]

    def unsettled(self, but: str = "") -> tuple[DrillSummary, ...]:
        return tuple(one for one in self._all() if not one.settled and one.drill != but)

    def telling(self, applications: Iterable[str]) -> tuple[str, ...]:
        names = set(applications)
        return tuple(
            one.drill
            for one in self._all()
            if one.verdict not in {None, "aborted"} and names & {recovery.recovery for recovery in one.recoveries}
        )

    def baselines(
        self, application: str, *, before: datetime, until: datetime, counted: bool, but: str
    ) -> tuple[str, ...]:
        found = [
            (recovery.restored_state, one.declared_at, one.drill)
            for one in self._all()
            for recovery in one.recoveries
            if recovery.recovery == application
            and one.drill != but
            and recovery.verdict == "passed"
            and recovery.verified
            and (recovery.counted or not counted)
            and recovery.restored_state is not None
            and recovery.restored_state <= until
            and one.declared_at is not None
            and one.declared_at < before
        ]
        return tuple(drill for *_, drill in sorted(found, reverse=True))

    def rta_ms(self, application: str) -> int | None:
        timed = [
            recovery.rta_ms
            for one in self._all()
            for recovery in one.recoveries
            if recovery.recovery == application and recovery.rta_ms is not None
        ]
        return timed[-1] if timed else None

    def durations_ms(self, application: str, level: str, most: int, *, plan: str = "") -> tuple[int, ...]:
        found = [
            one.took_ms for one in self._all() if one.took_ms is not None and (application, level, plan) in one.kinds()
        ]
        return tuple(reversed(found))[:most]

    def durations_of(
        self, asked: Iterable[tuple[str, str, str]], most: int
    ) -> Mapping[tuple[str, str, str], tuple[int, ...]]:
        return {(name, level, plan): self.durations_ms(name, level, most, plan=plan) for name, level, plan in asked}

    def passed(self, plan: str, most: int) -> tuple[DrillSummary, ...]:
        return tuple(one for one in reversed(self._all()) if one.has_passed and one.plan == plan)[:most]

    def known_records(self) -> str:
        return ""

    def note_known_records(self, state: str) -> None:
        """Nothing is kept."""

    def misfit(self) -> str:
        return ""

    def forget(self) -> None:
        """Nothing is kept."""

    def verified(self) -> Verification | None:
        return None
