"""What the files in ``inventory/drills/`` may say."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from drp.config.schema import Strict
from drp.config.schema_approval import ApprovalFile
from drp.config.schema_reconciliation import ReconciliationFile
from drp.config.schema_sign_off import SignOffFile
from drp.config.values import DisasterInstant, Duration, Instant, Name, PointId, Text
from drp.domain.level import MOST_SAMPLED, SAMPLE_FILES, Level
from drp.domain.phrase import say
from drp.domain.plan import InterruptPolicy
from drp.domain.recovery_point import SelectionPolicy
from drp.domain.witness import Trust


class SelectFile(Strict):
    """How a drill chooses among recovery points."""

    policy: SelectionPolicy = "newest"
    """newest, newest-immutable, specific (with `point`), random (with or without `seed`), oldest-retained."""
    point: PointId | None = None
    """For `specific`: the point's id, or a unique prefix of at least four characters."""
    seed: int | None = None
    """For `random`: left out, one is drawn and recorded."""
    not_older_than: Duration | None = None
    """Largest age at the disaster."""
    not_newer_than: Duration | None = None
    """Smallest age at the disaster: a younger point may hold the attacker's work."""
    recover_to: Instant | None = None
    """Roll applications with `point_in_time` to this instant; the others are recovered as their points are."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.policy == "specific") != (self.point is not None):
            raise ValueError(say("`policy: specific` and `point` go together"))
        if self.seed is not None and self.policy != "random":
            raise ValueError(say("`seed` needs `policy: random`"))
        if self.not_older_than and self.not_newer_than and self.not_newer_than >= self.not_older_than:
            raise ValueError(say("not_newer_than must be less than not_older_than: no point could fit"))
        return self


class ScenarioFile(Strict):
    """What is imagined to have happened."""

    title: Text
    """One line for the report."""
    disaster_at: DisasterInstant = None
    """RPA is measured from here: `now`, the instant the drill is declared, or an instant with its zone."""


class RecoveryFile(Strict):
    """One application's part in the drill; what is left out is as the drill says."""

    application: Name
    """Name of the application."""
    repository: Name | None = None
    """One of the application's repositories; left out: its first."""
    select: SelectFile | None = None
    """Replaces the drill's whole `select`."""
    sandbox: Name | None = None
    """Replaces the drill's `sandbox`."""
    media_deadline: Duration | None = None
    """Replaces the drill's `media_deadline`."""
    require_manifest: bool | None = None
    """Replaces the drill's `require_manifest`."""
    trust: Trust | None = None
    """Replaces the drill's `trust`."""


def _shape(value: Any) -> str:
    return "<name>" if isinstance(value, str) else "<recovery>"


Recovery = Annotated[
    Annotated[Name, Tag("<name>")] | Annotated[RecoveryFile, Tag("<recovery>")],
    Discriminator(_shape),
]
"""``ehr``, or ``{application: ehr, …}``."""


class DrillFile(Strict):
    """inventory/drills/*.yml: a planned, repeatable restoration exercise."""

    version: Literal[1] = 1
    """Version of this file's format."""
    name: Name
    """Short name: lower case, digits, hyphens."""
    scenario: ScenarioFile
    """What is imagined to have happened."""
    recoveries: list[Recovery] = Field(min_length=1)
    """Applications to recover: names, or mappings where one differs from the rest."""
    level: Level = "full"
    """full: up to a working application. hash: restored whole and compared, nothing is started. sample: some files."""
    sample: int = Field(default=SAMPLE_FILES, ge=1, le=MOST_SAMPLED)
    """How many files of each application a drill of level `sample` draws, restores and compares."""
    select: SelectFile = Field(default_factory=SelectFile)
    """How recovery points are chosen."""
    sandbox: Name = "default"
    """Name of a sandbox."""
    on_interrupt: InterruptPolicy = "conclude"
    """After a crash: conclude as inconclusive, or resume."""
    media_deadline: Duration = timedelta(hours=4)
    """How long to wait for an air-gapped medium."""
    require_manifest: bool = True
    """Without a manifest to compare with, the drill is inconclusive; `false`: a warning, if the point names none."""
    trust: Trust = "restored"
    """none: an application passes only on what drp itself read of its bytes; what it says of itself can fail it."""
    keep_for: Duration = timedelta(hours=2)
    """Lease of a sandbox kept on request; then it is destroyed."""
    parallel: int | None = Field(default=None, ge=1)
    """How many applications to recover at the same time; left out: as many as the machine has room for."""
    pod: bool = False
    """Whether the applications reach one another at the addresses that they declare, and nothing else."""
    reconciliation: ReconciliationFile | None = None
    """What must agree between the applications, once all are up."""
    approval: ApprovalFile | None = None
    """Wait for a named person's word once the drill is declared, before anything is touched."""
    sign_off: SignOffFile | None = None
    """Ask the business referent of every application that has a checklist."""
