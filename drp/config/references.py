"""What files say about one another: names that must exist, runbooks and verifiers that must be there, no circles."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drp.config.document import Document, Place
from drp.config.inputs import Declared
from drp.config.problems import Problem, suggestion, unknown
from drp.config.references_levels import cross_check_level
from drp.config.references_reconciliation import cross_check_reconciliation
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_drills import DrillFile
from drp.config.schema_monitoring import MonitoringFile
from drp.config.schema_repositories import RepositoryFile
from drp.config.schema_sandboxes import SandboxFile
from drp.domain.phrase import say, several
from drp.domain.sandbox import DEFAULT_DRIVER
from drp.registry import Registry

_STEPS = ("restore.yml", "start.yml", "stop.yml")


@dataclass(slots=True)
class Inventory:
    """Everything that was read, by name, with the file it came from."""

    applications: dict[str, tuple[ApplicationFile, Document]] = field(default_factory=dict)
    drills: dict[str, tuple[DrillFile, Document]] = field(default_factory=dict)
    repositories: dict[str, RepositoryFile] = field(default_factory=dict)
    sandboxes: dict[str, SandboxFile] = field(default_factory=dict)
    monitoring: tuple[MonitoringFile | None, Document | None] = (None, None)
    named: dict[str, set[str]] = field(default_factory=dict)
    """Kind → names that files give, also in files that have other problems: they count as existing."""
    declared: dict[str, Declared] = field(default_factory=dict)
    """Runbook → what it declares, once that was read."""

    def known(self, kind: str, found: Collection[str]) -> set[str]:
        """Return what may be referred to."""
        return set(found) | self.named.get(kind, set())


def cross_check(inventory: Inventory, runbook_folders: Collection[Path]) -> Iterator[Problem]:
    """Yield every reference that leads nowhere, and every circle of dependencies once."""
    kinds = runbook_kinds(runbook_folders)
    verifiers = installed_verifiers()
    for said, document in inventory.applications.values():
        yield from _application(said, document, inventory, kinds, verifiers)
    yield from _circles(inventory)
    for drill, document in inventory.drills.values():
        yield from _drill(drill, document, inventory)
        yield from cross_check_reconciliation(drill, document)
        yield from cross_check_level(drill, document, inventory.applications, inventory.repositories)


def installed_verifiers() -> frozenset[str]:
    """Return the names of the verifiers that are installed; none is loaded."""
    return frozenset(Registry[object]("drp.verifiers", say("verifier")).names())


def runbook_kinds(folders: Collection[Path]) -> dict[str, tuple[str, ...]]:
    """Return the runbooks that are there, each with the steps it lacks; the first folder that has one counts."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in folders:
        for candidate in sorted(folder.iterdir()) if folder.is_dir() else ():
            if candidate.is_dir() and any((candidate / step).is_file() for step in _STEPS):
                lacking = tuple(step for step in _STEPS if not (candidate / step).is_file())
                found.setdefault(candidate.name, lacking)
    return found


def _application(
    said: ApplicationFile,
    document: Document,
    inventory: Inventory,
    kinds: Mapping[str, tuple[str, ...]],
    verifiers: Collection[str],
) -> Iterator[Problem]:
    for index, name in enumerate(said.backup.repositories if said.backup is not None else ()):
        place: Place = ("backup", "repositories", index)
        yield from _unknown(document, place, "repository", name, inventory.known("repository", inventory.repositories))
    if said.runbook is not None:
        place = ("runbook", "kind")
        yield from _unknown(document, place, "runbook", said.runbook.kind, kinds)
        if lacking := kinds.get(said.runbook.kind, ()):
            message = say("runbook `{kind}` lacks {steps}", kind=said.runbook.kind, steps=several(lacking))
            yield document.problem(place, message)
    names: set[str] = set()
    for index, check in enumerate(said.checks):
        yield from _unknown(document, ("checks", index, "verifier"), "verifier", check.verifier, verifiers)
        if check.name in names:
            message = say("a check called `{name}` stands above", name=check.name)
            yield document.problem(("checks", index, "name"), message)
        names.add(check.name)
    known = inventory.known("application", inventory.applications)
    for index, name in enumerate(said.depends_on):
        yield from _unknown(document, ("depends_on", index), "application", name, known)


def _drill(said: DrillFile, document: Document, inventory: Inventory) -> Iterator[Problem]:
    yield from _addresses(said, document, inventory)
    yield from _drivers(said, document, inventory)
    sandboxes = inventory.known("sandbox", inventory.sandboxes) | {"default"}
    yield from _unknown(document, ("sandbox",), "sandbox", said.sandbox, sandboxes)
    seen: set[str] = set()
    known = inventory.known("application", inventory.applications)
    for index, entry in enumerate(said.recoveries):
        place: Place = ("recoveries", index)
        name = entry if isinstance(entry, str) else entry.application
        at = place if isinstance(entry, str) else (*place, "application")
        yield from _unknown(document, at, "application", name, known)
        if name in seen:
            yield document.problem(at, say("`{name}` is recovered twice", name=name))
        seen.add(name)
        application = inventory.applications[name][0] if name in inventory.applications else None
        if application is not None and (application.backup is None or application.runbook is None):
            lacking = "backup" if application.backup is None else "runbook"
            message = say("`{name}` cannot be drilled: its file has no `{lacking}`", name=name, lacking=lacking)
            yield document.problem(at, message)
        if isinstance(entry, str):
            continue
        if entry.sandbox is not None:
            yield from _unknown(document, (*place, "sandbox"), "sandbox", entry.sandbox, sandboxes)
        if entry.repository is not None and application is not None and application.backup is not None:
            own = application.backup.repositories
            if entry.repository not in own:
                message = say(
                    "`{name}` has no backup in `{repository}`; {guess}",
                    name=name,
                    repository=entry.repository,
                    guess=suggestion(entry.repository, own),
                )
                yield document.problem((*place, "repository"), message)


def _drivers(said: DrillFile, document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Yield every recovery of a pod whose sandbox another driver makes than the first one's: they would never meet."""
    first = ""
    for index, entry in enumerate(said.recoveries if said.pod else ()):
        name = said.sandbox if isinstance(entry, str) else entry.sandbox or said.sandbox
        profile = inventory.sandboxes.get(name)
        driver = profile.driver if profile is not None else DEFAULT_DRIVER
        first = first or driver
        if driver != first:
            message = say(
                "in a pod, a sandbox by {driver} does not reach those by {first}: take profiles of one `driver`",
                driver=driver,
                first=first,
            )
            yield document.problem(("recoveries", index), message)


def _addresses(said: DrillFile, document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Yield every host name that would lead to two addresses in one pod, and every address to two applications."""
    seen: dict[str, str] = {}
    owners: dict[str, str] = {}
    for index, entry in enumerate(said.recoveries if said.pod else ()):
        application = inventory.applications.get(entry if isinstance(entry, str) else entry.application)
        own = application[0].name if application is not None else ""
        for address in application[0].addresses if application is not None else ():
            if ipaddress.ip_address(address.address).is_link_local:
                message = say("in a pod, the link-local address {address} leads nowhere", address=address.address)
                yield document.problem(("recoveries", index), message)
            owner = owners.setdefault(address.address, own)
            if owner != own:
                message = say(
                    "in one pod, {address} would lead to `{owner}` and to `{own}`",
                    address=address.address,
                    owner=owner,
                    own=own,
                )
                yield document.problem(("recoveries", index), message)
            for name in address.names:
                first = seen.setdefault(name.lower(), address.address)
                if first != address.address:
                    message = say(
                        "in one pod, `{name}` would lead to {first} and to {address}",
                        name=name,
                        first=first,
                        address=address.address,
                    )
                    yield document.problem(("recoveries", index), message)


def _unknown(document: Document, place: Place, kind: str, name: str, known: Collection[str]) -> Iterator[Problem]:
    if name not in known:
        yield document.problem(place, unknown(kind, name, known))


def _circles(inventory: Inventory) -> Iterator[Problem]:
    """Yield each circle of `depends_on` once, in the file of its first application, written out as a path."""
    told: set[frozenset[str]] = set()
    for start in sorted(inventory.applications):
        circle = _circle_from(start, inventory)
        if circle is None or frozenset(circle) in told:
            continue
        told.add(frozenset(circle))
        said, document = inventory.applications[start]
        index = said.depends_on.index(circle[1])
        message = say("dependencies run in a circle: {circle}", circle=several(circle, " → "))
        yield document.problem(("depends_on", index), message)


def _circle_from(start: str, inventory: Inventory) -> list[str] | None:
    """Return the shortest path from an application back to itself."""
    paths = [[start]]
    seen = {start}
    while paths:
        following: list[list[str]] = []
        for path in paths:
            said = inventory.applications.get(path[-1])
            for dependency in said[0].depends_on if said is not None else ():
                if dependency == start:
                    return [*path, start]
                if dependency not in seen:
                    seen.add(dependency)
                    following.append([*path, dependency])
        paths = following
    return None
