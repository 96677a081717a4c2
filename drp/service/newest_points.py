"""Looks at the repositories for the newest recovery point of every application, briefly and without leaving a trace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from drp.domain.application import Application
from drp.domain.newest_point import NewestPoint, newest_of
from drp.domain.repository_port import Repository
from drp.errors import DrpError
from drp.service.wiring import Wiring

_SECONDS = 10.0
"""A monitoring system waits no longer than that for one repository."""


def newest_points(wiring: Wiring, applications: Iterable[Application]) -> Mapping[str, NewestPoint]:
    """Return what the repositories of every application list now; whatever keeps one from answering is told in it."""
    concerned = [application for application in applications if application.repositories]
    names = sorted({name for application in concerned for name in application.repositories})
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="drp-status-") as cache, ThreadPoolExecutor(len(names)) as pool:
        repositories = wiring.make_repositories(Path(cache), names, most_seconds=_SECONDS)
        looks = {
            name: pool.submit(_look, wiring, repository, [one for one in concerned if name in one.repositories])
            for name, repository in repositories.items()
        }
        answers = {name: look.result() for name, look in looks.items()}
    return {
        application.name: _merged(answers[name][application.name] for name in application.repositories)
        for application in concerned
    }


def _look(wiring: Wiring, repository: Repository, applications: Iterable[Application]) -> Mapping[str, NewestPoint]:
    """Ask one repository, application by application; once it fails it is not asked again."""
    found: dict[str, NewestPoint] = {}
    trouble = ""
    for application in applications:
        if not trouble:
            try:
                found[application.name] = _newest(wiring, repository, application)
                continue
            except DrpError as error:
                trouble = f"{repository.name}: {error.message}"
        found[application.name] = NewestPoint(unknown=(trouble,))
    return found


def _newest(wiring: Wiring, repository: Repository, application: Application) -> NewestPoint:
    listing = repository.points(application)
    point, future = newest_of(listing.points, wiring.clock.now().wall)
    return NewestPoint(
        at=point.consistent_at if point is not None else None,
        repository=repository.name,
        future=future,
        unreadable=len(listing.unreadable),
        looked=True,
    )


def _merged(answers: Iterable[NewestPoint]) -> NewestPoint:
    """Return what all repositories together say: after a disaster the newest point of any of them counts."""
    merged = NewestPoint()
    for answer in answers:
        if answer.at is not None and (merged.at is None or answer.at > merged.at):
            merged = replace(merged, at=answer.at, repository=answer.repository)
        merged = replace(
            merged,
            future=(*merged.future, *answer.future),
            unknown=(*merged.unknown, *answer.unknown),
            unreadable=merged.unreadable + answer.unreadable,
            looked=merged.looked or answer.looked,
        )
    return merged
