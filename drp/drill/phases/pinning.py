"""Binds a recovery to the exact object versions of an instant, where its repository keeps versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from drp.domain.findings.finding import Finding
from drp.domain.findings.pinned import (
    ALTERED,
    DATED_AHEAD,
    NOT_PINNED,
    PERHAPS_TAMPERED,
    READ_BELOW,
    TAMPERED,
    UNSTEADY,
    VERSION_GONE,
)
from drp.domain.phrase import Instant, fact, say
from drp.domain.ports import Repository
from drp.domain.repository_port import PinnedView, PinnedViews
from drp.domain.terms import others
from drp.domain.worm.pinned import Pinned, Served
from drp.drill.context import PhaseContext
from drp.errors import AccessDenied, RepositoryError, UsageError

_NAMED = 5
_AHEAD = timedelta(minutes=1)
"""So much later than its own time, a store's dates are worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a recovery restores from."""

    repository: Repository
    pinned: Pinned | None = None
    """None: what is there by name."""
    findings: tuple[Finding, ...] = ()


def bind(context: PhaseContext) -> Bound:
    """Return the view that the recovery is bound to from now on, or its repository where there is none.

    Raises what `PinnedViews` names.
    """
    repository, name = context.ports.repositories[context.recovery.repository], context.recovery.repository
    as_of = context.recovery.selection.as_of
    if not isinstance(repository, PinnedViews):
        view = None
    else:
        try:
            view = repository.pinned(context.drill, as_of)
        except AccessDenied as error:
            if as_of is not None:
                raise
            observed = fact("versions-not-listed", "versions cannot be listed: {error}", error=error.message)
            expected = fact("bound-to-versions", "a drill that is bound to versions")
            return Bound(
                repository=repository,
                findings=(NOT_PINNED.finding(subject=name, observed=observed, expected=expected),),
            )
    if view is None:
        if as_of is not None:
            raise UsageError(
                say("repository {name} keeps no versions: it cannot be seen as of an earlier instant", name=name),
                hint="leave `--as-of` out, or restore an older point with `--point`",
            )
        return Bound(repository=repository)
    return Bound(repository=view.repository, pinned=view.pinned, findings=tuple(_findings(name, view)))


def view_again(context: PhaseContext) -> PinnedView | None:
    """Return the view that the recovery was bound to when its point was selected; None: to none.

    Raises ``RepositoryError`` when not all of its versions are there any more, and what `PinnedViews` names.
    """
    pinned = context.outputs.select.pinned if context.outputs.select is not None else None
    if pinned is None:
        return None
    repository = context.ports.repositories[context.recovery.repository]
    view = repository.pinned(context.drill, pinned.at) if isinstance(repository, PinnedViews) else None
    if view is None or view.pinned.digest != pinned.digest:
        raise RepositoryError(
            say(
                "repository {name} does not have the versions any more that the drill is bound to, as of {at}",
                name=context.recovery.repository,
                at=Instant(pinned.at),
            ),
            hint="find out who deleted versions for good, and run the drill again: it is bound to what is there",
        )
    return view


def bound_repository(context: PhaseContext) -> Repository:
    """Return what the recovery restores from. Raises as `view_again` does."""
    view = view_again(context)
    return view.repository if view is not None else context.ports.repositories[context.recovery.repository]


def served_findings(served: Served) -> Iterator[Finding]:
    """Yield what the store could not give of what it had, and what it gave otherwise."""
    there = fact("version-was-there", "in the bucket, as it was when the drill was bound to it")
    for each in served.gone[:_NAMED]:
        observed = fact("version-is-gone", "version {version} is gone", version=each.version)
        yield VERSION_GONE.finding(subject=each.key, observed=observed, expected=there)
    if (more := len(served.gone) - _NAMED) > 0:
        observed = fact("gone-in-all", "{n} are gone in all", n=len(served.gone))
        yield VERSION_GONE.finding(subject=others(more), observed=observed, expected=there)
    named = fact("bytes-of-that-digest", "bytes whose SHA-256 is its name")
    for each in served.altered[:_NAMED]:
        observed = (
            fact("digest-of-version", "version {version}: SHA-256 {digest}", version=each.version, digest=each.digest)
            if each.digest
            else fact("other-length", "version {version}: not as long as the store said", version=each.version)
        )
        yield ALTERED.finding(subject=each.key, observed=observed, expected=named)
    if (more := len(served.altered) - _NAMED) > 0:
        observed = fact("altered-in-all", "{n} have other bytes in all", n=len(served.altered))
        yield ALTERED.finding(subject=others(more), observed=observed, expected=named)


def below_findings(served: Served) -> Iterator[Finding]:
    """Yield what was read from below something newer."""
    bare = fact("nothing-over-it", "nothing over the version that is needed")
    for each in served.below[:_NAMED]:
        read = each.read.version
        observed = (
            fact("below-a-marker", "version {version}, below the delete marker {over}", version=read, over=each.over)
            if each.marker
            else fact("below-a-version", "version {version}, below version {over}", version=read, over=each.over)
        )
        yield READ_BELOW.finding(subject=each.read.key, observed=observed, expected=bare)
    if (more := len(served.below) - _NAMED) > 0:
        observed = fact("below-in-all", "{n} were hidden in all", n=len(served.below))
        yield READ_BELOW.finding(subject=others(more), observed=observed, expected=bare)


def _findings(name: str, view: PinnedView) -> Iterator[Finding]:
    pinned = view.pinned
    whole = fact("nothing-hidden-or-overwritten", "nothing hidden, and nothing written twice")
    if pinned.tampering:
        code = PERHAPS_TAMPERED if pinned.why == "now" else TAMPERED
        yield code.finding(subject=name, observed=pinned.tampering, expected=whole)
    same = fact("same-in-both-listings", "the same in both listings")
    for key in view.unsteady[:_NAMED]:
        yield UNSTEADY.finding(subject=key, observed=fact("in-one-listing", "in one of them only"), expected=same)
    if (more := len(view.unsteady) - _NAMED) > 0:
        yield UNSTEADY.finding(
            subject=others(more),
            observed=fact("unsteady-in-all", "{n} in all", n=len(view.unsteady)),
            expected=same,
        )
    if pinned.why == "now" and view.newest is not None and view.newest - pinned.at > _AHEAD:
        observed = fact("newest-version-dated", "the newest version is dated {at}", at=Instant(view.newest))
        expected = fact("by-store-s-clock", "{at} at most, by its own clock", at=Instant(pinned.at))
        yield DATED_AHEAD.finding(subject=name, observed=observed, expected=expected)
