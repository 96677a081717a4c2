"""Recovery points as whoever asks for a drill names them."""

from __future__ import annotations

from contextlib import suppress

from drp.domain.phrase import say
from drp.domain.plan import PlannedRecovery
from drp.errors import NotFound, RepositoryError
from drp.service.wiring import Wiring


def must_have_point(wiring: Wiring, recovery: PlannedRecovery) -> None:
    """Raise ``NotFound`` when the repository answers, and has no such point of the application."""
    asked = recovery.selection.point or ""
    with suppress(RepositoryError):  # whether it can be used is for the drill to say, and to record
        listing = wiring.repositories()[recovery.repository].points(recovery.application)
        if listing.emptied:  # the drill looks for an instant at which it was whole
            return
        if not any(point.id.startswith(asked) for point in listing.points):
            message = say(
                "repository {repository} has no recovery point {asked} of {name}",
                repository=recovery.repository,
                asked=asked,
                name=recovery.application.name,
            )
            raise NotFound(message, hint=say("see `drp repo points {repository}`", repository=recovery.repository))
