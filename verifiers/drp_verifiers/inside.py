"""Runs drp's own small programs inside the sandbox: ``payload/*.py``, on the Python of the sandbox, one JSON answer.

The program travels as an argument and its request on standard input, so nothing is written into the sandbox. What
comes back is untrusted: it is only ever read as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from drp.domain.check import Commands, Execution
from drp.domain.phrase import fact, say
from drp.domain.strict_json import Limits, Malformed, parse, parse_object
from drp_verifiers.statements import Trouble, death, why_it_ended

ANSWER = Limits(size=64 << 20, depth=100, largest=0, half_pairs=True)
"""What restored data hold may nest, be large, or be no UTF-8."""
_TOLD, _LONGEST_TOLD = b"drp says ", 4096
PYTHON = "/usr/bin/python3"
_IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a program answered; with ``trouble`` it did not, and ``data`` is empty."""

    data: Mapping[str, object] = field(default_factory=dict)
    trouble: Trouble | None = None


def _parts(program: str) -> list[str]:
    """Return the payload programs that one imports, each after those that it imports itself."""
    found: list[str] = []
    for name in _IMPORT.findall(_source(program)):
        if (files("drp_verifiers") / "payload" / f"{name}.py").is_file():
            found += [part for part in (*_parts(name), name) if part not in found]
    return found


@cache
def _source(program: str) -> str:
    return (files("drp_verifiers") / "payload" / f"{program}.py").read_text(encoding="utf-8")


@cache
def whole_program(program: str) -> str:
    """Return a payload program with the others that it imports, as one text."""
    lines = ["import sys, types"]
    for part in _parts(program):
        lines += [
            f"module = types.ModuleType({part!r})",
            f"exec(compile({_source(part)!r}, {part + '.py'!r}, 'exec'), module.__dict__)",
            f"sys.modules[{part!r}] = module",
        ]
    return "\n".join([*lines, _source(program)])


def ask(
    target: Commands,
    program: str,
    request: Mapping[str, object],
    *,
    timeout_seconds: float,
) -> Answer:
    """Run the payload program ``program``, with those that it imports, inside and return its answer.

    The program ends with 0 and one JSON object; anything else is trouble: death by signal fails, the rest is
    undetermined.
    """
    execution = target.run(
        (PYTHON, "-I", "-c", whole_program(program)),
        stdin=json.dumps(request).encode(),
        timeout_seconds=timeout_seconds,
    )
    trouble = death(say("the {program} program inside the sandbox", program=program), execution)
    if trouble is not None:
        return Answer(trouble=trouble)
    if execution.exit_code != 0:
        reason = fact(
            "program-inside-sandbox-ended",
            "the {program} program inside the sandbox ended with {exit_code}: {why}",
            program=program,
            exit_code=str(execution.exit_code),
            why=why_it_ended(execution),
        )
        return Answer(trouble=Trouble(outcome="undetermined", reason=reason))
    try:
        return Answer(data=parse_object(execution.stdout, ANSWER))
    except Malformed as error:
        reason = fact(
            "program-inside-sandbox-gave",
            "the {program} program inside the sandbox gave a malformed answer: {error}",
            program=program,
            error=error,
        )
        return Answer(trouble=Trouble(outcome="undetermined", reason=reason))


def told_at_end(execution: Execution) -> object:
    """Return what a program of drp's that runs others said last on standard error instead; None: nothing."""
    last = execution.stderr[-_LONGEST_TOLD:].rstrip(b"\n").rpartition(b"\n")[2]
    try:
        return parse(last.removeprefix(_TOLD), ANSWER) if last.startswith(_TOLD) else None
    except Malformed:
        return None


def text_of(data: Mapping[str, object], key: str) -> str:
    """Return a text of an answer, empty when it is absent or is something else."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def number_of(data: Mapping[str, object], key: str) -> int:
    """Return a whole number of an answer; raises ValueError when it is absent or is something else."""
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(say("the answer has no number {key}", key=repr(key)))  # noqa: TRY004 - what came from outside is wrong, not a type of ours
    return value


def texts_of(data: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return a list of texts of an answer; what is no text is left out."""
    value = data.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
