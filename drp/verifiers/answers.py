"""What a verifier yielded, made fit for the evidence: of the right kind, printable, bounded, and with its witness."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from typing import get_args

from drp.domain.check import CheckOutcome, CheckResult, Watermark
from drp.domain.check_runner import Answer
from drp.domain.judged import Basis, NotJudged
from drp.domain.phrase import fact, quoted
from drp.domain.restored_code import MOST, RestoredCode
from drp.domain.visible import one_line
from drp.domain.witness import Place, Witness, stamped
from drp.redact import redact

_LONGEST_TEXT = 2000


def checked(answer: object) -> Answer:
    """Return the answer if it is what the contract promises, else that it is not."""
    statement = fact("verifier-states-results", "the verifier states results")
    if isinstance(answer, NotJudged) and isinstance(answer.part, str) and isinstance(answer.why, str):
        return answer
    if isinstance(answer, RestoredCode) and isinstance(answer.name, str) and isinstance(answer.digest, str):
        return answer
    if not isinstance(answer, CheckResult):
        return undetermined("verifier", statement, f"it yielded {type(answer).__name__}")
    texts = (answer.check, answer.statement, answer.observed, answer.expected, answer.because)
    if (
        answer.basis not in get_args(Basis)
        or answer.witness not in get_args(Witness)
        or answer.outcome not in get_args(CheckOutcome)
        or not all(isinstance(text, str) for text in texts)
    ):
        return undetermined("verifier", statement, f"it yielded a malformed result: {answer!r}")
    if answer.watermark is not None and not _is_watermark(answer.watermark):
        observed = fact(
            "gave-watermark-without-time",
            "it gave a watermark without time zone, or a malformed one: {watermark}",
            watermark=repr(answer.watermark),
        )
        return dataclasses.replace(answer, outcome="undetermined", observed=observed, watermark=None, undated=True)
    return answer


def _is_watermark(found: object) -> bool:
    """Return whether a plugin's watermark can be judged: an instant with its zone, and a skew that is one."""
    return (
        isinstance(found, Watermark)
        and found.at.tzinfo is not None
        and 0 <= found.clock_skew_seconds < math.inf
        and isinstance(found.canary, bool)
        and isinstance(found.store, str)
    )


def undetermined(check: str, statement: str, observed: str) -> CheckResult:
    """Return a statement that could not be judged."""
    # whether it would have dated the newest datum nobody knows
    return CheckResult(
        check=check, outcome="undetermined", statement=quoted(statement), observed=quoted(observed), undated=True
    )


def presentable(name: str, place: Place, result: CheckResult) -> CheckResult:
    """Return the result under its check's name, printable, and with the witness that its place tells."""
    watermark = result.watermark
    if watermark is not None:
        watermark = dataclasses.replace(watermark, source=text_of(watermark.source), store=text_of(watermark.store))
    return dataclasses.replace(
        result,
        check=f"{name}/{text_of(result.check)}",
        witness=stamped(place, result.witness),
        statement=quoted(text_of(result.statement)),
        observed=quoted(text_of(result.observed)),
        expected=quoted(text_of(result.expected)),
        because=f"{name}/{text_of(result.because)}" if result.because else "",
        watermark=watermark,
    )


def code_of(name: str, answers: Sequence[Answer]) -> tuple[RestoredCode, ...]:
    """Return the code that a check met, bounded; of more than can be kept, one that stands for the rest."""
    met = [answer for answer in answers if isinstance(answer, RestoredCode)]
    kept = tuple(
        RestoredCode(name=text_of(one.name), digest=text_of(one.digest), check=text_of(name)) for one in met[:MOST]
    )
    if len(met) <= MOST:
        return kept
    rest = hashlib.sha256("\n".join(f"{one.digest} {one.name}" for one in met[MOST:]).encode("utf-8", "replace"))
    return (
        *kept,
        RestoredCode(name=f"{len(met) - MOST} more", digest=f"sha256:{rest.hexdigest()}", check=text_of(name)),
    )


def text_of(text: str) -> str:
    """Return a text that cannot act on a terminal, tells no secret and has an end: content of backups is in it."""
    return one_line(redact(text[: _LONGEST_TEXT * 2]), _LONGEST_TEXT)
