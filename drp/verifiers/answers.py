"""What a verifier yielded, made fit for the evidence: of the right kind, printable, bounded, and with its witness."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from functools import partial
from typing import get_args

from drp.domain.check import CheckOutcome, CheckResult, Watermark
from drp.domain.check_runner import Answer
from drp.domain.judged import Basis, NotJudged
from drp.domain.phrase import Phrase, fact, quoted, with_data
from drp.domain.restored_code import MOST, RestoredCode
from drp.domain.visible import one_line, printable
from drp.domain.witness import Place, Witness, stamped
from drp.redact import redact

_LONGEST_TEXT = 2000
_DATA_LIMITS = (_LONGEST_TEXT, 1000, 400, 120)
"""Characters of a datum: as many as let the whole end in time."""


def checked(answer: object) -> Answer:
    """Return the answer if it is what the contract promises, else that it is not."""
    statement = fact("verifier-states-results", "the verifier states results")
    if isinstance(answer, NotJudged) and isinstance(answer.part, str) and isinstance(answer.why, str):
        return answer
    if isinstance(answer, RestoredCode) and isinstance(answer.name, str) and isinstance(answer.digest, str):
        return answer
    if not isinstance(answer, CheckResult):
        yielded = fact("verifier-yielded", "it yielded {kind}", kind=type(answer).__name__)
        return undetermined("verifier", statement, yielded)
    texts = (answer.check, answer.statement, answer.observed, answer.expected, answer.because)
    if (
        answer.basis not in get_args(Basis)
        or answer.witness not in get_args(Witness)
        or answer.outcome not in get_args(CheckOutcome)
        or not all(isinstance(text, str) for text in texts)
    ):
        yielded = fact("verifier-yielded-malformed", "it yielded a malformed result: {result}", result=repr(answer))
        return undetermined("verifier", statement, yielded)
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


def undetermined(check: str, statement: Phrase, observed: Phrase) -> CheckResult:
    """Return a statement that could not be judged."""
    # whether it would have dated the newest datum nobody knows
    return CheckResult(check=check, outcome="undetermined", statement=statement, observed=observed, undated=True)


def presentable(name: str, place: Place, result: CheckResult) -> CheckResult:
    """Return the result under its check's name, printable, and with the witness that its place tells."""
    watermark = result.watermark
    if watermark is not None:
        watermark = dataclasses.replace(watermark, source=text_of(watermark.source), store=text_of(watermark.store))
    return dataclasses.replace(
        result,
        check=f"{name}/{text_of(result.check)}",
        witness=stamped(place, result.witness),
        statement=words_of(result.statement),
        observed=words_of(result.observed),
        expected=words_of(result.expected),
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


def words_of(said: str) -> Phrase:
    """Return what a verifier says with every datum in it made fit; what cannot be so in its parts, as a text."""
    phrase = quoted(said)
    for limit in _DATA_LIMITS:
        made = with_data(quoted(said), partial(text_of, limit=limit))
        assert isinstance(made, Phrase)
        phrase = made
        if len(phrase) <= _LONGEST_TEXT + 1:  # with its ellipsis
            break
    bounded = len(phrase) <= _LONGEST_TEXT + 1
    return phrase if bounded and printable(redact(phrase)) == phrase else quoted(text_of(phrase))


def text_of(text: str, limit: int = _LONGEST_TEXT) -> str:
    """Return a text that cannot act on a terminal, tells no secret and has an end: content of backups is in it."""
    return one_line(redact(text[: _LONGEST_TEXT * 2]), limit)
