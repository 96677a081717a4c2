"""What `drp repo points` says of points that are expected, and `drp repo accept`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drp.cli import render
from drp.cli.asking import asking_account
from drp.codec import to_data
from drp.domain.findings.finding import Finding
from drp.domain.phrase import Instant, Phrase, count, own_words, say
from drp.errors import UsageError
from drp.service.wiring import Wiring
from drp.service.worm.expected_points import accept


def grave(findings: Iterable[Finding]) -> bool:
    """Return whether somebody has to answer for what was found."""
    return any(finding.severity == "critical" for finding in findings)


def show_expected(findings: Sequence[Finding], trouble: Phrase) -> None:
    """Print what the ledger of expected points knows otherwise, and what keeps it from knowing."""
    for finding in findings:
        mark = "✗" if finding.severity == "critical" else "!" if finding.severity == "warning" else "·"
        render.line(
            say(
                "{mark} {code} {subject}: {observed} (expected: {expected})",
                mark=mark,
                code=finding.code,
                subject=finding.subject,
                observed=finding.observed,
                expected=finding.expected,
            )
        )
    for remedy in dict.fromkeys(finding.remedy for finding in findings if finding.severity == "critical"):
        render.note(say("HINT: {hint}", hint=remedy))
    if trouble:
        render.note(own_words(trouble))


def accepted(
    wiring: Wiring, name: str, points: Sequence[str], *, everything: bool, by: str | None, reason: str, machine: bool
) -> None:
    """Write down that somebody answers for points that are gone, and print which. Raises UsageError, NotFound."""
    from drp.schedule.people import sound_reason

    if bool(points) == everything:
        raise UsageError(say("which points?"), hint="name them with --point, or all that are told with --all")
    who = asking_account() if by is None else sound_reason(by)
    known = accept(wiring, name, points, everything=everything, by=who, reason=sound_reason(reason))
    if machine:
        document = {"repository": name, "by": who, "reason": sound_reason(reason), "points": to_data(known)}
        render.document("drp/accepted-points/1", document)
        return
    for each in known:
        render.line(
            say(
                "{application} {point} of {at}",
                application=each.application,
                point=each.point[:8],
                at=Instant(each.consistent_at),
            )
        )
    render.line(count("{n} point accepted by {by}", "{n} points accepted by {by}", len(known), by=who))
