"""Looks at the newest recovery point of every application: there, readable, immutable, young, bound to a manifest.

Nothing is restored and no evidence written: a look is no drill. Which points were there is noted in the register.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from drp.domain.application import Application
from drp.domain.coverage import in_order
from drp.domain.findings.finding import Finding
from drp.domain.phrase import Duration, quoted, say
from drp.domain.plan import PlannedRecovery
from drp.domain.point_check import ApplicationCheck, PlaceCheck, Trouble, check_of
from drp.domain.recovery_point import PointListing
from drp.errors import ConfigError, NotFound, Unreachable, UsageError
from drp.manifests.directory import ManifestDirectory
from drp.service.asking import Asked, ask
from drp.service.point_look import Look
from drp.service.wiring import Wiring
from drp.service.worm.expected_points import Expectations

SECONDS = 30.0
"""So long one repository has for everything that is asked of it, unless somebody says otherwise."""


def check_points(wiring: Wiring, only: Sequence[str] = (), *, seconds: float = SECONDS) -> tuple[ApplicationCheck, ...]:
    """Return what the repositories show of every application, or of some; all are asked at the same time.

    One that is absent, or that does not answer within ``seconds``, hides no other. Raises ``NotFound``.
    """
    site, broken = wiring.site, dict(_broken(wiring, only))
    chosen = [site.application(name) for name in only if name not in broken] or list(site.applications.values())
    chosen = [] if only and len(broken) == len(only) else chosen
    recoveries = _recoveries(wiring)
    names = sorted({name for application in chosen for name in application.repositories})
    manifests = ManifestDirectory(site.manifests_directory)
    with tempfile.TemporaryDirectory(prefix="drp-check-", ignore_cleanup_errors=True) as cache:
        repositories = wiring.make_repositories(Path(cache), names, most_seconds=seconds)
        looks = {
            name: Look(
                wiring.clock,
                repositories[name],
                manifests,
                recoveries,
                partial(_unexpected, Expectations(wiring, name), wiring),
            ).at([application for application in chosen if name in application.repositories])
            for name in names
        }
        asked = ask(looks, seconds)
    now = wiring.clock.now().wall
    found = [
        check_of(
            application,
            tuple(_answer(asked[name], name, application, seconds) for name in application.repositories),
            now,
        )
        for application in in_order({application.name: application for application in chosen})
    ]
    return (*found, *broken.values())


def _unexpected(
    expectations: Expectations, wiring: Wiring, application: Application, listing: PointListing
) -> Iterable[Finding]:
    return expectations.look(application, listing, wiring).findings


def _broken(wiring: Wiring, only: Sequence[str]) -> Iterator[tuple[str, ApplicationCheck]]:
    """Yield applications whose files are invalid: what they ask for is unknown, which is told and stops no other."""
    for (kind, name), problems in wiring.site.broken.items():
        if kind == "application" and (not only or name in only):
            trouble = Trouble(
                state="unknown",
                aspect="there",
                words=quoted(problems[0]),
                hint=say("see `drp config check`"),
                exit_status=ConfigError.exit_status,
            )
            yield name, ApplicationCheck(application=name, title=name, tier=0, troubles=(trouble,))


def _recoveries(wiring: Wiring) -> tuple[tuple[str, PlannedRecovery], ...]:
    """Return every recovery that a drill of the site plans, with the drill's name; broken drills plan none."""
    found: list[tuple[str, PlannedRecovery]] = []
    for name in wiring.site.drills:
        try:
            found += [(name, recovery) for recovery in wiring.site.plan(name).recoveries]
        except (ConfigError, NotFound, UsageError):
            continue  # `drp config check` says why
    return tuple(found)


def _answer(asked: Asked[PlaceCheck], repository: str, application: Application, seconds: float) -> PlaceCheck:
    if application.name in asked.answers:
        return asked.answers[application.name]
    silent = Trouble(
        state="unknown",
        aspect="there",
        words=say("no answer within {time}", time=Duration(round(seconds * 1000))),
        hint=say("see whether it hangs; where it is only slow, give it longer with --within"),
        repository=repository,
        exit_status=Unreachable.exit_status,
    )
    return PlaceCheck(repository=repository, troubles=(silent,))
