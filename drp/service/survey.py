"""Looks at a repository that no site describes yet, and lays down a site of what is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from drp.config.draft import NAME, Found, files
from drp.config.locations import Given
from drp.config.secrets import resolve
from drp.config.site import check_site
from drp.config.template import lay_site, require_no_site
from drp.config.whereabouts import Secrets, place_of, settings_of
from drp.domain.application import Application, Objectives
from drp.domain.newest_point import newest_of
from drp.domain.phrase import say
from drp.domain.repository_port import PointsLookedInto, Repository
from drp.domain.survey import Proposal, Proposals, proposals, split
from drp.errors import AccessDenied, DrpError, NotFound, RepositoryError
from drp.machine import available_memory
from drp.repositories.copies.guess import guessed
from drp.repositories.kind import create
from drp.repositories.locations.medium import LABEL_FILE, Medium

_ANY = Application(
    name=NAME,
    title=NAME,
    tier=9,
    objectives=Objectives(rto=timedelta(days=1), rpo=timedelta(days=1)),
    repositories=(NAME,),
    runbook=None,
)
"""Whose points all are."""
_OF_RESTIC = ("config", "keys", "snapshots")
_MOST_LISTED = 50
"""Applications whose newest point is looked into for folders."""


def describe(
    directory: Path,
    said: str,
    secrets: Secrets,
    *,
    given: Given | None = None,
    executable: str = "",
    apart: bool = False,
) -> Found:
    """Lay down a site for the repository at a place, and return what is there; nothing is written before it is valid.

    ``apart``: folders at the top of a point are applications of their own. Raises what `survey` and `lay_site` do.
    """
    require_no_site(directory)
    found = survey(said, secrets, given=given, executable=executable)
    found = replace(found, proposals=split(found.proposals)) if apart else found
    inventory = files(found)
    with tempfile.TemporaryDirectory(prefix="drp-init-") as place:
        trial = Path(place, "site")
        lay_site(trial, inventory)
        if problems := check_site(trial):
            raise DrpError(say("what was to be written is not valid: {problem}", problem=problems[0]))
    lay_site(directory, inventory)
    return found


def survey(said: str, secrets: Secrets, *, given: Given | None = None, executable: str = "") -> Found:
    """Return what the repository at a place holds, as its backup tool writes the place.

    Raises UsageError for a place that drp does not read, NotFound where there is no repository or no point, ConfigError
    for a secret that cannot be read, and what the Repository port names, ``AccessDenied`` for a wrong key above all.
    """
    entry = _entry(place_of(said, given or Given()), secrets)
    if executable and entry["kind"] == "restic":
        entry["executable"] = str(Path(executable).absolute()) if "/" in executable else executable
    with tempfile.TemporaryDirectory(prefix="drp-init-", ignore_cleanup_errors=True) as cache:
        repository = create(settings_of(NAME, entry), resolve=resolve, cache_directory=Path(cache))
        return _found(entry, repository)


def _found(entry: Mapping[str, Any], repository: Repository) -> Found:
    abilities = repository.preflight()
    listing = repository.points(_ANY)
    if not listing.points:
        broken = next(iter(listing.unreadable or abilities.remarks), "")
        if broken:
            message = say("no recovery point can be read: {broken}", broken=broken)
            raise RepositoryError(message, hint=say("check it with its own tool first"))
        raise NotFound(say("there is no recovery point in it"), hint=say("make a backup first, then describe it"))
    found = proposals(listing.points)
    if not found.applications:
        message = say("none of its recovery points can be described: {first}", first=found.left_out[0])
        raise NotFound(message, hint=say("let its backup jobs tag what they back up: app=NAME"))
    newest, _ = newest_of(listing.points, max(point.consistent_at for point in listing.points))
    assert newest is not None
    return Found(
        entry=entry,
        tool=f"{abilities.tool} {abilities.tool_version}",
        proposals=_with_folders(repository, found),
        lock=repository.immutability(newest),
        unreadable=listing.unreadable,
        passed_over=tuple(f"{each.name}: {each.reason}" for each in listing.passed_over),
        memory_bytes=available_memory(),
    )


def _entry(location: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """Return the entry of a site for a place, by what kind of repository is there."""
    if "directory" not in location:
        return {"kind": "restic", "location": location, "password": secrets.password()}
    folder = Path(location["directory"])
    location = _on_medium(folder) or location
    try:
        if sum((folder / name).exists() for name in _OF_RESTIC) > 1:
            return {"kind": "restic", "location": location, "password": secrets.password()}
        dated = guessed(folder)
    except PermissionError as error:
        hint = say("let the user that runs drp read it, and no more than read")
        message = say("{folder} may not be read: {why}", folder=folder, why=os.strerror(error.errno or 0))
        raise AccessDenied(message, hint=hint) from error
    except OSError as error:
        message = say("no repository at {folder}: {why}", folder=folder, why=os.strerror(error.errno or 0))
        raise NotFound(message, hint=say("check the path")) from error
    if dated:
        return {"kind": "copies", "location": location, **dated}
    raise NotFound(
        say(
            "no repository at {folder}: neither one of restic (config, keys, snapshots) nor folders named by dates",
            folder=folder,
        ),
        hint=say("name the repository itself, not a folder above it; of an attached medium, the folder on it"),
    )


def _on_medium(folder: Path) -> dict[str, Any] | None:
    """Return the location of a folder on a medium that names itself; None: it lies on none, as far as is told."""
    for mount in (folder, *folder.parents):
        if (mount / LABEL_FILE).is_file() and (label := Medium(mount, "").found_label()):
            path = str(folder.relative_to(mount))
            return {"medium": {"mount": str(mount), "label": label, "path": path}}
    return None


def _with_folders(repository: Repository, found: Proposals) -> Proposals:
    """Add what the newest points hold at their top, where the kind can tell: that may be several applications."""
    if not isinstance(repository, PointsLookedInto):
        return found
    listed = tuple(_listed(repository, each) for each in found.applications[:_MOST_LISTED])
    return replace(found, applications=(*listed, *found.applications[_MOST_LISTED:]))


def _listed(repository: PointsLookedInto, each: Proposal) -> Proposal:
    if each.folders:
        return each
    try:
        return replace(each, folders=_said(repository.folders_in(each.newest)))
    except DrpError:  # a drill of it says what is wrong
        return each


def _said(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return those that a site's file can say."""
    return tuple(each for each in folders if len(each) <= 400 and not any(0xD800 <= ord(one) < 0xE000 for one in each))
