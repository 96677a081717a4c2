"""Reads a referent's results from a YAML file, strictly: every problem with its line, nothing guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from drp.config.document import Unreadable, read_document
from drp.config.problems import Problem, suggestion
from drp.config.schema import Strict
from drp.config.validate import validate
from drp.domain.phrase import say
from drp.domain.sign_off import LONGEST_TEXT, Checklist, StepResult
from drp.errors import UsageError


class ResultFile(Strict):
    """What was seen at one step."""

    outcome: Literal["passed", "failed"]
    """passed, or failed."""
    comment: str = Field(default="", max_length=LONGEST_TEXT)
    """What was seen instead, or anything worth keeping."""


class ResultsFile(Strict):
    """A referent's answer: `results`, one for each step, and a `comment` on the whole."""

    results: dict[str, Literal["passed", "failed"] | ResultFile]
    """By the id of the step: passed, failed, or {outcome: …, comment: …}."""
    comment: str = Field(default="", max_length=LONGEST_TEXT)
    """On the application as a whole."""


def read_results(path: Path, checklist: Checklist) -> tuple[tuple[StepResult, ...], str]:
    """Return the results in the order of the checklist, and the comment. Raises ``UsageError`` with every problem."""
    try:
        document = read_document(path, path.name)
    except Unreadable as unreadable:
        raise _problems(list(unreadable.problems)) from None
    said, problems = validate(document, ResultsFile)
    known = [step.id for step in checklist.steps]
    if said is None:
        raise _problems(problems)
    for name in said.results:
        if name not in known:
            message = say(
                "the checklist has no step `{name}`; {suggestion}", name=name, suggestion=suggestion(name, known)
            )
            problems.append(document.problem(("results", name), message, key=True))
    problems += [
        document.problem(("results",), say("no result for `{name}`", name=name))
        for name in known
        if name not in said.results
    ]
    if problems:
        raise _problems(problems)
    return tuple(_result(name, said.results[name]) for name in known), said.comment


def _result(name: str, said: Literal["passed", "failed"] | ResultFile) -> StepResult:
    if isinstance(said, ResultFile):
        return StepResult(id=name, outcome=said.outcome, comment=said.comment)
    return StepResult(id=name, outcome=said)


def _problems(problems: list[Problem]) -> UsageError:
    return UsageError("\n".join(str(problem) for problem in problems), hint="fix the file; nothing was handed in")
