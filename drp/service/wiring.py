"""The composition root: the only module that knows which adapter stands behind which port."""

from __future__ import annotations

import atexit
import platform
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from drp import __version__
from drp.atomic import storage_errors
from drp.clock import SystemClock
from drp.config.secrets import resolve
from drp.config.site import Site
from drp.domain.check_runner import CheckRunner
from drp.domain.journal import Journal
from drp.domain.phrase import say
from drp.domain.plan import DrillPlan
from drp.domain.ports import Ports, Reporter, Repository, Sandbox
from drp.domain.reconciliation.port import RecordReader
from drp.domain.sandbox import Reaped
from drp.domain.schedule.register import Register
from drp.domain.tls import Tls
from drp.errors import ConfigError, DrpError
from drp.evidence.deposits import Deposits, gone, require_all_known
from drp.materials import copy_used
from drp.service.cancellation import Cancellation
from drp.service.plan_materials import PlanMaterials
from drp.sinks import Copies, DirectorySink


class Wiring:
    """Builds the adapters of one site, each when it is first asked for."""

    def __init__(self, site: Site, *, gateway: Any = None) -> None:
        """Take the site, and in a worker the line to the gateway."""
        self.site = site
        self.clock = SystemClock()
        self._gateway = gateway
        self._journal: Journal | None = None
        self._reading: Journal | None = None
        self._closing = ExitStack()
        self._registers: dict[bool, Register] = {}
        self._declared: set[bool] = set()
        self._repositories: Mapping[str, Repository] | None = None
        self._sandbox: Sandbox | None = None
        self._materials: PlanMaterials | None = None

    def close(self) -> None:
        """Close the journals that were opened: who lives long makes a wiring for each thing that it does."""
        self._journal = self._reading = None
        self._registers.clear()
        self._declared.clear()
        self._closing.close()

    @property
    def run_directory(self) -> Path:
        """Where sandboxes have their control sockets and locks."""
        return self.site.state_directory / "run"

    def journal(self) -> Journal:
        """Return the site's journal, making it when there is none and no drill of the site was ever sealed.

        Raises ``Tampered`` when it does not know a drill that has a sealed record, and what opening it raises.
        """
        if self._journal is None:
            with storage_errors(self.site.state_directory):
                self.site.state_directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._journal = self._opened(reads_only=False)
        return self._journal

    def journal_to_read(self) -> Journal:
        """Return the site's journal for who only looks: nothing is made or written. Raises as ``journal`` does."""
        if self._reading is None:
            self._reading = self._opened(reads_only=True)
        return self._reading

    def register(self) -> Register:
        """Return the register of the schedule. Raises as ``journal`` does, and ``Tampered`` when it was cut off."""
        return self._registered(self.journal(), reads_only=False)

    def register_to_read(self) -> Register:
        """Return the register for who only looks: nothing is made or written. Raises as ``register`` does."""
        return self._registered(self.journal_to_read(), reads_only=True)

    def opened_register(self) -> Register:
        """Return the register in the journal that was opened, to write where it was opened so."""
        return self._registers[False] if False in self._registers else self._registers[True]

    def _registered(self, journal: Journal, *, reads_only: bool) -> Register:
        from drp.service.registered import require_declared

        if reads_only not in self._declared:
            require_declared(journal, self._registers[reads_only])
            self._declared.add(reads_only)
        return self._registers[reads_only]

    def _opened(self, *, reads_only: bool) -> Journal:
        from drp.journal import SqlJournal

        secret = self.site.journal_password
        password = resolve(secret) if secret is not None else None
        deposits = self.deposits()

        def absent() -> DrpError | None:
            records = tuple(deposits.records())
            return gone(records) if records else None

        settings = self.site.journal_tls
        journal = SqlJournal(
            self.site.journal,
            self.clock,
            password=password,
            absent=absent,
            reads_only=reads_only,
            wrap=(lambda: _tls(settings)) if settings is not None else None,
        )
        require_all_known(deposits, journal)
        self._closing.callback(journal.close)
        self._registers[reads_only] = journal.register
        return journal

    def sink(self) -> DirectorySink:
        """Return the first place where evidence is kept, whose word counts."""
        return DirectorySink(self.site.evidence_directories[0])

    def deposits(self) -> Deposits:
        """Return where the evidence of the site is read back from."""
        return Deposits([DirectorySink(directory) for directory in self.site.evidence_directories])

    def repositories(self) -> Mapping[str, Repository]:
        """Return every repository of the site; none is contacted."""
        if self._repositories is None:
            self._repositories = self.make_repositories(self.site.state_directory / "cache", self.site.repositories)
        return self._repositories

    def make_repositories(
        self, cache: Path, names: Iterable[str], *, most_seconds: float = float("inf")
    ) -> Mapping[str, Repository]:
        """Return repositories that cache below a directory, and wait no longer for anything; none is contacted."""
        from drp.repositories.kind import create

        return {
            name: create(self.site.repositories[name].waiting(most_seconds), resolve=resolve, cache_directory=cache)
            for name in names
        }

    def materials(self, plan: DrillPlan) -> Mapping[str, str]:
        """Return the files and programs that a plan's recoveries use, with their digests as they are now."""
        if self._materials is None:
            self._materials = PlanMaterials(self.site, self.site.runbook_folders[0])
        return self._materials.of(plan)

    def declarable(self, plan: DrillPlan) -> DrillPlan:
        """Return the plan with the digests of what it is going to use."""
        return replace(plan, materials=self.materials(plan))

    def _runbook_folders(self) -> tuple[Path, ...]:
        """Return where a drill reads its runbooks: the site's own from a copy, which nobody changes meanwhile."""
        from drp.runbooks.folder import PrivateFolder

        own, *shipped = self.site.runbook_folders
        if not own.is_dir():
            return self.site.runbook_folders
        self._make_run_directory()
        private = PrivateFolder(self.run_directory)
        atexit.register(private.remove)
        try:
            copy_used(own, private.path / own.name)
        except OSError as error:
            raise ConfigError(
                say(
                    "{filename} cannot be read: {why}",
                    filename=error.filename or own,
                    why=error.strerror or error,
                ),
                hint=say("everything in {own} must be readable for whoever holds drills", own=own),
            ) from error
        self._materials = PlanMaterials(self.site, private.path / own.name)
        return (private.path / own.name, *shipped)

    def _make_run_directory(self) -> None:
        with storage_errors(self.run_directory):
            self.run_directory.mkdir(parents=True, exist_ok=True, mode=0o711)

    def sandbox(self) -> Sandbox:
        """Return the site's sandboxes, by whichever drivers its profiles name."""
        from drp.sandboxes.registry import Sandboxes

        if self._sandbox is None:
            self._make_run_directory()
            self._sandbox = Sandboxes(self.run_directory, resolve=resolve, gateway=self._gateway)
        return self._sandbox

    def reap(self) -> tuple[Reaped, ...]:
        """Remove what dead processes of drp left of sandboxes and restored data; return what it was, and what stays."""
        from drp.sandboxes.registry import reap

        return reap(self.run_directory) if self.run_directory.exists() else ()

    def check_verifiers(self, plan: DrillPlan | None = None) -> CheckRunner:
        """Load every verifier that a plan names and check its options. Raises ``PluginError``.

        What the site's other applications name is loaded too where it can be: a drill that was cut off may need it.
        """
        from drp.verifiers.running import Checks

        used = plan.recoveries if plan is not None else ()
        named = (check.verifier for application in self.site.applications.values() for check in application.checks)
        return Checks((check for recovery in used for check in recovery.application.checks), others=named)

    def check_records(self, plan: DrillPlan | None = None) -> RecordReader:
        """Load every reader that a plan names and check its options. Raises ``PluginError``."""
        from drp.verifiers.records import Records

        by_name = {recovery.name: recovery.application for recovery in (plan.recoveries if plan is not None else ())}
        among = plan.reconciliation if plan is not None else None
        return Records((source, by_name[source.application]) for source in (among.records if among is not None else ()))

    def writable_state(self) -> str:
        """Prove that state can be written, where it is or will be made; nothing is left. Raises ``StorageFull``."""
        directory = self.site.state_directory
        place = next(path for path in (directory, *directory.parents) if path.is_dir())
        with storage_errors(place), tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"drp")
        return str(directory)

    @property
    def sign_off_directory(self) -> Path:
        """Where referents hand their answers in."""
        return self.site.state_directory / "sign-off"

    @property
    def approval_directory(self) -> Path:
        """Where approvers hand their answers in."""
        return self.site.state_directory / "approvals"

    def ports(self, reporter: Reporter, cancellation: Cancellation, plan: DrillPlan | None = None) -> Ports:
        """Return every port of a drill; ``plan`` is the one that begins, if one does. Raises PluginError."""
        from drp.engine.crew import Threads
        from drp.hashing.tree import TreeHasher
        from drp.manifests.directory import ManifestDirectory
        from drp.runbooks import AnsibleRunbookRunner
        from drp.service.known import known_of
        from drp.service.worm.expected_points import RegisterLedger
        from drp.sign_off import ApprovalDirectory, DirectoryDesk

        runbooks = AnsibleRunbookRunner(self._runbook_folders(), self.run_directory)
        runbooks.warm_up()
        checks = self.check_verifiers(plan)
        return Ports(
            repositories=self.repositories(),
            sandbox=self.sandbox(),
            runbooks=runbooks,
            hasher=TreeHasher(),
            manifests=ManifestDirectory(self.site.manifests_directory),
            checks=checks,
            records=self.check_records(plan),
            sign_offs=DirectoryDesk(self.sign_off_directory),
            approvals=ApprovalDirectory(self.approval_directory),
            journal=self.journal(),
            sink=Copies([DirectorySink(directory) for directory in self.site.evidence_directories]),
            clock=self.clock,
            crew=Threads(),
            reporter=reporter,
            cancelled=cancellation,
            signal_number=cancellation.signal_number,
            stopped_by=cancellation.asked_by,
            tools=lambda: self._tools(checks),
            materials=self.materials,
            ledger=RegisterLedger(self.register),
            known=lambda repository: known_of(self.opened_register(), repository),
        )

    def _tools(self, checks: Any) -> Mapping[str, str]:
        from importlib.metadata import version

        from drp.hashing.reading.core import core_name

        packages = ("ansible-core", "ansible-runner", "blake3")
        found = {package: version(package) for package in packages}
        return {
            "drp": __version__,
            "python": platform.python_version(),
            "kernel": platform.release(),
            **found,
            "hashing core": core_name("auto"),
            **checks.tools(),
        }


def _tls(settings: Tls) -> Any:
    """Return a TLS context, which takes long to load and few sites need."""
    from drp.tls import context

    return context(settings, resolve)
