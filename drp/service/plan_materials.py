"""What the recoveries of a plan use, and its digests: files of the site, runbooks, backup tools, verifiers, drp itself.

The files of the site count as they were read, the site's runbooks as a worker copied them: what was digested is what
is used. Everything else is looked at again, each time it is asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import drp
from drp.codec import digest
from drp.command import MINIMAL_ENVIRONMENT
from drp.config.site import Site
from drp.domain.plan import DrillPlan
from drp.domain.repository import RepositorySettings, WaitLimits
from drp.domain.schedule.changes import OF_DRP, REPOSITORY
from drp.errors import RepositoryError
from drp.materials import FileDigests
from drp.share import shared

_PROGRAMS = ("setpriv", "unshare")
"""Of a drill's worker."""
_PACKAGES = ("ansible-core", "ansible-runner")


class PlanMaterials:
    """Digests of one site's materials; ``runbooks`` is where its own runbooks are read from."""

    def __init__(self, site: Site, runbooks: Path) -> None:
        """Take the site; nothing is read yet."""
        self._site = site
        self._runbooks = runbooks
        self._digests = FileDigests()
        self._packages: dict[str, str] = {}

    def of(self, plan: DrillPlan) -> Mapping[str, str]:
        """Return name → SHA-256, hex, of everything that the recoveries of the plan use, as it is now."""
        found = dict(self._site.files_of(plan))
        found |= {f"runbooks/{name}": digest for name, digest in self._digests.below(self._runbooks).items()}
        found |= {str(path): self._digests.file(path) for path in self._programs(plan)}
        found |= self._verifiers(plan)
        found |= self._drivers(plan)
        found |= self._kinds(plan)
        found |= {name: self._package(name) for name in _PACKAGES}
        found |= {f"{REPOSITORY}{name}": settings_digest(self._site.repositories[name]) for name in _repositories(plan)}
        found[OF_DRP] = self._digests.tree(shared("runbooks"))
        found["drp"] = self._digests.tree(Path(drp.__file__).parent, shared("runbooks"))
        return found

    def _programs(self, plan: DrillPlan) -> Iterator[Path]:
        """Yield the executables, and the certificates that say whom to believe."""
        from drp.repositories.kind import kind_of
        from drp.sandboxes.registry import driver

        for program in _PROGRAMS:
            if (found := shutil.which(program, path=MINIMAL_ENVIRONMENT["PATH"])) is not None:
                yield Path(found).resolve()
        for name in sorted({recovery.sandbox.driver for recovery in plan.recoveries}):
            yield from driver(name).programs()
        for name in _repositories(plan):
            settings = self._site.repositories[name]
            with suppress(RepositoryError):  # the drill itself will say that there is none
                yield from kind_of(settings).programs(settings)
            yield from settings.location.files

    def _verifiers(self, plan: DrillPlan) -> Mapping[str, str]:
        """Return the digest of every verifier's package; most are in the same one."""
        from drp.verifiers.loading import package_of

        packages = {name: package_of(name) for name in _verifiers(plan)}
        digests = {places: self._digests.tree(*places) for places in set(packages.values())}
        return {f"verifier {name}": digests[places] for name, places in packages.items()}

    def _drivers(self, plan: DrillPlan) -> Mapping[str, str]:
        """Return the digest of the package of every sandbox driver that is not drp's own."""
        from drp.config.sandbox_drivers import package_of

        packages = {name: package_of(name) for name in sorted({each.sandbox.driver for each in plan.recoveries})}
        return {f"sandbox driver {name}": self._digests.tree(*places) for name, places in packages.items() if places}

    def _kinds(self, plan: DrillPlan) -> Mapping[str, str]:
        """Return the digest of the package of every kind of repository that is not drp's own."""
        from drp.repositories.kind import package_of

        used = [self._site.repositories[name] for name in sorted({each.repository for each in plan.recoveries})]
        packages = {settings.kind: package_of(settings) for settings in used}
        return {f"repository kind {name}": self._digests.tree(*places) for name, places in packages.items() if places}

    def _package(self, name: str) -> str:
        """Return the digest of what a package's installer recorded: the digests of all its files."""
        from hashlib import sha256
        from importlib.metadata import distribution

        if name not in self._packages:
            recorded = distribution(name).read_text("RECORD") or ""
            self._packages[name] = sha256(recorded.encode()).hexdigest()
        return self._packages[name]


def settings_digest(settings: RepositorySettings) -> str:
    """Return the digest of a repository's settings: what it is and where, not how long it is waited for."""
    return digest(replace(settings, limits=WaitLimits()))


def _repositories(plan: DrillPlan) -> list[str]:
    return sorted({recovery.repository for recovery in plan.recoveries})


def _verifiers(plan: DrillPlan) -> tuple[str, ...]:
    """Return the verifiers that check, and those that read records."""
    named = {check.verifier for recovery in plan.recoveries for check in recovery.application.checks}
    if plan.reconciliation is not None:
        named |= {source.reader for source in plan.reconciliation.records}
    return tuple(sorted(named))
