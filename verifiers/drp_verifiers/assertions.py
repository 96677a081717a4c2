"""Expected-against-actual statements about one value that a query returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from drp.domain.check import CheckResult, Target
from drp.domain.phrase import Phrase, counted, fact, joined, quoted, say
from drp_verifiers.inside import ask
from drp_verifiers.statements import failed, judged, passed, undetermined

Value = str | int | float | bool | None
"""What a query's single cell holds, as JSON tells it."""

_LONGEST_NUMBER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A query for one value, and what the value must be. Raises ValueError when nothing is asserted."""

    name: str
    """What the check is called."""
    sql: str
    """One row, one column."""
    equals: str | int | float | bool | None = None
    """What the value must be."""
    at_least: int | float | None = None
    """The least that it may be."""
    at_most: int | float | None = None
    """The most that it may be."""
    matches: str | None = None
    """Regular expression, searched inside the sandbox: restored content could make it run for ever."""
    database: str | None = None
    """Where to ask, for servers with several databases."""

    def __post_init__(self) -> None:
        """Refuse an assertion that asserts nothing."""
        if self.equals is None and self.at_least is None and self.at_most is None and self.matches is None:
            raise ValueError(say("say what is expected: equals, at_least, at_most or matches"))

    @property
    def expected(self) -> Phrase:
        """Return what is expected, in words."""
        parts = []
        if self.equals is not None:
            parts.append(fact("value-equals", "equals {value}", value=str(self.equals)))
        if self.at_least is not None:
            parts.append(fact("value-at-least", "at least {value}", value=str(self.at_least)))
        if self.at_most is not None:
            parts.append(fact("value-at-most", "at most {value}", value=str(self.at_most)))
        if self.matches is not None:
            parts.append(fact("value-matches", "matches {pattern}", pattern=self.matches))
        return joined(parts, ", ")


def judge_rows(assertion: Assertion, rows: list[object], target: Target, *, timeout_seconds: float) -> CheckResult:
    """Return the result for the rows that came back, each a mapping or list of columns or a bare value."""
    check, statement = f"assertion {assertion.name}", quoted(assertion.name)
    if len(rows) > 1:
        return undetermined(
            check,
            statement,
            observed=fact("more-than-one-row", "more than one row"),
            expected=fact("one-row-one-column", "one row, one column"),
        )
    if not rows:
        return failed(check, statement, observed=fact("no-row", "no row"), expected=assertion.expected)
    cells = _cells(rows[0])
    if len(cells) != 1 or not isinstance(cells[0], str | int | float | bool | None):
        return undetermined(
            check,
            statement,
            observed=counted("so-many-columns", "{n} column", "{n} columns", len(cells)),
            expected=fact("one-row-one-column", "one row, one column"),
        )
    return judge_value(assertion, cells[0], target, timeout_seconds=timeout_seconds)


def _cells(row: object) -> list[object]:
    if isinstance(row, dict):
        return list(row.values())
    return row if isinstance(row, list) else [row]


def judge_value(assertion: Assertion, value: Value, target: Target, *, timeout_seconds: float) -> CheckResult:
    """Return the result for one value; NULL meets no expectation."""
    check, statement, expected = f"assertion {assertion.name}", quoted(assertion.name), assertion.expected
    if value is None:
        return failed(check, statement, observed=fact("null", "NULL"), expected=expected)
    observed = quoted(str(value)[:400])
    holds = (
        (assertion.equals is None or same(value, assertion.equals))
        and _bounded(value, assertion.at_least, lambda number, bound: number >= bound)
        and _bounded(value, assertion.at_most, lambda number, bound: number <= bound)
    )
    if not holds or assertion.matches is None:
        return judged(check, statement, holds=holds, observed=observed, expected=expected)
    answer = ask(target, "match", {"pattern": assertion.matches, "text": str(value)}, timeout_seconds=timeout_seconds)
    if answer.trouble is not None:
        return answer.trouble.result(check, statement, expected=expected)
    if answer.data.get("matches") is True:
        return passed(check, statement, observed=observed, expected=expected)
    return failed(check, statement, observed=observed, expected=expected)


def same(value: Value, expected: Value) -> bool:
    """Return whether a value is the expected one: numbers by value, booleans only with booleans, texts exactly."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(expected, str):
        return isinstance(value, str) and value == expected
    left, right = number(value), number(expected)
    return left is not None and left == right


def number(value: Value) -> Decimal | None:
    """Return a value as an exact finite number, or None when it is none."""
    if value is None or isinstance(value, bool) or len(str(value)) > _LONGEST_NUMBER:
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _bounded(value: Value, bound: float | None, holds: Callable[[Decimal, Decimal], bool]) -> bool:
    if bound is None:
        return True
    found = number(value)
    return found is not None and holds(found, Decimal(str(bound)))
