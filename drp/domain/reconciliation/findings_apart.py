"""What the kinds of dangling keys, and declared exceptions, give as findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.reconciliation import (
    EXCEPTION_OUT_OF_DATE,
    KEYS_OF_STRANGE_FORM,
    OLD_REFERENCE_DANGLING,
    REFERENCE_DANGLING,
    REFERENCE_TOLERATED,
    UNDATED_REFERENCE_DANGLING,
)
from drp.domain.phrase import Instant, Phrase, fact, joined, several
from drp.domain.reconciliation.result import Dangling, ExceptionUse, ReferenceResult, Way
from drp.domain.terms import NONE, listed
from drp.domain.terms import part as part_of

Attributed = tuple[str, Finding]


def apart_findings(result: ReferenceResult, way: Way) -> Iterator[Attributed]:
    """Yield one finding for each kind of keys that dangle one way, with the application that lacks them."""
    for part in way.kinds:
        code = _code(result, way, part)
        observed = fact(
            "holds-lacks",
            "{holder} holds, {lacking} lacks: {keys}",
            holder=way.holder,
            lacking=way.lacking,
            keys=listed(part.listed, part.count),
        )
        if part.oldest_at is not None and part.newest_at is not None:
            observed = observed.then(fact("dated", ", dated {span}", span=span(part.oldest_at, part.newest_at)))
        if part.kind == "recent" and way.border_at is not None:
            observed = observed.then(
                fact(
                    "after-state",
                    ", after the state of {lacking} of {span}",
                    lacking=way.lacking,
                    span=span(way.border_at, way.border_at),
                )
            )
        if part.kind == "strange":
            observed = observed.then(
                fact(
                    "written-as-there-as",
                    "; written as {forms}, and there as {forms_there}",
                    forms=several(part.forms),
                    forms_there=several(part.forms_there),
                )
            )
        yield (
            way.lacking,
            code.finding(
                subject=part_of(result.name, part.count, max(way.keys, part.count)),
                observed=observed,
                expected=fact("at-most", "at most {tolerate}", tolerate=result.tolerate)
                if result.tolerate and part.kind != "recent"
                else NONE,
            ),
        )


def _code(result: ReferenceResult, way: Way, part: Dangling) -> FindingCode:
    tolerated = result.tolerates(way)
    match part.kind:
        case "recent":
            return REFERENCE_DANGLING
        case "older":
            return REFERENCE_TOLERATED if tolerated else OLD_REFERENCE_DANGLING
        case "undated":
            return UNDATED_REFERENCE_DANGLING if tolerated else REFERENCE_DANGLING
        case "strange":
            return REFERENCE_TOLERATED if tolerated and not part.unsettled else KEYS_OF_STRANGE_FORM


def exception_findings(application: str, result: ReferenceResult) -> Iterator[Attributed]:
    """Yield which declared exceptions no longer hold."""
    uses: dict[str, list[ExceptionUse]] = {}
    for way in result.ways:
        for use in way.exceptions:
            uses.setdefault(use.name, []).append(use)
    for name, those in uses.items():
        expired, count = any(use.expired for use in those), sum(use.count for use in those)
        broad = any(use.broad for use in those)
        if not (expired or broad or not count):
            continue
        said = [fact("expired", "expired on {expires}", expires=those[0].expires)] if expired else []
        said += [fact("too-broad", "fits keys of both applications, so it excepts nothing recent")] if broad else []
        said.append(
            fact("fits-keys-that-dangle", "fits {keys} keys that dangle", keys=count)
            if count
            else fact("fits-no-key", "fits no key that dangles")
        )
        yield (
            application,
            EXCEPTION_OUT_OF_DATE.finding(
                subject=fact("exception-of", "{reference}: {exception}", reference=result.name, exception=name),
                observed=joined(said),
                expected=fact(
                    "until",
                    "{reason} ({owner}), until {expires}",
                    reason=those[0].reason,
                    owner=those[0].owner,
                    expires=those[0].expires,
                ),
            ),
        )


def span(oldest: datetime, newest: datetime) -> Instant | Phrase:
    """Return two instants, or one."""
    if oldest == newest:
        return Instant(oldest)
    return fact("from-to", "{oldest} to {newest}", oldest=Instant(oldest), newest=Instant(newest))
