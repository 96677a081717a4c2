"""From what the YAML said to domain values. Everything was checked before; nothing here can fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from drp.config import schema_reconciliation, schema_sign_off
from drp.config.locations import LocationFile, configured_location
from drp.config.repository_kinds import configured_kind
from drp.config.schema import Secret, TlsFile
from drp.config.schema_applications import ApplicationFile, BackupFile
from drp.config.schema_drills import DrillFile, Recovery, SelectFile
from drp.config.schema_repositories import RepositoryFile, WriteKeysFile
from drp.config.steering import program
from drp.domain.application import (
    Application,
    BackupJob,
    CheckSpec,
    Objectives,
    PointFilter,
    ProductionAddress,
    Runbook,
    SoftwareImage,
)
from drp.domain.approval import ApprovalPolicy
from drp.domain.history import AcceptedFall, HistoryPolicy
from drp.domain.level import SAMPLE_FILES, Level
from drp.domain.plan import InterruptPolicy, Scenario
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.recovery_point import Selection
from drp.domain.repository import (
    Location,
    RepositorySettings,
    WaitLimits,
    WormSettings,
    WriteKeys,
)
from drp.domain.restore import SecretReference
from drp.domain.restored_code import AcceptedCode
from drp.domain.sign_off import SignOffPolicy
from drp.domain.tls import Tls
from drp.domain.witness import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySettings:
    """One application's part in a drill, complete."""

    application: str
    repository: str | None = None
    """None: the application's first."""
    selection: Selection = field(default_factory=Selection)
    sandbox: str = "default"
    media_deadline: timedelta = timedelta(hours=4)
    require_manifest: bool = True
    trust: Trust = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillSettings:
    """A drill as the site describes it; with the applications it becomes a DrillPlan."""

    name: str
    scenario: Scenario
    recoveries: tuple[RecoverySettings, ...]
    on_interrupt: InterruptPolicy = "conclude"
    keep_for: timedelta = timedelta(hours=2)
    parallel: int | None = None
    pod: bool = False
    reconciliation: Reconciliation | None = None
    sign_off: SignOffPolicy | None = None
    level: Level = "full"
    sample_files: int = SAMPLE_FILES
    approval: ApprovalPolicy | None = None


def secret(reference: Secret, site: Path) -> SecretReference:
    """Return a reference, file paths made absolute."""
    if reference.file is not None:
        return SecretReference(kind="file", value=(str(site / reference.file),))
    if reference.credential is not None:
        return SecretReference(kind="credential", value=(reference.credential,))
    argv = reference.command or [""]
    return SecretReference(kind="command", value=(program(argv[0], site), *argv[1:]))


def tls(said: TlsFile | None, site: Path) -> Tls:
    """Return who vouches for a database server, file paths made absolute; by default whom this machine believes."""
    if said is None:
        return Tls()
    return Tls(
        ca=site / said.ca if said.ca is not None else None,
        certificate=site / said.certificate if said.certificate is not None else None,
        key=secret(said.key, site) if said.key is not None else None,
    )


def repository(name: str, said: RepositoryFile, site: Path) -> RepositorySettings:
    """Return a repository's settings, as its kind makes them."""
    settings = configured_kind(said.kind).settings(name, said, site)
    window = said.backup_window
    return replace(
        settings,
        bytes_per_second=said.limits.download,
        worm=worm(said, site),
        backup_windows=tuple(window.windows) if window is not None else (),
        backup_zone=window.zone if window is not None else "UTC",
    )


def limits(said: RepositoryFile) -> WaitLimits:
    """Return how long is waited for a repository."""
    return WaitLimits(
        connect_seconds=said.limits.connect.total_seconds(),
        answer_seconds=said.limits.answer.total_seconds(),
        command_seconds=said.limits.command.total_seconds(),
        idle_seconds=said.limits.idle.total_seconds(),
    )


def worm(said: RepositoryFile, site: Path) -> WormSettings:
    """Return what is demanded of a repository's locks, and with which keys drp may try them."""
    asked = said.worm
    return WormSettings(
        mode=asked.mode,
        probe=_write_keys(asked.probe, site),
        scratch_bucket=asked.scratch_bucket,
        extend=_write_keys(asked.extend, site),
        sacrifice=site / asked.sacrifice if asked.sacrifice is not None else None,
    )


def _write_keys(said: WriteKeysFile | None, site: Path) -> WriteKeys | None:
    if said is None:
        return None
    token = secret(said.session_token, site) if said.session_token is not None else None
    return WriteKeys(
        access_key=secret(said.access_key, site), secret_key=secret(said.secret_key, site), session_token=token
    )


def location(said: LocationFile, site: Path) -> Location:
    """Return where a repository is, paths made absolute."""
    name, place = said.chosen()
    return configured_location(name).location(place, site)


def application(said: ApplicationFile, site: Path) -> Application:
    """Return an application, paths of its software made absolute."""
    backup, runbook = said.backup, said.runbook
    points = backup.points if backup is not None else None
    return Application(
        name=said.name,
        title=said.title,
        tier=said.tier,
        owner=said.owner,
        release=said.release,
        objectives=Objectives(
            rto=said.objectives.rto, rpo=said.objectives.rpo, mtpd=said.objectives.mtpd, wrt=said.objectives.wrt
        ),
        repositories=tuple(backup.repositories) if backup is not None else (),
        points=PointFilter(tags=tuple(points.tags), host=points.host, path=points.path) if points else PointFilter(),
        backup_job=_backup_job(backup),
        runbook=Runbook(kind=runbook.kind, inputs=runbook.inputs, timeout=runbook.timeout) if runbook else None,
        checks=tuple(
            CheckSpec(
                name=check.name,
                verifier=check.verifier,
                options=check.options,
                timeout=check.timeout,
                store=check.store,
            )
            for check in said.checks
        ),
        depends_on=tuple(said.depends_on),
        sign_off=schema_sign_off.checklist(said.sign_off, site) if said.sign_off is not None else None,
        drill_every=said.drill_every,
        ground_truth=str(site / said.ground_truth) if said.ground_truth is not None else "",
        addresses=tuple(ProductionAddress(address=each.address, names=tuple(each.names)) for each in said.addresses),
        hostname=said.hostname or "",
        software=tuple(
            SoftwareImage(image=str(site / each.image), at=each.at, digest=each.digest) for each in said.software
        ),
        history=HistoryPolicy(
            never_shrinks=tuple(said.never_shrinks),
            may_be_empty=tuple(said.may_be_empty),
            accepted=tuple(AcceptedFall(**each.model_dump()) for each in said.accepted_falls),
            accepted_code=tuple(AcceptedCode(**each.model_dump()) for each in said.accepted_code),
        ),
        point_in_time=said.point_in_time,
    )


def _backup_job(said: BackupFile | None) -> BackupJob:
    if said is None:
        return BackupJob()
    none = timedelta(0)
    return BackupJob(
        duration=said.duration or none,
        clock_skew=said.clock_skew or none,
        moved_roots=dict(said.moved_roots),
        manifest_hosts=tuple(said.manifest_hosts),
        sub_path=said.sub_path or "",
        manifest_of=said.manifest_of or "",
        immutable_for=said.immutable_for,
        kept_for=said.kept_for,
    )


def drill(said: DrillFile, proving: ApprovalPolicy, site: Path) -> DrillSettings:
    """Return a drill, each recovery complete; ``proving`` says how the site knows its approvers."""
    asked = said.approval
    return DrillSettings(
        name=said.name,
        scenario=Scenario(title=said.scenario.title, disaster_at=said.scenario.disaster_at),
        recoveries=tuple(_recovery(entry, said) for entry in said.recoveries),
        on_interrupt=said.on_interrupt,
        keep_for=said.keep_for,
        parallel=said.parallel,
        pod=said.pod,
        level=said.level,
        sample_files=said.sample,
        sign_off=schema_sign_off.policy(said.sign_off),
        approval=replace(proving, approvers=tuple(asked.approvers), within=asked.within) if asked is not None else None,
        reconciliation=(
            schema_reconciliation.reconciliation(said.reconciliation, site) if said.reconciliation is not None else None
        ),
    )


def _recovery(entry: Recovery, said: DrillFile) -> RecoverySettings:
    own = entry if not isinstance(entry, str) else None
    require = own.require_manifest if own is not None else None
    return RecoverySettings(
        application=entry if isinstance(entry, str) else entry.application,
        repository=own.repository if own is not None else None,
        selection=_selection((own.select if own is not None else None) or said.select),
        sandbox=(own.sandbox if own is not None else None) or said.sandbox,
        media_deadline=(own.media_deadline if own is not None else None) or said.media_deadline,
        require_manifest=require if require is not None else said.require_manifest,
        trust=(own.trust if own is not None else None) or said.trust,
    )


def _selection(said: SelectFile) -> Selection:
    return Selection(
        policy=said.policy,
        point=said.point,
        seed=said.seed,
        not_older_than=said.not_older_than,
        not_newer_than=said.not_newer_than,
        recover_to=said.recover_to,
    )
