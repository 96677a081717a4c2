"""The points that a drill is shown, held against the ledger of those that are expected."""

from __future__ import annotations

from drp.domain.findings.expected_points import LEDGER_UNREAD
from drp.domain.findings.finding import Finding
from drp.domain.phrase import fact, own_words
from drp.domain.recovery_point import PointListing
from drp.domain.worm.expected import compare
from drp.domain.worm.points import Expected
from drp.drill.context import PhaseContext
from drp.errors import DrpError


class Expectation:
    """What was expected of a repository before its points are listed."""

    def __init__(self, context: PhaseContext) -> None:
        """Read the ledger; that it cannot be read is a finding, and stops no drill."""
        self._context, self._known = context, None
        self._found: tuple[Finding, ...] = ()
        self._ledger = context.ports.ledger
        if self._ledger is not None:
            try:
                self._known = self._ledger.known(context.recovery.repository)
            except DrpError as error:
                self._found = (_unread(context, error),)

    def findings(self, listing: PointListing) -> tuple[Finding, ...]:
        """Return what a listing shows, and note it: raised first, since it is told otherwise once it is noted."""
        known: Expected | None = self._known
        if known is None or self._ledger is None:
            return self._found
        context = self._context
        found = compare(known, context.recovery.application, listing, context.declared_at)
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
