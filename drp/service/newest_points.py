"""Looks at the repositories for the newest recovery point of every application, briefly and without leaving a trace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from drp.domain.application import Application
from drp.domain.newest_point import NewestPoint, newest_of
from drp.domain.phrase import NOTHING, Duration, joined, say
from drp.domain.repository_port import Repository
from drp.errors import DrpError
from drp.service.asking import Asked, ask
from drp.service.wiring import Wiring
from drp.service.worm.expected_points import Expectations

_SECONDS = 10.0
"""A monitoring system waits no longer than that for one answer of a repository."""
_ALL_SECONDS = 30.0
"""Nor longer than that for all answers: what does not even fail, such as a dead mount, hides nobody else's."""


def newest_points(
    wiring: Wiring, applications: Iterable[Application], *, notes: bool = False
) -> Mapping[str, NewestPoint]:
    """Return what the repositories of every application list now; whatever keeps one from answering is told in it.

    ``notes``: what came and went of their points is noted in the register.
    """
    concerned = [application for application in applications if application.repositories]
    names = sorted({name for application in concerned for name in application.repositories})
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="drp-status-", ignore_cleanup_errors=True) as cache:
        repositories = wiring.make_repositories(Path(cache), names, most_seconds=_SECONDS)
        looks = {
            name: _look(
                wiring,
                repository,
                [one for one in concerned if name in one.repositories],
                Expectations(wiring, name, writes=notes),
            )
            for name, repository in repositories.items()
        }
        asked = ask(looks, _ALL_SECONDS)
    return {
        application.name: _merged(_answer(asked[name], name, application) for name in application.repositories)
        for application in concerned
    }


def _answer(asked: Asked[NewestPoint], repository: str, application: Application) -> NewestPoint:
    why = say("no answer within {time}", time=Duration(round(_ALL_SECONDS * 1000)))
    silent = NewestPoint(unknown=(joined([repository, why], ": "),))
    return asked.answers.get(application.name, silent)


def _look(
    wiring: Wiring, repository: Repository, applications: Iterable[Application], expectations: Expectations
) -> Iterator[tuple[str, NewestPoint]]:
    """Ask one repository, application by application; once it fails it is not asked again."""
    trouble = NOTHING
    for application in applications:
        if not trouble:
            try:
                yield application.name, _newest(wiring, repository, application, expectations)
                continue
            except DrpError as error:
                trouble = joined([repository.name, error.message], ": ")
        yield application.name, NewestPoint(unknown=(trouble,))


def _newest(
    wiring: Wiring, repository: Repository, application: Application, expectations: Expectations
) -> NewestPoint:
    listing = repository.points(application)
    missing = expectations.look(application, listing, wiring).missing
    point, future = newest_of(listing.points, wiring.clock.now().wall)
    return NewestPoint(
        at=point.consistent_at if point is not None else None,
        repository=repository.name,
        future=future,
        unreadable=len(listing.unreadable),
        missing=tuple(point[:8] for point in missing),
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
            missing=(*merged.missing, *answer.missing),
            looked=merged.looked or answer.looked,
        )
    return merged
