"""Reads every file of a site directory and gathers every problem of all of them before anybody is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from drp.config.build_monitoring import cross_check_monitoring
from drp.config.document import Document, Unreadable, read_document
from drp.config.misfit import OptionJudge
from drp.config.problems import START, Problem, suggestion
from drp.config.references import Inventory, cross_check, installed_verifiers
from drp.config.references_approval import cross_check_approvals
from drp.config.references_declared import cross_check_inputs, cross_check_options
from drp.config.references_places import cross_check_places
from drp.config.references_reconciliation import cross_check_lists
from drp.config.references_schedule import cross_check_schedule
from drp.config.references_sign_off import cross_check_sign_off
from drp.config.repository_kinds import repositories_file
from drp.config.sandbox_drivers import sandboxes_file
from drp.config.schema import SiteFile
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_drills import DrillFile
from drp.config.schema_monitoring import MonitoringFile
from drp.config.schema_schedule import ScheduleFile
from drp.config.steering import steering_paths
from drp.config.validate import validate
from drp.domain.phrase import Phrase, say
from drp.share import shared
from drp.trust import Doubt, Trust, require

M = TypeVar("M", bound=BaseModel)
Described = Literal["application", "drill"]
_PLACES = {"repositories.yml", "sandboxes.yml", "schedule.yml", "monitoring.yml", "applications", "drills"}


class SiteReader:
    """What a site directory says, as it is read; ``problems`` is complete and sorted after ``read``."""

    def __init__(self, directory: Path, judge: OptionJudge | None = None) -> None:
        """Take the directory; nothing is read yet. Without a judge nobody looks at the options of verifiers."""
        self.directory = directory
        self._judge = judge
        self.problems: list[Problem] = []
        self.site: SiteFile | None = None
        self.inventory = Inventory()
        self.schedule: ScheduleFile | None = None
        self.runbook_folders = (directory / "runbooks", shared("runbooks"))
        self.digests: dict[str, str] = {}
        """File → SHA-256 of what was read of it."""
        self.describes: dict[str, tuple[Described, str]] = {}
        """File → what it describes; by its own name where what it says cannot be read."""
        self._trust = Trust()

    def read(self) -> None:
        """Read and check everything. Raises Untrusted, before anything is read that others could have written."""
        require(self._doubts())
        self.site, site = self._file("drp.yml", SiteFile)
        inventory = self._listed("inventory")
        self._strangers(inventory)
        if "repositories.yml" in inventory:
            repositories, document = self._file("inventory/repositories.yml", repositories_file)
            self.inventory.repositories = dict(repositories.repositories) if repositories else {}
            self._remember("repository", document, "repositories")
        if "sandboxes.yml" in inventory:
            sandboxes, document = self._file("inventory/sandboxes.yml", sandboxes_file)
            self.inventory.sandboxes = dict(sandboxes.sandboxes) if sandboxes else {}
            self._remember("sandbox", document, "sandboxes")
        if "monitoring.yml" in inventory:
            self.inventory.monitoring = self._file("inventory/monitoring.yml", MonitoringFile)
        self.inventory.applications = dict(self._folder("applications", "application", ApplicationFile))
        self.inventory.drills = dict(self._folder("drills", "drill", DrillFile))
        schedule = None
        if "schedule.yml" in inventory:
            self.schedule, schedule = self._file("inventory/schedule.yml", ScheduleFile)
        require(self._trust.doubt(path) for path in self._steering())
        self.problems += cross_check(self.inventory, self.runbook_folders)
        self.problems += cross_check_sign_off(self.inventory, self.directory)
        self.problems += cross_check_lists(self.inventory.drills.values(), self.directory)
        approving = ((self.site, site), (self.schedule, schedule), self.inventory, self.directory)
        self.problems += cross_check_approvals(*approving)
        self.problems += cross_check_monitoring(self.inventory)
        if self.schedule is not None and schedule is not None:
            self.problems += cross_check_schedule(self.schedule, schedule, self.inventory)
            if self.site is not None:
                self.problems += cross_check_places(self.site, self.schedule, schedule)
        self.problems += cross_check_inputs(self.inventory, self.runbook_folders)
        if self._judge is not None:
            found = cross_check_options(self.inventory, installed_verifiers(), self._judge, self.directory)
            self.problems += found
        self.problems.sort()

    def _doubts(self) -> Iterator[Doubt]:
        """Yield what others can change of the site's own files: what it says, its runbooks and their plugins."""
        if (doubt := self._trust.doubt(self.directory)) is not None:
            yield doubt
            return
        for part in ("drp.yml", "inventory", "runbooks"):
            yield from self._trust.doubts(self.directory / part)

    def _steering(self) -> Iterator[Path]:
        """Yield every file and program that the site names."""
        inventory = self.inventory
        for said, _ in (*inventory.applications.values(), *inventory.drills.values()):
            yield from steering_paths(said, self.directory)
        watching = inventory.monitoring[0]
        for more in (self.site, self.schedule, watching, inventory.repositories, inventory.sandboxes):
            yield from steering_paths(more, self.directory)

    def broken(self) -> dict[tuple[Described, str], tuple[Phrase, ...]]:
        """Return what cannot be used, each with what is wrong with its file: none of them stops the others.

        Problems of files that all share are not among them.
        """
        found: dict[tuple[Described, str], tuple[Phrase, ...]] = {}
        for problem in self.problems:
            if (subject := self.describes.get(problem.file)) is not None:
                found[subject] = (*found.get(subject, ()), problem.line)
        return found

    def _folder(self, folder: str, kind: Described, model: type[M]) -> Iterator[tuple[str, tuple[M, Document]]]:
        first: dict[str, str] = {}
        for found in self._listed(f"inventory/{folder}"):
            file = f"inventory/{folder}/{found}"
            self.describes[file] = (kind, Path(found).stem)
            if not self._is_ours(Path(found), file):
                continue
            said, document = self._file(file, model)
            name = document.data.get("name") if document is not None and isinstance(document.data, dict) else None
            if not isinstance(name, str) or document is None:
                # most files are called as what they describe: what refers to it is not wrong as well
                self.inventory.named.setdefault(kind, set()).add(Path(found).stem)
                continue
            self.describes[file] = (kind, name)
            self.inventory.named.setdefault(kind, set()).add(name)
            if name in first:
                self.problems.append(document.problem(("name",), say("{file} has the same name", file=first[name])))
            elif said is not None:
                yield name, (said, document)
            first.setdefault(name, file)

    def _file(self, file: str, model: type[M] | Callable[[Any], type[M]]) -> tuple[M | None, Document | None]:
        """Read and check a file by its model, or by the one that what it says calls for."""
        try:
            document = read_document(self.directory / file, file, self._trust.open)
        except Unreadable as unreadable:
            self.problems += unreadable.problems
            return None, None
        self.digests[file] = document.digest
        said, problems = validate(document, model if isinstance(model, type) else model(document.data))
        self.problems += problems
        return said, document

    def _remember(self, kind: str, document: Document | None, key: str) -> None:
        """Let names count as existing although something else in their file is wrong."""
        named = document.data.get(key) if document is not None and isinstance(document.data, dict) else None
        self.inventory.named[kind] = set(named) if isinstance(named, dict) else set()

    def _listed(self, folder: str) -> list[str]:
        """Return the names in a folder of the site, in order; what is closed to us is not taken for empty."""
        try:
            return sorted(os.listdir(self.directory / folder))  # noqa: PTH208 - names
        except FileNotFoundError:
            return []
        except OSError as error:
            self.problems.append(Problem(folder, START, "", say("cannot be read: {why}", why=error.strerror)))
            return []

    def _strangers(self, inventory: Sequence[str]) -> None:
        """Report what nobody would read: a typo in a file's name must not switch it off in silence."""
        for name in inventory:
            if name in _PLACES or name.startswith(".") or name.endswith(".md"):
                continue
            message = say("is not read by drp; {guess}", guess=suggestion(name, _PLACES))
            self.problems.append(Problem(f"inventory/{name}", START, "", message))

    def _is_ours(self, path: Path, file: str) -> bool:
        if path.name.startswith(".") or path.suffix == ".md" or path.name.endswith("~"):
            return False
        if path.suffix != ".yml":
            message = (
                say("is not read by drp: call it {name}", name=f"{path.stem}.yml")
                if path.suffix == ".yaml"
                else say("is not read by drp: only .yml files are")
            )
            self.problems.append(Problem(file, START, "", message))
            return False
        return True
