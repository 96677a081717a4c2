"""The ``command`` verifier: a site's own program, run inside the sandbox, in any language.

It ends with 0 (passed), 1 (failed) or anything else (could not judge), and may print statements as JSON lines::

    {"check": "orders", "outcome": "failed", "observed": "11", "expected": "12"}
    {"watermark": "2026-11-20T10:00:00Z", "source": "newest order", "store": "orders"}

A canary says that its own ``store`` is idle, and nothing of another; a line that names none is a store of its own.
Its exit and its lines must agree: a program that ends with 0 after a failed statement has failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from drp.domain.check import CheckOutcome, CheckResult, Execution, Expectation, Target
from drp.domain.judged import Part
from drp.domain.local_time import require_one_zone
from drp.domain.phrase import counted, fact, quoted, say
from drp.domain.strict_json import Limits, Malformed, parse
from drp_verifiers.statements import death, failed, passed, undetermined, why_it_ended
from drp_verifiers.watermarks import Newest, judge, undated

_MOST_LINES = 1000
_ROOT = "{restored_root}"
_LINE = Limits(size=65536, half_pairs=True)
_LONGEST_NAME = 300
_OUTCOMES: tuple[CheckOutcome, ...] = ("passed", "failed", "undetermined")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOptions:
    """What is run. Raises ValueError when nothing is."""

    argv: tuple[str, ...]
    """Program and its arguments, ``{restored_root}`` for the restored tree; there is no shell unless you name one."""
    stdin: str = ""
    """What the program is given to read."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Likewise. Never put secrets here: plans are no place for them."""
    beside: bool = False
    """Run in the application's own sandbox, to see its processes, /run and /tmp; there it can be reached by it."""
    zone: str = ""
    """Zone of watermarks that are printed without one, such as ``Europe/Paris``; otherwise they cannot be judged."""

    def __post_init__(self) -> None:
        """Refuse an empty command, and a zone that nobody knows."""
        if not self.argv or not self.argv[0]:
            raise ValueError("argv: name a program")
        require_one_zone(self.zone, assume_utc=False)


class CommandVerifier:
    """Runs one command and believes neither its exit nor its lines alone."""

    name: ClassVar[str] = "command"
    Options: ClassVar[type] = CommandOptions
    parts: ClassVar[tuple[Part, ...]] = (
        Part(
            name=say("what the site's own program looks at"),
            judged="observed",
            words=fact("statements-how-ends", "its statements and how it ends"),
        ),
        Part(
            name=say("what it does not look at"),
            judged="not judged",
            words=fact("only-author-knows", "only its author knows"),
        ),
    )

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[CheckResult]:
        """Yield one result a line, then one for the command itself."""
        assert isinstance(options, CommandOptions)
        root = expectation.restored_root
        argv = [word.replace(_ROOT, root) for word in options.argv]
        execution = target.run(
            argv,
            stdin=options.stdin.encode(),
            timeout_seconds=expectation.timeout_seconds,
            environment={name: value.replace(_ROOT, root) for name, value in options.environment.items()},
        )
        results = list(_statements(options, execution, expectation))
        yield from results
        yield _whole(argv[0], execution, {result.outcome for result in results})


def _whole(program: str, execution: Execution, outcomes: set[CheckOutcome]) -> CheckResult:
    statement = fact("program-finds-all-right", "{program} finds everything right", program=program)
    if (trouble := death(program, execution)) is not None:
        return trouble.result("exit", statement)
    ended = observed = fact("ended-with", "ended with {exit_code}", exit_code=str(execution.exit_code))
    if words := why_it_ended(execution):
        observed = fact("ended-with-words", "{ended}: {words}", ended=ended, words=words)
    if execution.exit_code == 0:
        if "failed" in outcomes:
            return failed(
                "exit",
                statement,
                observed=fact(
                    "ended-but-failed",
                    "{ended}, but a statement failed: it contradicts itself",
                    ended=ended,
                ),
            )
        if "undetermined" in outcomes:
            return undetermined(
                "exit",
                statement,
                observed=fact("ended-but-undetermined", "{ended}, but a statement could not be judged", ended=ended),
            )
        return passed("exit", statement, observed=observed, expected=fact("ends-with-0", "ends with 0"))
    if execution.exit_code == 1:
        return failed("exit", statement, observed=observed, expected=fact("ends-with-0", "ends with 0"))
    return undetermined("exit", statement, observed=observed, expected=fact("ends-with-0-or", "ends with 0 or 1"))


def _statements(options: CommandOptions, execution: Execution, expectation: Expectation) -> Iterator[CheckResult]:
    lines = [line for line in execution.stdout.split(b"\n") if line.lstrip().startswith(b"{")]
    for number, line in enumerate(lines[:_MOST_LINES], start=1):
        yield _statement(number, line, options, expectation)
    if len(lines) > _MOST_LINES:
        yield undetermined(
            "lines",
            fact("at-most-statements", "at most {most} statements", most=_MOST_LINES),
            observed=counted("lines-number", "{n} line", "{n} lines", len(lines)),
        )


def _statement(number: int, line: bytes, options: CommandOptions, expectation: Expectation) -> CheckResult:
    try:
        data = parse(line, _LINE)
    except Malformed:
        data = None
    if not isinstance(data, dict):
        return undetermined(
            f"line {number}",
            fact("statement-as-one-json", "a statement as one JSON object"),
            observed=quoted(repr(line[:100])),
        )
    dated, check, outcome = "watermark" in data, _text(data, "check"), data.get("outcome")
    if dated and outcome in {None, "passed"}:
        return _watermark(number, data, options, expectation)
    if not check or outcome not in _OUTCOMES:
        observed = quoted(repr(line[:200]))
        unclear = undetermined(
            f"line {number}",
            fact("statement-with-check-outcome", "a statement with check and outcome"),
            observed=observed,
        )
        return undated(unclear) if dated else unclear
    return CheckResult(
        check=check,
        outcome=outcome,
        statement=quoted(_text(data, "statement") or check),
        observed=quoted(_text(data, "observed")),
        expected=quoted(_text(data, "expected")),
        undated=dated,
    )


def _watermark(
    number: int, data: Mapping[str, object], options: CommandOptions, expectation: Expectation
) -> CheckResult:
    """Return the watermark of a line; a statement that passed may bring one along."""
    instant, check = data["watermark"], _text(data, "check") or "newest"
    source = Newest(query=_text(data, "source") or "command", canary=data.get("canary") is True, zone=options.zone)
    store = _text(data, "store") or f"{' '.join(options.argv)[:_LONGEST_NAME]}, line {number}"
    return judge(None if instant is None else str(instant), source, expectation, store=f"command {store}", check=check)


def _text(data: Mapping[str, object], key: str) -> str:
    value = data.get(key)
    return "" if value is None else str(value)
