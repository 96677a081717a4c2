"""What a drill of the site needs that this user must be able to read, run or write, found by trying as a drill does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from drp.cli.doctor_closed import closed_to_others
from drp.cli.need import Need, attempt
from drp.cli.words import word
from drp.domain.phrase import joined, say
from drp.domain.precheck_words import STATES, sentence
from drp.domain.repository import Location
from drp.errors import AccessDenied, ConfigError, NotFound, NotReadable, RepositoryError, StorageFull
from drp.service.precheck import precheck
from drp.service.wiring import Wiring
from drp.trust.accounts import closed_place

_MOST_FILES = 200_000


def site_needs(wiring: Wiring) -> Iterator[Need]:
    """Yield the site's needs: its files, its state, its repositories, and each of its drills."""
    yield Need(name="site", met=True, detail=str(wiring.site.directory))
    yield attempt("trusted folders", lambda: _places(wiring))
    yield attempt("journal and evidence", lambda: _journal(wiring))
    yield attempt("verifiers", lambda: _checks(wiring))
    yield attempt("state directory", lambda: _state(wiring))
    yield attempt("evidence directories", lambda: _evidence(wiring))
    yield attempt("manifests", lambda: _readable_folder(wiring.site.manifests_directory))
    yield closed_to_others(wiring.site)
    yield attempt("runbooks of the site", lambda: _runbooks(wiring))
    for name, settings in wiring.site.repositories.items():
        yield attempt(say("repository {name}", name=name), partial(_repository, wiring, name, settings.location))
    for name in sorted(wiring.site.drills):
        yield attempt(say("drill {name}", name=name), partial(_drill, wiring, name))


def _places(wiring: Wiring) -> str:
    from drp.config.places import require_places

    require_places(wiring.site)
    return say("state, evidence and manifests are nobody else's to write")


def _journal(wiring: Wiring) -> str:
    """Check the chain to its end, and every record against what it sealed; make no journal where none is due."""
    from drp.service.journal import verify_journal

    kept = wiring.site.journal
    if isinstance(kept, Path) and not kept.exists() and not wiring.deposits().records():
        return say("none yet: the first drill makes it")
    found = verify_journal(wiring, wiring.journal_to_read())
    return say("{entries} entries, chain intact, every record as sealed", entries=found.entries)


def _checks(wiring: Wiring) -> str:
    count = sum(len(application.checks) for application in wiring.site.applications.values())
    if wiring.site.broken:
        raise ConfigError("\n".join(line for problems in wiring.site.broken.values() for line in problems))
    return say("{checks} checks, all understood", checks=count)


def _state(wiring: Wiring) -> str:
    """Prove that state can be written, and what earlier drills, perhaps of another user, left in it."""
    said = wiring.writable_state()
    kept = [wiring.site.state_directory / name for name in ("lock", "worker.log", "run", "cache", "sign-off")]
    if isinstance(wiring.site.journal, Path):
        kept += [wiring.site.journal.with_name(wiring.site.journal.name + tail) for tail in ("", "-wal", "-shm")]
    _require_open(path for path in kept if path.exists())
    return said


def _evidence(wiring: Wiring) -> str:
    directories = wiring.site.evidence_directories
    _require_open(directories)
    return ", ".join(map(str, directories))


def _require_open(paths: Any) -> None:
    for path in paths:
        if (closed := closed_place(path)) is not None:
            hint = say("run drp as the user who keeps the site, or let this one write there")
            raise StorageFull(say("this user may not write {closed}", closed=closed), hint=hint)


def _readable_folder(folder: Path) -> str:
    if folder.exists() and not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
        raise NotReadable(say("this user may not read {folder}", folder=folder))
    closed = next((path for path in _inside(folder) if not os.access(path, os.R_OK, effective_ids=True)), None)
    if closed is not None:
        raise NotReadable(say("this user may not read {closed}", closed=closed))
    return str(folder)


def _closed_below(folder: Path) -> Path | None:
    """Return the first thing in a repository that this user may not read, of as many as can be looked at in seconds."""
    seen = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            wanted = os.R_OK | (os.X_OK if name in folders else 0)
            if not os.access(path, wanted, effective_ids=True) and path.exists():
                return path
        seen += len(files)
        if seen > _MOST_FILES:
            break
    return None


def _inside(folder: Path) -> Iterator[Path]:
    yield from folder.iterdir() if folder.is_dir() else ()


def _runbooks(wiring: Wiring) -> str:
    """Copy them as a drill does, into a folder that is gone afterwards."""
    from drp.materials import copy_used

    own = wiring.site.runbook_folders[0]
    if not own.is_dir():
        return say("none: drp's own")
    with tempfile.TemporaryDirectory(prefix="drp-doctor-") as place:
        try:
            copy_used(own, Path(place))
        except OSError as error:
            raise ConfigError(
                say(
                    "{filename} cannot be read: {strerror}",
                    filename=error.filename or own,
                    strerror=error.strerror or error,
                ),
                hint=say("everything in {own} must be readable for whoever holds drills", own=own),
            ) from error
    return str(own)


def _repository(wiring: Wiring, name: str, location: Location) -> str:
    """Try it as a drill does, with a cache that is gone afterwards: this user may not be the one who holds drills."""
    with tempfile.TemporaryDirectory(prefix="drp-doctor-") as cache:
        repository = wiring.make_repositories(Path(cache), [name])[name]
        abilities = repository.preflight()
    if abilities.remarks:
        raise RepositoryError("; ".join(abilities.remarks[:3]), hint=say("see `drp repo points {name}`", name=name))
    if (folder := location.folder) is not None and (closed := _closed_below(folder)) is not None:
        hint = say("let the user that runs drp read it, and no more than that")
        raise AccessDenied(say("this user may not read {closed}", closed=closed), hint=hint)
    tool = say("{tool} {version}", tool=abilities.tool, version=abilities.tool_version)
    return say("{tool}, object lock", tool=tool) if abilities.object_lock else tool


def _drill(wiring: Wiring, name: str) -> str:
    """Make its plan with the digests of all that it uses, load its checks, and look at its software images."""
    plan = wiring.declarable(wiring.site.plan(name))
    wiring.check_verifiers(plan)
    wiring.check_records(plan)
    for image in (image for recovery in plan.recoveries for image in recovery.application.software):
        folder = Path(image.image)
        if not folder.is_dir():
            raise NotFound(
                say("software image {folder} is no directory", folder=folder),
                hint="lay the software there, see `drp app image`",
            )
        _readable_folder(folder)
    room = precheck(wiring, plan, repositories=False)
    recoveries = len(plan.recoveries)
    there = say("{recoveries} recoveries, room: {state}", recoveries=recoveries, state=word(STATES, room.state))
    return joined((there, *map(sentence, room.reasons)))
