"""What the verifiers of clinical applications share: counts against facts, and where files and passwords are inside."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from drp.domain.check import CheckResult, Execution, Expectation, Target
from drp.domain.phrase import Phrase, fact, quoted, say
from drp_verifiers.amounts import listed
from drp_verifiers.failures import failure
from drp_verifiers.inside import ask
from drp_verifiers.statements import Trouble, death, failed, judged, undetermined, why_it_ended

_KINDS = 20
_OF_A_PACS = {str(kind): kind for kind in (say("patients"), say("studies"), say("series"), say("instances"))}
"""Words for the kinds of things that a PACS counts; others are called what the application calls them."""


def inside(path: str, expectation: Expectation) -> str:
    """Return a path inside the sandbox; relative ones are below the restored tree. Empty stays empty."""
    return posixpath.join(expectation.restored_root, path) if path else ""


def not_restored(check: str, statement: Phrase, path: str, expectation: Expectation) -> CheckResult | None:
    """Return that a path to be read is not among what was restored, None where it is.

    What lies elsewhere is the machine's own, or does not exist before the application runs: the backup is neither to
    be praised nor to be blamed for it.
    """
    place = posixpath.normpath(inside(path, expectation))
    if not path or not expectation.within or f"{place}/".startswith(f"{expectation.within}/"):
        return None
    expected = fact(
        "path-below-restored-tree",
        "a path below the restored tree; what the application makes as it starts is for a check that asks it",
    )
    return undetermined(
        check,
        statement,
        observed=fact("not-among-what-restored", "{place} is not among what was restored", place=place),
        expected=expected,
    )


def section(expectation: Expectation, name: str) -> Mapping[str, object]:
    """Return what the manifest keeps about one application, empty when it keeps nothing."""
    facts = expectation.facts.get(name)
    return facts if isinstance(facts, Mapping) else {}


def whole_numbers(value: object) -> dict[str, int]:
    """Return the whole numbers of a mapping; everything else in it is left out."""
    if not isinstance(value, Mapping):
        return {}
    return {
        key: number
        for key, number in value.items()
        if isinstance(key, str) and isinstance(number, int) and not isinstance(number, bool)
    }


def judge_counts(
    check: str,
    statement: Phrase,
    found: Mapping[str, int],
    facts: Mapping[str, object],
    *,
    uncounted: Mapping[str, Phrase] | None = None,
) -> CheckResult:
    """Compare what an application counts with ``{"counts": {kind: number}, "rule": "exact" | "at-least"}``.

    Facts taken just before a backup that also holds later writes are a lower limit. Without facts nothing is
    judged, except that an application which counts nothing at all fails: it started empty. ``uncounted`` says of
    kinds why they were not counted, which is another thing than none.
    """
    observed, unknown = numbers(found), uncounted or {}
    if found and not unknown and not any(found.values()):
        return failed(
            check,
            statement,
            observed=fact("counts-nothing", "nothing at all: {counts}", counts=observed),
            expected=fact("restored-data", "restored data"),
        )
    expected = whole_numbers(facts.get("counts"))
    if not expected:
        return undetermined(
            check,
            statement,
            observed=fact(
                "manifest-keeps-no-counts",
                "{counts}; the manifest keeps no counts to compare with",
                counts=observed,
            ),
        )
    at_least = facts.get("rule") == "at-least"
    off = [
        fact("counts-had", "{kind}: {found}, had {had}", kind=kind_words(kind), found=found.get(kind, 0), had=number)
        for kind, number in sorted(expected.items())
        if kind not in unknown
        if (found.get(kind, 0) < number if at_least else found.get(kind, 0) != number)
    ]
    wanted = numbers(expected)
    wanted = fact("counts-at-least", "at least {counts}", counts=wanted) if at_least else wanted
    if not off and (missing := sorted(kind for kind in expected if kind in unknown)):
        said = [
            fact("kind-not-counted", "{kind} was not counted: {why}", kind=kind_words(kind), why=unknown[kind])
            for kind in missing
        ]
        return undetermined(check, statement, observed=listed(said), expected=wanted)
    return judged(check, statement, holds=not off, observed=listed(off) or observed, expected=wanted, basis="counted")


def facts_answer(
    target: Target,
    program: str,
    request: Mapping[str, object],
    expectation: Expectation,
) -> Mapping[str, object]:
    """Return what a payload program says of a healthy system. Raises ValueError with the reason when it cannot."""
    answer = ask(target, program, request, timeout_seconds=expectation.timeout_seconds)
    if answer.trouble is not None:
        raise ValueError(answer.trouble.reason)
    if reason := failure(answer.data.get("reason")):
        raise ValueError(reason)
    return answer.data


def counted(data: Mapping[str, object]) -> dict[str, int]:
    """Return the counts of an answer. Raises ValueError when there are none: such facts would prove nothing."""
    counts = whole_numbers(data.get("counts"))
    if not any(counts.values()):
        raise ValueError("the system counts nothing, so there is nothing to keep")
    return counts


def numbers(counts: Mapping[str, int]) -> Phrase:
    """Return how many of each kind there are."""
    each = [say("{kind} {number}", kind=kind_words(kind), number=number) for kind, number in sorted(counts.items())]
    return listed(each, named=_KINDS, between=", ")


def kind_words(kind: str) -> Phrase:
    """Return what a kind of things is called."""
    return _OF_A_PACS.get(kind) or quoted(kind[:60])


def trouble_of(program: str, execution: Execution) -> Trouble | None:
    """Return why a client program gave no answer: died, timed out, is not there. A refusal is an answer."""
    if execution.exit_code in {126, 127}:
        return Trouble(
            outcome="undetermined",
            reason=fact(
                "cannot-run-sandbox",
                "{program} cannot be run in the sandbox: {why}",
                program=program,
                why=why_it_ended(execution),
            ),
        )
    return death(program, execution)
