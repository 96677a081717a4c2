"""What attempts on sacrificial files mean: in directories, and behind append-only servers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from drp.domain.findings.finding import Finding
from drp.domain.findings.finding_code import FindingCode
from drp.domain.findings.hardened import FILES_LET_GO, HARDENING_UNDECIDED, SERVER_LETS_GO
from drp.domain.phrase import Phrase, fact
from drp.domain.terms import listed
from drp.domain.worm.probe import Attempt, Came, Ground, Tried, needed_of
from drp.domain.worm.probe_findings import named

Mode = Literal["files", "server"]
Said = Literal["done", "refused", "unclear"]
_LET_GO: dict[Mode, FindingCode] = {"files": FILES_LET_GO, "server": SERVER_LETS_GO}
_REFUSAL = fact("sacrifice-refusal", "it is refused, and the file stays as it is")


def came_of(said: Said, *, whole: bool | None, able: bool | None) -> tuple[Came, Ground, Phrase | None]:
    """Return what came of an attempt, of what grounds, and why.

    ``whole``: whether the file was there as before afterwards, None where nobody could look; ``able``: whether the same
    rights were shown to do the same where nothing is protected.
    """
    if whole is None:
        return "undecided", "", fact("sacrifice-unseen", "nobody could look afterwards")
    if not whole:
        if said == "done":
            return "succeeded", "", fact("sacrifice-done", "it was done")
        return (
            "succeeded",
            "",
            fact("sacrifice-gone-silently", "the file is gone, or another one, whatever was answered"),
        )
    if said == "done":
        return "ignored", "", fact("sacrifice-ignored", "it was said to be done, and the file is as it was")
    if said == "unclear":
        return "undecided", "", fact("sacrifice-unclear", "the answer says nothing of the protection")
    if able:
        return "refused", "lock", None
    if able is None:
        return (
            "undecided",
            "",
            fact("sacrifice-uncontrolled", "nobody knows whether these rights could do it elsewhere"),
        )
    return (
        "undecided",
        "rights",
        fact("sacrifice-no-right", "these rights could not do it where nothing is protected either"),
    )


def findings_of(tried: Sequence[Tried], mode: Mode) -> Iterator[Finding]:
    """Yield what the attempts mean: what came through, and what nobody was shown to be refused."""
    through = [each for each in tried if each.came in {"succeeded", "ignored"}]
    if through:
        what = tuple(dict.fromkeys(named(each) for each in through))
        seen = tuple(dict.fromkeys(_seen(each) for each in through))
        yield _LET_GO[mode].finding(
            subject=listed(what, None, "; "), observed=listed(seen, None, "; "), expected=_REFUSAL
        )
    held = {each.attempt for each in tried if each.came == "refused" and each.ground == "lock"}
    told: set[Attempt] = set()
    for each in tried:
        lacking = each.came in {"undecided", "not-probed"} and each.attempt in needed_of(mode) - held - told
        if lacking:
            told.add(each.attempt)
            yield HARDENING_UNDECIDED.finding(subject=named(each), observed=_seen(each), expected=_REFUSAL)


def _seen(each: Tried) -> Phrase:
    if each.why and each.answer:
        return fact("sacrifice-answered", "{why} ({answer})", why=each.why, answer=each.answer)
    return each.why or fact("sacrifice-answer", "the answer was {answer}", answer=each.answer)
