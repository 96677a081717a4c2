"""Judges what GNU Health answered of signed reports and attachments: content that the application itself can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, counted, fact, say, several
from drp_verifiers.amounts import listed
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.failures import failure
from drp_verifiers.inside import number_of, texts_of
from drp_verifiers.statements import failed, judged, passed, undetermined


class Asked(Protocol):
    """The options that say what is expected of them."""

    @property
    def signed_reports(self) -> str: ...  # noqa: D102 - named by itself
    @property
    def models(self) -> tuple[str, ...]: ...  # noqa: D102 - the same


def reports(
    data: Mapping[str, object], errors: Mapping[str, object], options: Asked
) -> Iterator[CheckResult | NotJudged]:
    """Yield whether signed reports are what was signed, where there are any or must be."""
    check = "signed-reports"
    statement = fact(
        "signed-reports-have-digest", "every signed laboratory report still has the digest it was signed with"
    )
    answered = data.get("reports")
    found = answered if isinstance(answered, dict) else {}
    if "reports" in errors:
        yield failed(check, statement, observed=failure(errors["reports"]))
    elif number_of(found, "looked"):
        altered, looked = number_of(found, "altered"), number_of(found, "looked")
        seen = counted("reports-number", "{n} report", "{n} reports", looked)
        if altered:
            named = several([name[:60] for name in texts_of(found, "listed")])
            seen = fact(
                "reports-altered", "{number} of {all} altered: {named}", number=altered, all=looked, named=named
            )
        expected = fact("none-altered", "none altered")
        yield judged(check, statement, holds=not altered, observed=seen, expected=expected)
    elif options.signed_reports == "required":
        yield failed(
            check,
            statement,
            observed=fact("no-signed-report", "there is no signed report at all"),
            expected=fact("at-least-one", "at least one"),
        )
    else:
        yield NotJudged(part=say("signed laboratory reports"), why=fact("there-are-none", "there are none"))


def attachments(data: Mapping[str, object], errors: Mapping[str, object], options: Asked) -> CheckResult | NotJudged:
    """Return whether the newest attachments can be read, and are what was attached."""
    check = "attachments"
    statement = fact("attachments-can-be-read", "the newest attachments can be read and are what was attached")
    if "attachments" in errors:
        return failed(check, statement, observed=failure(errors["attachments"]))
    answered = data.get("attachments")
    found = answered if isinstance(answered, dict) else {}
    looked, bad = number_of(found, "looked"), number_of(found, "bad")
    expected = fact("attachments-readable", "{number} readable", number=looked)
    if bad:
        observed = fact(
            "attachments-cannot", "{number} of {all} cannot: {named}", number=bad, all=looked, named=_bad(found)
        )
        return failed(check, statement, observed=observed, expected=expected)
    if not looked:
        held = whole_numbers(data.get("counts")).get("ir.attachment") if "ir.attachment" in options.models else None
        if held == 0:
            return NotJudged(part=say("attachments"), why=fact("there-are-none", "there are none"))
        observed = fact("none-read-nor-counted", "none was read, and nobody counted them")
        if held is not None:
            observed = counted(
                "none-read-of-some", "none was read, and there is {n}", "none was read, and there are {n}", held
            )
        return undetermined(check, statement, observed=observed)
    observed = fact("attachments-read", "{number} read", number=looked)
    return passed(check, statement, observed=observed, expected=expected)


def _bad(found: Mapping[str, object]) -> Phrase:
    """Return the first attachments that cannot be read or are others, each with why."""
    value = found.get("listed")
    told = []
    for each in value if isinstance(value, list) else ():
        match each:
            case [str(name), ["empty"]]:
                told.append(say("{name}: empty", name=name[:80]))
            case [str(name), ["altered"]]:
                told.append(say("{name}: altered", name=name[:80]))
            case [str(name), why]:
                told.append(say("{name}: {why}", name=name[:80], why=failure(why)))
    return listed(told, named=5)
