"""What a drill is going to do: decided before anything is restored, frozen, and named by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from typing import Literal

from drp.domain.application import Application, ProductionAddress
from drp.domain.approval import ApprovalPolicy
from drp.domain.level import SAMPLE_FILES, Level
from drp.domain.phrase import Phrase, fact, quoted, several
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.recovery_point import RecoveryPoint, Selection
from drp.domain.sandbox import SandboxProfile
from drp.domain.sign_off import Checklist, SignOffPolicy
from drp.domain.witness import Trust

InterruptPolicy = Literal["conclude", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is imagined to have happened."""

    title: str
    disaster_at: datetime | None = None
    """RPA is measured from here; None: the instant the drill is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecovery:
    """One application's passage through the drill, with everything it needs to know."""

    application: Application
    repository: str
    selection: Selection
    sandbox: SandboxProfile
    require_manifest: bool = True
    media_deadline: timedelta = timedelta(hours=4)
    """How long a drill waits for an air-gapped medium."""
    trust: Trust = "restored"
    """Whether what the restored system says of itself may let it pass."""
    bytes_per_second: int | None = None
    """How fast its point is read at most: its share of what repository and site allow. None: as fast as it goes."""

    @property
    def name(self) -> str:
        """Name of the recovery inside its drill: the application's."""
        return self.application.name

    def newest_possible(self, point: RecoveryPoint) -> datetime:
        """Return the youngest instant that a restored datum can have: of none later can the backup have held anything.

        Where the application is rolled to an instant, that one.
        """
        job = self.application.backup_job
        ended = point.consistent_at + max(point.duration or timedelta(0), job.duration)
        reached = self.selection.recover_to
        return (ended if reached is None else min(ended, reached)) + job.clock_skew

    def asks(self, plan: DrillPlan) -> Checklist | None:
        """Return the checklist that the plan wants signed off, if it wants one."""
        return self.application.sign_off if plan.sign_off is not None and plan.starts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """A planned, repeatable restoration exercise."""

    name: str
    scenario: Scenario
    recoveries: tuple[PlannedRecovery, ...]
    on_interrupt: InterruptPolicy = "conclude"
    keep_sandbox: bool = False
    keep_for: timedelta = timedelta(hours=2)
    """Lease of a kept sandbox; then it is destroyed."""
    parallel: int | None = None
    """How many applications are recovered at the same time; None: as many as the machine has room for."""
    pod: bool = False
    """Whether the applications reach one another at their production addresses, and nothing else."""
    reconciliation: Reconciliation | None = None
    """What must agree between the applications, once all are up."""
    sign_off: SignOffPolicy | None = None
    """Ask the business referent of every application that has a checklist; None: technical checks are enough."""
    materials: Mapping[str, str] = field(default_factory=dict)
    """File or program that its recoveries use → digest. With others the drill does not go on."""
    level: Level = "full"
    """How deep it goes. Below ``full`` nothing restored is started, so nothing is checked, compared or signed off."""
    sample_files: int = SAMPLE_FILES
    """For ``sample``: how many files of each application are drawn; all of them where it has no more."""
    approval: ApprovalPolicy | None = None
    """Who has to approve it before anything is touched; None: nobody."""

    @property
    def starts(self) -> bool:
        """Return whether what is restored is started, checked and asked: that is what ``full`` means."""
        return self.level == "full"

    def changed(self, materials: Mapping[str, str]) -> tuple[str, ...]:
        """Return the names of what is no longer as it was declared, or was not declared."""
        names = self.materials.keys() | materials.keys()
        return tuple(sorted(name for name in names if self.materials.get(name) != materials.get(name)))

    def is_needed_to_the_end(self, recovery: PlannedRecovery) -> bool:
        """Return whether an application that was recovered and verified has to stay up until all are."""
        if not self.starts:
            return False
        read = self.reconciliation.records if self.reconciliation is not None else ()
        compared = any(source.application == recovery.name for source in read)
        return self.keep_sandbox or self.pod or compared or recovery.asks(self) is not None

    def neighbours_of(self, recovery: PlannedRecovery) -> dict[str, tuple[ProductionAddress, ...]]:
        """Return where the other applications of a recovery's pod are found, by name; none where there is no pod."""
        others = [each for each in self.recoveries if self.pod and self.starts and each.name != recovery.name]
        return {each.name: each.application.addresses for each in others}

    def waves(self) -> tuple[tuple[PlannedRecovery, ...], ...]:
        """Return the recoveries in dependency order; those of one wave may run at the same time.

        Raises ``graphlib.CycleError`` when dependencies run in a circle. Dependencies that the plan does not drill
        are ignored here; `drp drill plan` names them. Where nothing is started, nobody waits for anybody.
        """
        if not self.starts:
            key = {each.name: (each.application.tier, each.name) for each in self.recoveries}
            return (tuple(sorted(self.recoveries, key=lambda each: key[each.name])),) if self.recoveries else ()
        by_name = {recovery.name: recovery for recovery in self.recoveries}
        sorter: TopologicalSorter[str] = TopologicalSorter(
            {
                name: [dependency for dependency in recovery.application.depends_on if dependency in by_name]
                for name, recovery in by_name.items()
            }
        )
        sorter.prepare()
        waves: list[tuple[PlannedRecovery, ...]] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=lambda name: (by_name[name].application.tier, name))
            waves.append(tuple(by_name[name] for name in ready))
            sorter.done(*ready)
        return tuple(waves)


def title_of(plan: DrillPlan, *, ad_hoc: bool) -> Phrase:
    """Return what is exercised: the site's own words, or for a drill that nobody planned, what it recovers."""
    if not ad_hoc:
        return quoted(plan.scenario.title)
    names = several(recovery.name for recovery in plan.recoveries)
    return fact("ad-hoc-recovery", "ad hoc recovery of {names}", names=names)
