"""What a file in ``inventory/applications/`` may say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from drp.config.schema import Strict
from drp.config.schema_canaries import CanaryFile
from drp.config.schema_sign_off import ChecklistFile
from drp.config.schema_software import AddressFile, Software
from drp.config.values import Duration, DurationOrZero, Name, Text
from drp.domain.phrase import say
from drp.domain.sub_path import misfit


class ObjectivesFile(Strict):
    """What the business asked for."""

    rto: Duration
    """Recovery time objective (DMIA): longest acceptable time to a usable application."""
    rpo: DurationOrZero
    """Recovery point objective (PDMA): most data, in time, that may be lost."""
    mtpd: Duration | None = None
    """Maximum tolerable period of disruption."""
    wrt: Duration | None = None
    """Work recovery time: longest acceptable time from the technical checks to the business referent's sign-off."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.mtpd is not None and self.mtpd < self.rto:
            raise ValueError(say("mtpd is shorter than rto: the application would be back too late"))
        return self


class PointsFile(Strict):
    """Which recovery points of the repositories belong to the application. What is left out does not restrict."""

    tags: list[Text] = Field(default_factory=list)
    """Tags that a point must all have."""
    host: Text | None = None
    """Host that made the backup."""
    path: Text | None = None
    """Path that was backed up."""


class BackupFile(Strict):
    """Where the application's recovery points are kept."""

    repositories: list[Name] = Field(min_length=1)
    """Names of repositories; the first is used unless a drill names another."""
    points: PointsFile = Field(default_factory=PointsFile)
    """Which of their recovery points belong to the application."""
    duration: Duration | None = None
    """How long the job copies what is in use, where the backup tool does not say: no datum can be younger by more."""
    clock_skew: Duration | None = None
    """How far the clocks of application, backup and manifest may be apart; left out: they agree."""
    moved_roots: dict[Text, Text] = Field(default_factory=dict)
    """Root that a manifest names → path in the recovery point, where the job reads it elsewhere (LVM snapshot)."""
    manifest_hosts: list[Text] = Field(default_factory=list)
    """Hosts on which the manifests are made, `*` for any part; left out: the one that the recovery point names."""
    sub_path: Text | None = None
    """Folder that is this application's, where points hold more: absolute, as it was backed up. Only it is restored."""
    manifest_of: Name | None = None
    """Name that its manifests are made for, where one serves several applications; left out: the application's."""
    immutable_for: Duration | None = None
    """For how long after its instant nobody may be able to delete anything of a recovery point, such as 30d."""
    kept_for: Duration | None = None
    """For how long after its instant every recovery point is there; an older one may go by retention, such as 14d."""

    @field_validator("sub_path")
    @classmethod
    def _plain(cls, path: str | None) -> str | None:
        if path is not None and (why := misfit(path)):
            raise ValueError(why)
        return path


class RunbookFile(Strict):
    """The ordered recovery steps, as Ansible."""

    kind: Name
    """Folder `runbooks/<kind>` of the site, or of drp, with restore.yml, start.yml and stop.yml."""
    inputs: dict[str, Any] = Field(default_factory=dict)
    """Given to every step as `drp_inputs`. Never a secret."""
    timeout: Duration = timedelta(hours=8)
    """Of each step."""


class CheckFile(Strict):
    """One verifier run on the restored application."""

    name: Text
    """What it is called in reports."""
    verifier: Text
    """Name of an installed verifier (`drp verifier list`)."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the verifier takes (`drp verifier list`)."""
    timeout: Duration = timedelta(minutes=5)
    """After which nothing was judged."""
    store: str = Field(default="", max_length=100)
    """A name for what it looks at, where several checks look at the same: a canary of one then speaks for them all."""


class AcceptedFallFile(Strict):
    """Somebody's word that something became less on purpose, once: a later fall is told again."""

    what: Text
    """What became less, as the finding names it."""
    since: Text
    """The drill that saw it whole, as the finding names it."""
    by: Text
    """Who says so."""
    reason: Text
    """Why it was deleted."""


class AcceptedCodeFile(Strict):
    """Somebody's word that a piece of code in the backup is production's own, as it is now."""

    what: Text
    """The piece, as the finding names it."""
    digest: Text
    """Its digest, as the finding gives it: another one is told again."""
    by: Text
    """Who says so."""
    reason: Text
    """Why it is there, such as the change that brought it."""


class ApplicationFile(Strict):
    """inventory/applications/*.yml: a system that is recovered as a unit."""

    version: Literal[1] = 1
    """Version of this file's format."""
    name: Name
    """Short name: lower case, digits, hyphens."""
    title: Text
    """What people call it."""
    tier: int = Field(ge=0, le=9)
    """0 is recovered first: the hospital cannot work without it."""
    release: str = Field(default="", max_length=100)
    """Its version in production: with another one, what earlier drills proved needs verification."""
    owner: str = ""
    """Who answers for it: a role rather than a person."""
    objectives: ObjectivesFile
    """What the business asked for."""
    backup: BackupFile | None = None
    """Where its recovery points are kept. Without it, or without a runbook, it is not drilled."""
    runbook: RunbookFile | None = None
    """How it is recovered."""
    checks: list[CheckFile] = Field(default_factory=list)
    """What proves that it came back; without one no drill passes."""
    never_shrinks: list[Text] = Field(default_factory=list)
    """Counts that only grow (`*medication`; patterns as of shells): a drill of a backup with fewer fails."""
    may_be_empty: list[Text] = Field(default_factory=list)
    """Counts that come and go, such as queues and sessions: that they fell to nothing is not told."""
    accepted_code: list[AcceptedCodeFile] = Field(default_factory=list)
    """Code in the backup that is new or changed and known to be production's own."""
    accepted_falls: list[AcceptedFallFile] = Field(default_factory=list)
    """Deletions on purpose, each with name and reason."""
    point_in_time: bool = False
    """Its backups hold a continuous log, so that its runbook can bring back any instant that they cover."""
    ground_truth: Text | None = None
    """File of acknowledged writes (JSON Lines), for the verifier `ledger`; relative to the site."""
    depends_on: list[Name] = Field(default_factory=list)
    """Applications that must be up before it."""
    sign_off: ChecklistFile | None = None
    """What the business referent goes through where a drill asks for it (`drp drill sign-off`)."""
    drill_every: Duration | None = None
    """A drill of it must pass at least so often; `drp status` warns when none did."""
    canary: CanaryFile | None = None
    """How `drp canary write` leaves a heartbeat on production, so that drills tell idle time from loss."""
    addresses: list[AddressFile] = Field(default_factory=list)
    """Where it is found in production. It keeps them in the sandbox; in a pod, the others find it there."""
    hostname: Name | None = None
    """What its machine calls itself in production; in the sandbox it does too. Default: the application's name."""
    software: Software = Field(default_factory=list)
    """Its software, where the backup does not hold it: directories of the drill host, each with its digest."""
