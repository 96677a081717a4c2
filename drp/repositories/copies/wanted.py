"""What an application asks of a repository of dated folders, and whether its folders could have it at all."""

from __future__ import annotations

import posixpath

from drp.domain.application import Application, PointFilter
from drp.domain.phrase import say
from drp.errors import RepositoryError
from drp.repositories.copies.found import Refused
from drp.repositories.copies.pattern import FolderPattern
from drp.repositories.copies.settings import CopiesSettings


def require_told(settings: CopiesSettings, application: Application) -> None:
    """Require that some name can tell tags and host: otherwise no folder ever could be the application's."""
    wanted = application.points
    told = {part for text in settings.patterns for part in FolderPattern(text).parts}
    missing = [name for name, asked in (("tag", wanted.tags), ("host", wanted.host)) if asked and name not in told]
    if missing or len(wanted.tags) > 1:
        names = {"name": settings.name, "application": application.name}
        raise RepositoryError(
            say(
                "repository {name}: its `folders` tell no {{{part}}}, and {application} asks for more in `points`",
                part=missing[0],
                **names,
            )
            if missing
            else say(
                "repository {name}: its `folders` tell one {{tag}} at most, and {application} asks for more in "
                "`points`",
                **names,
            ),
            hint="add it to `folders` in repositories.yml, or leave it out of the application's `points`",
        )


def wanted_root(settings: CopiesSettings, application: Application) -> str:
    """Return the path that the application's points are of."""
    return application.points.path or settings.root


def wanted_below(settings: CopiesSettings, application: Application) -> str:
    """Return where what is asked for lies in a folder. Raises ``RepositoryError`` when no folder has it."""
    root, sub_path = wanted_root(settings, application), application.backup_job.sub_path
    if sub_path and posixpath.relpath(sub_path, root).split("/")[0] == "..":
        raise RepositoryError(
            say(
                "repository {name}: {application} has the sub-path {sub_path}, and points hold {root}",
                name=settings.name,
                application=application.name,
                sub_path=sub_path,
                root=root,
            ),
            hint=say("name a path at or below that one in `backup.sub_path`, or correct `points.path`"),
        )
    below = posixpath.relpath(root, settings.root)
    if below.split("/")[0] == "..":
        raise RepositoryError(
            say(
                "repository {name}: {application} asks for {path}, and folders hold {root}",
                name=settings.name,
                application=application.name,
                path=root,
                root=settings.root,
            ),
            hint="name a path at or below the repository's `root`, or correct `root` in repositories.yml",
        )
    return below


def may_be_of(refused: Refused, wanted: PointFilter) -> bool:
    """Return whether it may be a point of the application, for all that is known of it."""
    other_tag = bool(refused.tag and wanted.tags) and refused.tag not in wanted.tags
    return not other_tag and (not refused.host or wanted.host in {None, refused.host})
