"""What `drp status` prints of repositories: lost points, scrubs, horizons and probes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drp.cli.render import instant, printable
from drp.codec import to_data
from drp.domain.phrase import NOTHING, Phrase, count, joined, say
from drp.domain.schedule.age import days
from drp.domain.worm.standing import RepositoryStanding
from drp.service.overview import Overview


def repository_headlines(found: Overview) -> list[Phrase]:
    """Return what of the repositories belongs into the first line."""
    lines = []
    lost = sum(len(each.missing) for each in found.repositories)
    if lost:
        lines.append(count("{n} recovery point lost or altered", "{n} recovery points lost or altered", lost))
    for each in found.repositories:
        if each.damaged:
            lines.append(
                count(
                    "{n} damaged object in {name}", "{n} damaged objects in {name}", each.damaged, name=each.repository
                )
            )
        if each.let_through:
            lines.append(say("{name} let through what it should refuse", name=each.repository))
    return lines


def repository_lines(found: Overview) -> Iterator[Phrase]:
    """Yield a line for each repository that anything is known of."""
    for each in found.repositories:
        level = "-" if each.level == "ok" else each.level.upper()
        yield say(
            "{level} repository {name}  {told}",
            level=f"{level:<9}",
            name=f"{each.repository:<12}",
            told=joined([*_points(each), *_scrub(each, found), *_horizon(each, found), *_probe(each, found)]),
        )


def _points(each: RepositoryStanding) -> Iterator[Phrase]:
    if each.points:
        yield count("{n} point expected", "{n} points expected", each.points)
    for application, known in each.missing_by_application.items():
        yield count(
            "{n} point of {application} lost or altered: `drp repo points {name}`",
            "{n} points of {application} lost or altered: `drp repo points {name}`",
            len(known),
            application=application,
            name=each.repository,
        )


def _scrub(each: RepositoryStanding, found: Overview) -> Iterator[Phrase]:
    if each.scrubbed_at is None:
        return
    share = f"{int(each.covered * 100)} %" if each.covered is not None else ""
    yield say(
        "scrubbed {age} ago{covered}{damaged}",
        age=printable(days(found.now - each.scrubbed_at)),
        covered=say(", {share} ever read", share=share) if share else NOTHING,
        damaged=count(", {n} DAMAGED", ", {n} DAMAGED", each.damaged) if each.damaged else NOTHING,
    )


def _horizon(each: RepositoryStanding, found: Overview) -> Iterator[Phrase]:
    if each.newest_at is None:
        return
    point = instant(each.newest_at)
    if each.newest_forever:
        yield say("the point of {point} is held for ever", point=point)
    elif each.newest_until is None or each.newest_until <= found.now:
        yield say("the point of {point} can be deleted", point=point)
    else:
        yield say(
            "nobody can delete the point of {point} before {until}", point=point, until=instant(each.newest_until)
        )


def _probe(each: RepositoryStanding, found: Overview) -> Iterator[Phrase]:
    if each.probed_at is None:
        return
    age = printable(days(found.now - each.probed_at))
    if each.let_through:
        yield count(
            "probed {age} ago: {n} attempt SUCCEEDED",
            "probed {age} ago: {n} attempts SUCCEEDED",
            each.let_through,
            age=age,
        )
    else:
        yield say("probed {age} ago", age=age)


def repository_document(found: Overview) -> list[dict[str, Any]]:
    """Return what JSON says of repositories."""
    return [{**to_data(each), "level": each.level} for each in found.repositories]
