"""The points that a drill is shown, held against the ledger of those that are expected."""

from __future__ import annotations

from datetime import timedelta

from drp.domain.findings.expected_points import LEDGER_UNREAD
from drp.domain.findings.finding import Finding
from drp.domain.phrase import fact, own_words
from drp.domain.recovery_point import PointListing
from drp.domain.worm.expected import compare, standing
from drp.domain.worm.pinned import Pinned
from drp.domain.worm.points import Expected
from drp.drill.context import PhaseContext
from drp.errors import DrpError

_SETTLED = timedelta(seconds=5)
"""A view of now ends a moment ago, by the store's clock: what another host noted since then is not in it."""


class Expectation:
    """What was expected of a repository before its points are listed."""

    def __init__(self, context: PhaseContext) -> None:
        """Read the ledger; that it cannot be read is a finding, and stops no drill."""
        self._context, self._known = context, None
        self._found: tuple[Finding, ...] = ()
        self._ledger = context.ports.ledger
        self._read_at = context.declared_at
        if self._ledger is not None:
            self._read_at = context.ports.clock.now().wall
            try:
                self._known = self._ledger.known(context.recovery.repository)
            except DrpError as error:
                self._found = (_unread(context, error),)

    def findings(self, listing: PointListing, pinned: Pinned | None = None) -> tuple[Finding, ...]:
        """Return what a listing shows, and note it: raised first, since it is told otherwise once it is noted.

        A view of the past has not what came later, and nothing is concluded from that.
        """
        known: Expected | None = self._known
        if known is None or self._ledger is None:
            return self._found
        context = self._context
        application = context.recovery.application
        if pinned is not None and pinned.why != "now":
            return standing(known, application)
        settled = self._read_at - _SETTLED if pinned is not None else None
        found = compare(known, application, listing, context.declared_at, settled=settled)
        context.found(*found.findings)
        try:
            self._ledger.note(context.recovery.repository, found.new, found.lost)
        except DrpError as error:
            return (*found.findings, _unread(context, error))
        return found.findings


def _unread(context: PhaseContext, error: DrpError) -> Finding:
    return LEDGER_UNREAD.finding(
        subject=context.recovery.repository,
        observed=fact("ledger-failed", "{why}", why=own_words(error.message)),
        expected=fact("ledger-read", "a ledger that can be read and written"),
    )
