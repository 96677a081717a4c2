"""The site: where it is, what it holds, and the plans that can be made of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from drp.clock import SystemClock
from drp.config import build, build_canaries, build_monitoring, build_schedule, plans, schema_approval
from drp.config.catalogue import Catalogue
from drp.config.misfit import OptionJudge
from drp.config.monitoring import Monitoring
from drp.config.problems import Problem
from drp.config.read import Described, SiteReader
from drp.config.references import Inventory
from drp.config.references_declared import undeclared
from drp.config.references_reconciliation import reconciliation_advice
from drp.config.references_schedule import schedule_advice
from drp.config.schema import DatabaseFile, VolumesFile, server_endpoint
from drp.domain.approval import ApprovalPolicy
from drp.domain.phrase import Phrase, count, joined, say
from drp.domain.plan import DrillPlan
from drp.domain.restore import SecretReference
from drp.domain.sandbox import SandboxProfile
from drp.domain.schedule.site import Schedule
from drp.domain.tls import Tls
from drp.errors import ConfigError
from drp.trust import Trust, require

SYSTEM_SITE = Path("/etc/drp")
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Catalogue):
    """A valid site directory. Paths are absolute."""

    directory: Path
    name: str
    locale: str
    state_directory: Path
    journal: Path | str
    """A SQLite file, or the URL of a database."""
    journal_password: SecretReference | None
    journal_tls: Tls | None
    """Who vouches for the journal's server; None: nobody asks, it may be plain where it is on this machine."""
    engine: Path | str
    """Where orders are: a SQLite file, or the URL of a database."""
    engine_password: SecretReference | None
    engine_tls: Tls | None
    """As of the journal."""
    places: tuple[str, ...]
    """Places with workers of their own."""
    evidence_directories: tuple[Path, ...]
    manifests_directory: Path
    runbook_folders: tuple[Path, ...]
    """The site's own first, then the shipped ones."""
    files: Mapping[str, str]
    """Everything that was read, relative to the directory → SHA-256 of it."""
    described_in: Mapping[tuple[Literal["application", "drill"], str], str]
    """Kind and name → the file that describes it."""
    undeclared: tuple[str, ...] = ()
    """Runbooks that are given inputs and declare none."""
    approvals: ApprovalPolicy = field(default_factory=lambda: ApprovalPolicy(approvers=()))
    """How approvers prove that they are; nobody is named here."""
    evidence_writers: tuple[str, ...] = ()
    """Accounts, and groups as ``%group``, that may write where evidence is kept, besides drp's own."""
    manifests_writers: tuple[str, ...] = ()
    schedule: Schedule = field(default_factory=Schedule)
    """What is held by itself."""
    monitoring: Monitoring = field(default_factory=Monitoring)
    """Who hears of it."""

    def files_of(self, plan: DrillPlan) -> Mapping[str, str]:
        """Return the site's files that a plan rests on → digest: its own, its applications', and the common ones."""
        others = {*self.described_in.values(), build_schedule.FILE}  # a drill is the same whenever it is held
        named = {("drill", plan.name), *(("application", recovery.name) for recovery in plan.recoveries)}
        wanted = {file for each, file in self.described_in.items() if each in named}
        return {file: digest for file, digest in self.files.items() if file in wanted or file not in others}

    def advice(self) -> tuple[Phrase, ...]:
        """Return what is valid, and says less than it seems to."""
        unchecked = tuple(
            say(
                "runbooks/{kind}: declares no inputs (inputs.yml), so nobody checks what applications give it",
                kind=kind,
            )
            for kind in self.undeclared
        )
        anybody = tuple(
            say(
                "{file}: sign_off: everybody whom the file of allowed signers names may sign for it, under any name; "
                "`principals` says who does",
                file=self.described_in["application", name],
            )
            for name, application in self.applications.items()
            if application.sign_off is not None
            and application.sign_off.allowed_signers
            and not application.sign_off.principals
        )
        fixed = tuple(
            say(
                "{file}: scenario.disaster_at: the disaster is a fixed day, so drills of this plan pass even if no "
                "backup was made since; `now` judges the newest backup",
                file=self.described_in["drill", name],
            )
            for name, drill in self.drills.items()
            if drill.scenario.disaster_at is not None
        )
        today = SystemClock().now().wall.astimezone(UTC).date()
        expired = tuple(
            joined([self.described_in["drill", name], advice], ": ")
            for name, drill in self.drills.items()
            for advice in reconciliation_advice(drill.reconciliation, today)
        )
        lacking = build_monitoring.lacking(self.monitoring)
        return (*unchecked, *anybody, *fixed, *expired, *schedule_advice(self.schedule), *lacking)

    def endpoints(self) -> tuple[tuple[str, int], ...]:
        """Return host and port of what a drill's worker reaches over the network: repositories, and the journal."""
        found = {settings.endpoint for settings in self.repositories.values()}
        found.add(server_endpoint(self.journal) if isinstance(self.journal, str) else None)
        return tuple(sorted(endpoint for endpoint in found if endpoint is not None))

    def plan(self, name: str, **flags: Any) -> DrillPlan:
        """Return the plan of a drill of the site; flags as in `plans.Overrides`. Raises NotFound, UsageError."""
        return plans.planned(self, self.drill(name), plans.Overrides(**flags))

    def ad_hoc_plan(self, *applications: str, **flags: Any) -> DrillPlan:
        """Return a plan that no file describes; flags as in `plans.Overrides`. Raises NotFound, UsageError."""
        return plans.ad_hoc(self, applications, plans.Overrides(**flags))


def find_site(flag: Path | None = None) -> Path:
    """Return the site directory: the flag's, ``$DRP_SITE``, this directory, ``/etc/drp``.

    Raises ConfigError, and Untrusted when others than root and the caller could have put it there.
    """
    named = flag or (Path(os.environ["DRP_SITE"]) if os.environ.get("DRP_SITE") else None)
    candidates = _here(named) if named is not None else [*_here(Path()), SYSTEM_SITE]
    for candidate in candidates:
        if _has_site(candidate):
            # judged by the name it was given: what lies behind a link may be sound, and the link another's
            require([Trust().doubt(candidate / "drp.yml")], otherwise=say("or name another site with --site"))
            return candidate.resolve()
    if named is not None:
        raise ConfigError(
            say("{directory} is no site directory: it has no drp.yml", directory=named),
            hint=say("lay one down: drp init {directory}", directory=named),
        )
    raise ConfigError(
        say("no site directory: neither this directory nor /etc/drp has a drp.yml"),
        hint="lay one down with `drp init DIR`, or name one with --site or DRP_SITE",
    )


def _here(directory: Path) -> list[Path]:
    """Return the directory by its whole path; nothing where this one was removed meanwhile, or is closed to us."""
    try:
        return [directory.absolute()]
    except OSError:
        return []


def _has_site(directory: Path) -> bool:
    try:
        return stat.S_ISREG((directory / "drp.yml").stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            return False
        raise ConfigError(
            say(
                "site directory {directory} cannot be looked into: {why}",
                directory=directory,
                why=error.strerror,
            ),
            hint="run drp as the user that keeps it, or let this user read it",
        ) from error


def check_site(directory: Path, judge: OptionJudge | None = None) -> tuple[Problem, ...]:
    """Return every problem of every file, in the order of files and lines. Raises Untrusted.

    Without a judge the options of verifiers are not looked at.
    """
    reader = SiteReader(directory.absolute(), judge)
    reader.read()
    return tuple(reader.problems)


def check_and_advise(directory: Path, judge: OptionJudge) -> tuple[tuple[Problem, ...], tuple[Phrase, ...]]:
    """Return every problem, as `check_site` does, and where there is none what `Site.advice` says. Raises Untrusted."""
    reader = SiteReader(directory.absolute(), judge)
    reader.read()
    return tuple(reader.problems), () if reader.problems else _assemble(reader).advice()


def load_site(directory: Path, judge: OptionJudge | None = None) -> Site:
    """Return the site in a directory; an application or a drill whose file has problems is ``broken``, and not in it.

    Raises ConfigError with every problem, one a line, if one is in a file that all share; Untrusted.
    """
    reader = SiteReader(directory.absolute(), judge)
    reader.read()
    if any(problem.file not in reader.describes for problem in reader.problems):
        lines = [problem.line for problem in reader.problems[:_SHOWN]]
        if len(reader.problems) > _SHOWN:
            lines.append(count("… and {n} more", "… and {n} more", len(reader.problems) - _SHOWN))
        raise ConfigError(joined(lines, "\n"))
    return _assemble(reader)


def _described_in(inventory: Inventory) -> dict[tuple[Described, str], str]:
    found: dict[tuple[Described, str], str] = {}
    found |= {("application", name): document.file for name, (_, document) in inventory.applications.items()}
    found |= {("drill", name): document.file for name, (_, document) in inventory.drills.items()}
    return found


def _sandboxes(inventory: Inventory, volumes: VolumesFile, directory: Path) -> dict[str, SandboxProfile]:
    """Return the profiles, each with what the site says of all volumes on disk."""
    folders = tuple(str(directory / folder) for folder in volumes.directories)
    return {
        name: replace(profile.profile(name), volumes=folders, erase=volumes.erase)
        for name, profile in inventory.sandboxes.items()
    }


def _assemble(reader: SiteReader) -> Site:
    said, directory, inventory = reader.site, reader.directory, reader.inventory
    assert said is not None, "a site whose shared files have no problems has a drp.yml"
    broken = reader.broken()
    applications = {
        name: file for name, (file, _) in inventory.applications.items() if ("application", name) not in broken
    }
    drills = {name: file for name, (file, _) in inventory.drills.items() if ("drill", name) not in broken}
    state, proving = directory / said.state, schema_approval.proving(said.approvals, directory)
    sandboxes = _sandboxes(inventory, said.volumes, directory)
    return Site(
        directory=directory,
        name=said.name,
        locale=said.locale,
        state_directory=state,
        places=tuple(said.places),
        **_database("journal", said.journal, state / "journal.sqlite", directory),
        **_database("engine", said.engine, state / "orders.db", directory),
        evidence_directories=tuple(directory / sink for sink in said.evidence.sinks),
        manifests_directory=directory / said.manifests.directory,
        runbook_folders=reader.runbook_folders,
        files=reader.digests,
        described_in=_described_in(inventory),
        evidence_writers=tuple(said.evidence.writers),
        manifests_writers=tuple(said.manifests.writers),
        monitoring=build_monitoring.monitoring(inventory.monitoring[0], directory, said.locale),
        broken=broken,
        schedule=build_schedule.schedule(
            reader.schedule,
            {name: file for name, (file, _) in inventory.applications.items()},
            directory,
            {name for kind, name in reader.describes.values() if kind == "application"} - set(inventory.applications),
        ),
        undeclared=undeclared(inventory, reader.runbook_folders),
        applications={name: build.application(file, directory) for name, file in applications.items()},
        repositories={
            name: build.repository(name, repository, directory) for name, repository in inventory.repositories.items()
        },
        sandboxes={"default": SandboxProfile(name="default"), **sandboxes},
        drills={name: build.drill(file, proving, directory) for name, file in drills.items()},
        approvals=proving,
        bytes_per_second=said.limits.download,
        canaries={
            name: build_canaries.canary(file.canary, directory)
            for name, file in applications.items()
            if file.canary is not None
        },
    )


def _database(name: str, said: DatabaseFile | None, otherwise: Path, directory: Path) -> dict[str, Any]:
    """Return a site's fields for where a database is, its password, and who vouches for its server."""
    password = said.password if said is not None else None
    return {
        name: said.url if said is not None else otherwise,
        f"{name}_password": build.secret(password, directory) if password is not None else None,
        f"{name}_tls": build.tls(said.tls, directory) if said is not None and said.tls else None,
    }
