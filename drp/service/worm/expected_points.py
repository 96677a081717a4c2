"""The ledger of expected points in the register: which points existed is written down wherever points are listed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from drp.domain.application import Application
from drp.domain.phrase import NOTHING, Phrase, own_words, say, several
from drp.domain.recovery_point import PointListing
from drp.domain.schedule.register import Register
from drp.domain.worm.expected import Compared, compare
from drp.domain.worm.facts import PointsAccepted, PointsNoted
from drp.domain.worm.folded import FoldedRepository
from drp.domain.worm.points import Expected, KnownPoint, LostPoint, NotedPoint
from drp.errors import DrpError, NotFound, UsageError
from drp.service.scheduled import never_held
from drp.service.wiring import Wiring

_AT_ONCE = 1000
"""So many points are noted in one entry of the register."""
_NAMED = 5


class RegisterLedger:
    """The PointsLedger port on the register."""

    def __init__(self, register: Callable[[], Register], host: str = "") -> None:
        """Take how the register is had, which is asked when it is first needed, and this machine's name."""
        self._register, self._host = register, host or socket.gethostname()

    def known(self, repository: str) -> Expected:
        """Return what is known of a repository, before its points are listed. Raises as the register does."""
        return self._register().state().repositories.get(repository, FoldedRepository()).expected

    def note(self, repository: str, new: tuple[NotedPoint, ...], lost: tuple[LostPoint, ...]) -> None:
        """Write down what has come and gone, all of it or nothing. Raises as the register does.

        Whoever noted the same meanwhile did no harm: a point is known once, and a loss counts from its first notice.
        """
        most = max(len(new), len(lost))
        events = [
            PointsNoted(
                repository=repository,
                host=self._host,
                new=new[first : first + _AT_ONCE],
                lost=lost[first : first + _AT_ONCE],
            )
            for first in range(0, most, _AT_ONCE)
        ]
        if events:
            self._register().append(*events)


class Expectations:
    """Listings of one repository held against the ledger, for who only looks: a ledger that fails stops nothing."""

    def __init__(self, wiring: Wiring, repository: str, *, writes: bool = True) -> None:
        """Read what is known. This comes before points are listed; ``writes`` False: what is found is not noted."""
        self.trouble: Phrase = NOTHING
        """Why points are not compared, or not noted; nothing: they are."""
        self._repository = repository
        self._known: Expected | None = None
        self._ledger: RegisterLedger | None = None
        if never_held(wiring):
            self.trouble = say("there is no journal yet: points are compared and noted once a drill was held")
            return
        try:
            self._open(RegisterLedger(wiring.register if writes else wiring.register_to_read))
        except DrpError as error:
            self.trouble = _not_noted(error)
            if writes:
                self._read_only(wiring)
        self._writes = writes and not self.trouble

    def _open(self, ledger: RegisterLedger) -> None:
        self._known = ledger.known(self._repository)
        self._ledger = ledger

    def _read_only(self, wiring: Wiring) -> None:
        try:
            self._open(RegisterLedger(wiring.register_to_read))
        except DrpError as error:
            self.trouble = say("points are not compared with those expected: {why}", why=own_words(error.message))

    def look(self, application: Application, listing: PointListing, wiring: Wiring) -> Compared:
        """Return what a listing shows, having noted it; not judged where the ledger cannot be read."""
        if self._known is None or self._ledger is None:
            return Compared(judged=False)
        found = compare(self._known, application, listing, wiring.clock.now().wall)
        if found.changed and self._writes:
            try:
                self._ledger.note(self._repository, found.new, found.lost)
            except DrpError as error:
                self.trouble, self._writes = _not_noted(error), False
        return found


def _not_noted(error: DrpError) -> Phrase:
    return say("points are not noted: {why}", why=own_words(error.message))


def accept(
    wiring: Wiring, repository: str, points: Sequence[str], *, everything: bool = False, by: str, reason: str
) -> tuple[KnownPoint, ...]:
    """Write down that somebody answers for points that are lost, altered or back; return which.

    ``points``: ids, or unique beginnings of them; ``everything``: all that are told now. Raises ``NotFound`` for what
    is not told of the repository, ``UsageError`` for a beginning of several points, and as the register does.
    """
    if repository not in wiring.site.repositories:
        there = several(sorted(wiring.site.repositories))
        raise NotFound(
            say("there is no repository {name}", name=repository), hint=say("there are: {names}", names=there)
        )
    if never_held(wiring):
        raise NotFound(say("there is no journal yet, so no point is missed"))
    register = wiring.register()
    state, head = register.state_at()
    folded = state.repositories.get(repository, FoldedRepository())
    told = [known for known in folded.expected.values() if known.lost_at is not None]
    chosen = told if everything else [known for asked in points for known in _meant(told, asked, repository)]
    if not chosen:
        raise NotFound(
            say("nothing is missed in {name}", name=repository), hint=say("drp repo points {name}", name=repository)
        )
    register.append(
        *(
            PointsAccepted(
                repository=repository,
                application=application,
                points=tuple(dict.fromkeys(known.point for known in chosen if known.application == application)),
                by=by,
                reason=reason,
            )
            for application in dict.fromkeys(known.application for known in chosen)
        ),
        head=head,
    )
    return tuple(dict.fromkeys(chosen))


def _meant(told: Sequence[KnownPoint], asked: str, repository: str) -> list[KnownPoint]:
    """Return the point of every application whose id begins so."""
    found = [known for known in told if asked and known.point.startswith(asked)]
    ids = sorted({known.point for known in found})
    if len(ids) > 1:
        raise UsageError(
            say("{asked} is the beginning of several points", asked=asked),
            hint=say("name more of it: {points}", points=several(ids[:_NAMED])),
        )
    if not found:
        raise NotFound(
            say("{asked} is no point that is missed in {name}", asked=asked, name=repository),
            hint=say("`drp repo points {name}` tells which are", name=repository),
        )
    return found
