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
from drp.domain.phrase import fact
from drp.domain.reconciliation.result import Dangling, ExceptionUse, ReferenceResult, Way

Attributed = tuple[str, Finding]


def apart_findings(result: ReferenceResult, way: Way) -> Iterator[Attributed]:
    """Yield one finding for each kind of keys that dangle one way, with the application that lacks them."""
    for part in way.kinds:
        code = _code(result, way, part)
        observed = fact(
            "findings-apart-holds-lacks",
            "{holder} holds, {lacking} lacks: {listed}",
            holder=way.holder,
            lacking=way.lacking,
            listed=listed(part.listed, part.count),
        )
        if part.oldest_at is not None and part.newest_at is not None:
            observed = observed.then(
                fact("findings-apart-dated", ", dated {span}", span=span(part.oldest_at, part.newest_at))
            )
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
                    forms=", ".join(part.forms),
                    forms_there=", ".join(part.forms_there),
                )
            )
        yield (
            way.lacking,
            code.finding(
                subject=f"{result.name}: {part.count} of {max(way.keys, part.count)}",
                observed=observed,
                expected=fact("most", "at most {tolerate}", tolerate=result.tolerate)
                if result.tolerate and part.kind != "recent"
                else fact("none", "none"),
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
    for name, several in uses.items():
        expired, count = any(use.expired for use in several), sum(use.count for use in several)
        broad = any(use.broad for use in several)
        if not (expired or broad or not count):
            continue
        said = [f"expired on {several[0].expires}"] if expired else []
        said += ["fits keys of both applications, so it excepts nothing recent"] if broad else []
        said += [f"fits {count} keys that dangle"] if count else ["fits no key that dangles"]
        yield (
            application,
            EXCEPTION_OUT_OF_DATE.finding(
                subject=f"{result.name}: {name}",
                observed="; ".join(said),
                expected=fact(
                    "until",
                    "{reason} ({owner}), until {expires}",
                    reason=several[0].reason,
                    owner=several[0].owner,
                    expires=several[0].expires,
                ),
            ),
        )


def span(oldest: datetime, newest: datetime) -> str:
    """Return two instants, or one."""
    if oldest == newest:
        return f"{oldest:%Y-%m-%dT%H:%M:%SZ}"
    return fact(
        "to", "{oldest} to {newest}", oldest=f"{oldest:%Y-%m-%dT%H:%M:%SZ}", newest=f"{newest:%Y-%m-%dT%H:%M:%SZ}"
    )


def listed(keys: tuple[str, ...], total: int) -> str:
    """Return keys, and how many more there are."""
    more = total - len(keys)
    return ", ".join(keys) + (f" and {more} more" if more > 0 else "")
