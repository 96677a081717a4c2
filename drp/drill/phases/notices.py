"""What a runbook saw and hands over as ``drp_notices``, as findings. It is untrusted, and malformed is not absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.runbook import (
    FILES_BESIDE,
    HELD_BACK,
    LOG_BREAKS_OFF,
    NOTICES_MALFORMED,
    RESTORED_UNUSED,
    SETTING_OVERRIDDEN,
)
from drp.domain.phrase import Phrase, fact
from drp.domain.runbook import MALFORMED, Notice, NoticeKind, RunbookResult
from drp.domain.runbook_words import words_of
from drp.domain.terms import others
from drp.domain.visible import one_line

OUTPUT = "drp_notices"
LIMIT = "drp_limit"
_MOST = 200
_NAMED_PER_KIND = 20
_LONGEST = 300
_FIELDS = {"kind", "subject", "observed"}
_SAID = "said"
"""Beside them, where a text has data in it: the message by which drp knows it."""
_CODES: Mapping[NoticeKind, tuple[FindingCode, Phrase]] = {
    "unused": (RESTORED_UNUSED, fact("all-used", "everything in a declared folder is used")),
    "beside": (FILES_BESIDE, fact("one-kind-of-files", "files of one kind")),
    "held-back": (HELD_BACK, fact("nothing-acts-by-itself", "nothing acts by itself in a drill")),
    "overridden": (SETTING_OVERRIDDEN, fact("value-of-the-drill", "the drill's own value")),
    "breaks-off": (LOG_BREAKS_OFF, fact("whole-entry-at-end", "a whole entry at the end")),
}


def notice_findings(result: RunbookResult) -> tuple[Finding, ...]:
    """Return a finding for each notice of a runbook, bounded by kind; one more when they cannot be read."""
    handed_over = result.outputs.get(OUTPUT)
    if handed_over is None:
        return ()
    if not isinstance(handed_over, list):
        return (_malformed(fact("no-list", "{kind} instead of a list", kind=type(handed_over).__name__)),)
    found: list[Finding] = []
    read = [_read(item) for item in handed_over[:_MOST]]
    for kind, (code, expected) in _CODES.items():
        notices = list(dict.fromkeys(notice for notice in read if notice is not None and notice.kind == kind))
        found += [
            code.finding(subject=notice.subject, observed=notice.observed, expected=expected)
            for notice in notices[:_NAMED_PER_KIND]
        ]
        if len(notices) > _NAMED_PER_KIND:
            more = len(notices) - _NAMED_PER_KIND
            found.append(
                code.finding(
                    subject=others(more),
                    observed=fact("notices-all", "{n} in all", n=len(notices)),
                    expected=expected,
                )
            )
    unread = read.count(None) + max(0, len(handed_over) - _MOST)
    if unread:
        found.append(
            _malformed(fact("notices-unread", "{unread} of {n} cannot be read", unread=unread, n=len(handed_over)))
        )
    return tuple(found)


def limit_of(result: RunbookResult) -> str:
    """Return why a runbook could not go on for want of something on this machine; empty: that was not the reason."""
    return _line(result, LIMIT)


def malformed_of(result: RunbookResult) -> str:
    """Return what of a run was not of its declared form; empty: all was."""
    return _line(result, MALFORMED)


def _line(result: RunbookResult, name: str) -> str:
    said = result.outputs.get(name)
    return one_line(said, _LONGEST) if isinstance(said, str) else ""


def _malformed(observed: Phrase) -> Finding:
    return NOTICES_MALFORMED.finding(
        subject=OUTPUT,
        observed=observed,
        expected=fact("list-kind-subject-observed", "a list of kind, subject, observed"),
    )


def _read(item: object) -> Notice | None:
    if not isinstance(item, Mapping) or set(item) - {_SAID} != _FIELDS or item["kind"] not in get_args(NoticeKind):
        return None
    subject, observed, said = item.get("subject"), item.get("observed"), item.get(_SAID)
    if not isinstance(subject, str) or not isinstance(observed, str) or not subject:
        return None
    with_data = said if isinstance(said, Mapping) else {}
    return Notice(
        kind=item["kind"],
        subject=words_of(subject, with_data.get("subject")),
        observed=words_of(observed, with_data.get("observed")),
    )
