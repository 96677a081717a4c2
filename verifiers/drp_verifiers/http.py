"""The ``http`` verifier: a page inside the sandbox answers with the status, the words and the values it should.

A status alone is weak evidence: an application that lost its data still answers 200, so ask for a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from drp.domain.check import CheckResult, Expectation, Target
from drp.domain.check_runner import Answer as Stated
from drp.domain.judged import Part
from drp.domain.phrase import Phrase, fact, quoted, say
from drp_verifiers.assertions import number, same
from drp_verifiers.failures import failure
from drp_verifiers.inside import Answer, ask, number_of, text_of
from drp_verifiers.restored_code import code_of_command
from drp_verifiers.statements import failed, judged, not_asked, seen_outside, undetermined


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonExpectation:
    """What a JSON pointer (RFC 6901) into the body must name. Raises ValueError when nothing is asserted."""

    pointer: str
    """Where the value is, as RFC 6901 writes it: ``/status``."""
    equals: str | int | float | bool | None = None
    """What it must be."""
    at_least: int | float | None = None
    """The least that it may be."""

    def __post_init__(self) -> None:
        """Refuse a pointer that is none, and an expectation of nothing."""
        if self.pointer and not self.pointer.startswith("/"):
            raise ValueError("a JSON pointer begins with a slash")
        if self.equals is None and self.at_least is None:
            raise ValueError("say what is expected: equals or at_least")

    @property
    def expected(self) -> Phrase:
        """Return what is expected, in words."""
        told = [] if self.equals is None else [quoted(repr(self.equals))]
        told += [] if self.at_least is None else [fact("json-at-least", "at least {bound}", bound=str(self.at_least))]
        return told[0] if len(told) == 1 else fact("json-both", "{value} and {bound}", value=told[0], bound=told[1])

    def holds(self, value: object) -> bool:
        """Return whether a value is as expected."""
        if not isinstance(value, str | int | float | bool):
            return False
        found = number(value)
        return (self.equals is None or same(value, self.equals)) and (
            self.at_least is None or (not isinstance(value, str) and found is not None and found >= self.at_least)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """What may be said about a page. Raises ValueError for an address that is not http or https."""

    url: str
    """Of the application as it is reached inside the sandbox."""
    status: int = 200
    """Status that the answer must have."""
    body_matches: str | None = None
    """Regular expression, searched inside the sandbox in the first 16 MiB."""
    json: tuple[JsonExpectation, ...] = ()
    """Values that the JSON of the answer must hold."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Never put a real password here: plans are no place for secrets."""
    verify_tls: bool = False
    """Restored certificates rarely fit a sandbox; what is judged is the answer, not the connection."""
    seconds: float = 15.0
    """For the whole answer."""

    def __post_init__(self) -> None:
        """Refuse other schemes: a file is no answer of an application."""
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("url: must begin with http:// or https://")


class HttpVerifier:
    """Fetches one page from inside the sandbox."""

    name: ClassVar[str] = "http"
    Options: ClassVar[type] = HttpOptions
    parts: ClassVar[tuple[Part, ...]] = (
        Part(
            name=say("a page that answers"),
            judged="observed",
            words=fact("status-body-this-one", "`status`, `body`: of this one address"),
        ),
        Part(
            name=say("values that the page shows"),
            judged="content",
            words=fact("json-those-options-name", "`json`: those that the options name, against what they say"),
        ),
        Part(
            name=say("all other pages, and data behind them"),
            judged="not judged",
            words=fact("status-says-nothing-them", "a status says nothing of them: ask the database"),
        ),
    )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Stated]:
        """Yield the status, then what the body must hold; a redirect is an answer and is not followed."""
        assert isinstance(options, HttpOptions)
        yield from code_of_command(target, expectation)
        request = {
            "url": options.url,
            "headers": dict(options.headers),
            "verify_tls": options.verify_tls,
            "seconds": options.seconds,
            "body_matches": options.body_matches,
            "pointers": [expected.pointer for expected in options.json],
        }
        answer = ask(target, "get", request, timeout_seconds=expectation.timeout_seconds)
        statement = fact("url-answers", "{url} answers {status}", url=options.url, status=str(options.status))
        if answer.trouble is not None:
            yield seen_outside(answer.trouble.result("status", statement))
        elif answer.data.get("answered") is not True:
            told = undetermined if answer.data.get("overdue") is True else failed  # slow says nothing of the data
            why = failure(answer.data.get("reason"))
            yield seen_outside(told("status", statement, observed=why, expected=quoted(str(options.status))))
        else:
            status = number_of(answer.data, "status")
            holds = status == options.status
            seen, expected = quoted(str(status)), quoted(str(options.status))
            yield seen_outside(judged("status", statement, holds=holds, observed=seen, expected=expected))
            yield from _body(answer, options)
            return
        yield from _unseen(options)


_BODY = fact("body-says-what-it-should", "the body says what it should")


def _holds(pointer: str) -> Phrase:
    return fact("body-holds-pointer", "the body holds {pointer}", pointer=pointer)


def _unseen(options: HttpOptions) -> Iterator[CheckResult]:
    """Yield what was declared and cannot be judged because no page came."""
    if options.body_matches is not None:
        yield not_asked("body", _BODY, because="status")
    for expected in options.json:
        yield not_asked(f"json {expected.pointer}", _holds(expected.pointer), because="status")


def _body(answer: Answer, options: HttpOptions) -> Iterator[CheckResult]:
    if options.body_matches is not None:
        yield judged(
            "body",
            _BODY,
            holds=answer.data.get("matches") is True,
            observed=quoted(repr(text_of(answer.data, "shown")[:200])),
            expected=fact("text-matches", "matches {pattern}", pattern=options.body_matches),
        )
    pointed = answer.data.get("pointed")
    found = pointed if isinstance(pointed, list) else []
    for expected, item in zip(options.json, found, strict=True):
        value = item.get("value") if isinstance(item, dict) and item.get("found") is True else None
        yield judged(
            f"json {expected.pointer}",
            _holds(expected.pointer),
            holds=expected.holds(value),
            observed=quoted(repr(value)[:200]) if value is not None else _why_none(item),
            expected=expected.expected,
        )


def _why_none(item: object) -> Phrase:
    """Return why a pointer names nothing."""
    match item.get("reason") if isinstance(item, dict) else ["no-answer"]:
        case ["no-json", str(words)]:
            return fact("body-no-json", "the body is no JSON: {words}", words=words[:200])
        case ["no-answer"]:
            return fact("no-answer", "no answer")
        case _:
            return fact("nothing-there", "nothing there")
