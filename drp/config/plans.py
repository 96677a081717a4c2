"""Drill plans out of a catalogue: what the site's file says, and the flags of the command line above it. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drp.config.build import DrillSettings, RecoverySettings
from drp.config.catalogue import Catalogue
from drp.config.problems import suggestion
from drp.config.repository_kinds import configured_kind, restores_parts
from drp.config.values import parse_duration, parse_instant
from drp.domain.application import Application
from drp.domain.level import LEVELS, MOST_SAMPLED, Level
from drp.domain.pace import paced
from drp.domain.phrase import say, several
from drp.domain.plan import DrillPlan, PlannedRecovery, Scenario
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.recovery_point import Selection, SelectionPolicy
from drp.errors import UsageError

_SEED_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What flags say; None and empty: as the file says."""

    applications: tuple[str, ...] = ()
    """Recover only these."""
    repository: str | None = None
    point: str | None = None
    """Id or prefix of one recovery point; needs a plan of one application."""
    policy: SelectionPolicy | None = None
    seed: int | None = None
    sandbox: str | None = None
    disaster_at: datetime | None = None
    keep_sandbox: bool = False
    keep_for: timedelta | str | None = None
    require_manifest: bool | None = None
    recover_to: datetime | str | None = None
    """Roll the applications that can to this instant."""
    as_of: datetime | str | None = None
    """Restore from the repositories as they were at this instant."""
    media_deadline: timedelta | None = None
    level: Level | None = None
    sample_files: int | None = None
    """How many files a drill of level ``sample`` draws."""


def planned(catalogue: Catalogue, drill: DrillSettings, overrides: Overrides) -> DrillPlan:
    """Return the plan of a drill that the site describes. Raises NotFound, UsageError."""
    recoveries = drill.recoveries
    if overrides.applications:
        names = [recovery.application for recovery in recoveries]
        for name in overrides.applications:
            if name not in names:
                raise UsageError(
                    say(
                        "drill `{drill}` does not recover `{application}`; {guess}",
                        drill=drill.name,
                        application=name,
                        guess=suggestion(name, names),
                    ),
                    hint=say("without the drill's name, `--app {name}` runs it ad hoc", name=name),
                )
        recoveries = tuple(recovery for recovery in recoveries if recovery.application in overrides.applications)
    return _plan(catalogue, replace(drill, recoveries=recoveries), overrides)


def ad_hoc(catalogue: Catalogue, applications: Sequence[str], overrides: Overrides) -> DrillPlan:
    """Return a plan for applications that no drill of the site needs to name. Raises NotFound, UsageError."""
    names = tuple(dict.fromkeys(applications))
    if not names:
        raise UsageError(say("nothing to recover"), hint="name a drill, or applications with --app")
    for name in names:
        _must_be_drillable(catalogue.application(name))
    drill = DrillSettings(
        name=f"ad-hoc-{'-'.join(names)}"[:63].rstrip("-"),
        scenario=Scenario(title=say("ad hoc recovery of {names}", names=several(names))),
        recoveries=tuple(RecoverySettings(application=name) for name in names),
    )
    return _plan(catalogue, drill, overrides)


def _plan(catalogue: Catalogue, drill: DrillSettings, overrides: Overrides) -> DrillPlan:
    if overrides.point is not None and len(drill.recoveries) > 1:
        raise UsageError(
            say("recovery point {point} of which application?", point=overrides.point),
            hint=say(
                "add --app with one of {recoveries}",
                recoveries=several(recovery.application for recovery in drill.recoveries),
            ),
        )
    level, sample_files = _depth(drill, overrides)
    if level == "full":
        _must_be_able_to_roll(catalogue, drill, overrides)
    scenario, names = drill.scenario, [recovery.application for recovery in drill.recoveries]
    if overrides.disaster_at is not None:
        scenario = replace(scenario, disaster_at=overrides.disaster_at)
    whole = DrillPlan(
        name=drill.name,
        scenario=scenario,
        recoveries=tuple(_recovery(catalogue, recovery, overrides) for recovery in drill.recoveries),
        on_interrupt=drill.on_interrupt,
        keep_sandbox=overrides.keep_sandbox,
        keep_for=_lease(overrides.keep_for) or drill.keep_for,
        parallel=drill.parallel,
        pod=drill.pod,
        reconciliation=_among(drill),
        approval=drill.approval,
        sign_off=drill.sign_off if any(catalogue.application(name).sign_off for name in names) else None,
        level=level,
        sample_files=sample_files,
    )
    _must_restore_parts(catalogue, whole)
    speeds = {name: settings.bytes_per_second for name, settings in catalogue.repositories.items()}
    return paced(whole if whole.starts else _started_nowhere(whole), speeds, catalogue.bytes_per_second)


def _must_restore_parts(catalogue: Catalogue, plan: DrillPlan) -> None:
    """Require that every repository can restore some files of a point, where no more are. Raises UsageError."""
    for recovery in plan.recoveries if plan.level == "sample" else ():
        kind = catalogue.repository(recovery.repository).kind
        if not restores_parts(configured_kind(kind)):
            raise UsageError(
                say(
                    "`{repository}` ({kind}) restores whole recovery points, and no sample of one",
                    repository=recovery.repository,
                    kind=kind,
                ),
                hint="take --level hash",
            )


def _depth(drill: DrillSettings, overrides: Overrides) -> tuple[Level, int]:
    """Return level and size of the sample. Raises UsageError for what fits no drill, or not this level."""
    level = overrides.level or drill.level
    if level not in LEVELS:
        raise UsageError(
            say("there is no level `{level}`; {guess}", level=level, guess=suggestion(level, LEVELS)),
            hint="full, hash or sample",
        )
    wanted = overrides.sample_files
    if wanted is not None and level != "sample":
        raise UsageError(
            say("--sample is about drills of level sample"), hint="add --level sample, or leave out --sample"
        )
    if wanted is not None and not 1 <= wanted <= MOST_SAMPLED:
        raise UsageError(
            say("a sample of {files} files", files=wanted),
            hint=say("say a number from 1 to {most}; --level hash compares all", most=MOST_SAMPLED),
        )
    if level != "full" and (overrides.keep_sandbox or overrides.recover_to is not None):
        flag = "--keep-sandbox" if overrides.keep_sandbox else "--recover-to"
        raise UsageError(
            say("{flag} is about what is started, and level {level} starts nothing", flag=flag, level=level),
            hint="take --level full",
        )
    return level, wanted or drill.sample_files


def _started_nowhere(plan: DrillPlan) -> DrillPlan:
    """Return the plan without what is asked of applications that run: below `full` none does."""
    recoveries = tuple(
        replace(each, selection=replace(each.selection, recover_to=None), require_manifest=True)
        for each in plan.recoveries
    )
    return replace(plan, recoveries=recoveries, pod=False, reconciliation=None, sign_off=None)


def _among(drill: DrillSettings) -> Reconciliation | None:
    """Return what can agree between the applications that are recovered."""
    said = drill.reconciliation
    return None if said is None else said.among({recovery.application for recovery in drill.recoveries})


def _lease(flag: timedelta | str | None) -> timedelta | None:
    if not isinstance(flag, str):
        return flag
    try:
        return parse_duration(flag)
    except ValueError as error:
        raise UsageError(
            say("'{flag}' {problem}", flag=flag, problem=error), hint="for instance --keep-for 2h"
        ) from None


def _recovery(catalogue: Catalogue, said: RecoverySettings, overrides: Overrides) -> PlannedRecovery:
    application = catalogue.application(said.application)
    repository = overrides.repository or said.repository or application.repositories[0]
    if repository not in application.repositories:
        catalogue.repository(repository)
        raise UsageError(
            say("`{name}` has no backup in `{repository}`", name=application.name, repository=repository),
            hint=say("its repositories: {repositories}", repositories=several(application.repositories)),
        )
    require = overrides.require_manifest
    return PlannedRecovery(
        application=application,
        repository=repository,
        selection=_seen(_rolled(application, _selection(said.selection, overrides), overrides), overrides),
        sandbox=catalogue.sandbox(overrides.sandbox or said.sandbox),
        require_manifest=said.require_manifest if require is None else require,
        trust=said.trust,
        media_deadline=overrides.media_deadline or said.media_deadline,
    )


def _selection(said: Selection, overrides: Overrides) -> Selection:
    if overrides.point is not None and overrides.policy not in {None, "specific"}:
        raise UsageError(say("a recovery point leaves nothing to choose"), hint="leave out --policy or --point")
    if overrides.policy == "specific" and overrides.point is None:
        raise UsageError(say("which recovery point?"), hint="name it with --point; see `drp repo points NAME`")
    if overrides.point is not None:
        return Selection(policy="specific", point=overrides.point)
    policy = overrides.policy or said.policy
    if overrides.seed is not None and policy != "random":
        raise UsageError(say("a seed needs --policy random"), hint="add it, or leave out --seed")
    if policy != "random":
        return replace(said, policy=policy, point=said.point if policy == "specific" else None, seed=None)
    seed = overrides.seed if overrides.seed is not None else said.seed
    # drawn here, so that the plan that is declared before anything is restored already names it
    return replace(said, policy=policy, point=None, seed=secrets.randbelow(_SEED_LIMIT) if seed is None else seed)


def _must_be_able_to_roll(catalogue: Catalogue, drill: DrillSettings, overrides: Overrides) -> None:
    names = [said.application for said in drill.recoveries]
    wanted = overrides.recover_to or next((said.selection.recover_to for said in drill.recoveries), None)
    if wanted is not None and not any(catalogue.application(name).point_in_time for name in names):
        raise UsageError(
            say("none of {names} can be recovered to an instant", names=several(names)),
            hint="say `point_in_time: true` where backups and runbook allow it",
        )


def _rolled(application: Application, selection: Selection, overrides: Overrides) -> Selection:
    """Return the selection with the instant to recover to, where the application can be rolled to one."""
    if not application.point_in_time:
        return replace(selection, recover_to=None)
    flag = overrides.recover_to
    return replace(selection, recover_to=_instant(flag, "--recover-to") if flag else selection.recover_to)


def _seen(selection: Selection, overrides: Overrides) -> Selection:
    """Return the selection with the instant as of which the repository is seen."""
    return replace(selection, as_of=_instant(overrides.as_of, "--as-of") if overrides.as_of else None)


def _instant(flag: datetime | str, option: str) -> datetime:
    """Return what an option says. Raises ``UsageError``."""
    try:
        return parse_instant(flag) if isinstance(flag, str) else flag
    except ValueError as error:
        raise UsageError(
            say("'{flag}' {problem}", flag=flag, problem=error),
            hint=say("for instance {option} 2026-11-21T02:00:00Z", option=option),
        ) from None


def _must_be_drillable(application: Application) -> None:
    if not application.drilled:
        lacking = "backup" if not application.repositories else "runbook"
        raise UsageError(
            say("`{name}` cannot be drilled: its file has no `{lacking}`", name=application.name, lacking=lacking),
            hint=say("describe it in inventory/applications; see `drp app show {name}`", name=application.name),
        )
