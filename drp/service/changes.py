"""What changed of an application's recovery since a drill proved it, asked of the journal, the site and this machine.

Digests are remembered as long as files are the same, and what drills declared for good: both for the process, since
a worker asks at every tick.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from drp.codec import to_data
from drp.config.site import Site
from drp.domain.events import DrillDeclared
from drp.domain.fold import DrillState
from drp.domain.journal import Journal
from drp.domain.schedule.changes import OF_DRP, REPOSITORY, changed, described, recovery_of, used
from drp.domain.schedule.proofs import Proof
from drp.errors import DrpError, RepositoryError
from drp.materials import FileDigests
from drp.service.plan_materials import settings_digest
from drp.service.wiring import Wiring
from drp.share import shared

_DIGESTS = FileDigests()
_DIGEST_LETTERS = 64
_MOST_DECLARED = 4_000
_DECLARED: OrderedDict[tuple[str, str], Mapping[str, Any]] = OrderedDict()
"""Journal and drill → its plan as JSON; the least lately used goes first."""


def changes_since(wiring: Wiring, application: str, proof: Proof) -> tuple[str, ...]:
    """Return the names of what changed since a drill proved something of an application; empty: nothing that counts."""
    return Changes(wiring.site, wiring.journal_to_read()).since(application, proof.drill)


class Changes:
    """Compares with one reading of a site; what all applications share is looked at once."""

    def __init__(self, site: Site, journal: Journal, told: Iterable[DrillState] = ()) -> None:
        """Take the site and the journal; nothing is read yet. ``told`` are drills that were just read from it."""
        self._site, self._journal = site, journal
        self._told = {state.drill: state.declared for state in told if state.declared is not None}
        self._of_plan = cache(self._plan)
        self._of_application = cache(self._alone)
        self._of_repository = cache(self._repository)
        self._runbooks = cache(self._all_runbooks)

    def since(self, application: str, drill: str) -> tuple[str, ...]:
        """Return the names of what counts and changed since a drill was declared.

        An application that the site describes no more, or cannot plan any more, is told by its name.
        """
        then = self._declared(drill)
        try:
            now, alone = self._now(then, application)
            before = described(then, application, alone=alone)
        except (DrpError, KeyError):
            return (application,)
        own, was = recovery_of(now, application), recovery_of(then, application)
        # whoever named another one of its repositories for a drill changed nothing
        name = was["repository"] if was["repository"] in own["application"]["repositories"] else own["repository"]
        programs, settings = self._of_repository(name)
        kind = (own["application"]["runbook"] or {}).get("kind", "")
        declared = {each: _hex(found) for each, found in then["materials"].items() if _concerns(each, name)}
        here = {**self._runbooks(), **settings, **programs}
        return changed(
            {**before, **used(declared, kind, programs)},
            {**described(now, application, alone=alone), **used(here, kind, programs)},
        )

    def _now(self, then: Mapping[str, Any], application: str) -> tuple[Mapping[str, Any], bool]:
        """Return the plan of now to compare with, and whether only the application itself can be compared by it."""
        drill = self._site.drills.get(then["name"])
        known = [each.application for each in drill.recoveries] if drill is not None else []
        took_part = {each["application"]["name"] for each in then["recoveries"]}
        if application in known:
            return self._of_plan(then["name"], tuple(name for name in known if name in took_part)), False
        return self._of_application(application), True

    def _plan(self, name: str, applications: tuple[str, ...]) -> Mapping[str, Any]:
        data: Mapping[str, Any] = to_data(self._site.plan(name, applications=applications))
        return data

    def _alone(self, application: str) -> Mapping[str, Any]:
        data: Mapping[str, Any] = to_data(self._site.ad_hoc_plan(application))
        return data

    def _repository(self, name: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return the programs that read a repository, with their digests, and what else counts of it."""
        from drp.repositories.kind import kind_of

        settings = self._site.repositories.get(name)
        if settings is None:
            return {}, {}
        paths: list[Path] = []
        try:
            paths += kind_of(settings).programs(settings)
        except RepositoryError:  # it is gone from this machine; the next drill will say so
            paths = []
        paths += settings.location.files
        return {str(path): _hex(_DIGESTS.file(path)) for path in paths}, {
            f"{REPOSITORY}{name}": settings_digest(settings)
        }

    def _all_runbooks(self) -> dict[str, str]:
        own, *_ = self._site.runbook_folders
        found = {f"runbooks/{name}": _hex(each) for name, each in _DIGESTS.below(own).items()}
        return {**found, OF_DRP: _hex(_DIGESTS.tree(shared("runbooks")))}

    def _declared(self, drill: str) -> Mapping[str, Any]:
        """Return what a drill declared, as JSON; its first entry is checked each time that it is read."""
        key = (str(self._site.journal), drill)
        if key not in _DECLARED:
            first = self._told.get(drill) or next(self._journal.entries(drill)).event
            assert isinstance(first, DrillDeclared)
            _DECLARED[key] = to_data(first.plan)
            while len(_DECLARED) > _MOST_DECLARED:
                _DECLARED.popitem(last=False)
        _DECLARED.move_to_end(key)
        return _DECLARED[key]


def _concerns(name: str, repository: str) -> bool:
    return not name.startswith(REPOSITORY) or name == f"{REPOSITORY}{repository}"


def _hex(found: str) -> str:
    """Return a digest without the word that a file held something else meanwhile: it holds the same again."""
    return found[:_DIGEST_LETTERS] if " " in found[_DIGEST_LETTERS:] else found
