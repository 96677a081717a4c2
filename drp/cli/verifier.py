"""`drp verifier`: what verifiers there are, and trying one on any running system."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from drp.cli import render
from drp.cli.context import wiring_of
from drp.cli.noun import noun
from drp.cli.verifier_facts import facts_app, libpq, options_of
from drp.cli.verifier_options import show_options
from drp.cli.witness_views import MOST_CODE, who
from drp.cli.words import word
from drp.clock import utc_now
from drp.codec import to_data
from drp.domain.application import CheckSpec
from drp.domain.check import Checked, Expectation, Target
from drp.domain.phrase import joined, say
from drp.domain.strict_json import parse
from drp.domain.terms import OUTCOMES
from drp.errors import UsageError
from drp.manifests.header_check import LIMITS
from drp.reporting.words import BASES
from drp.service.kept import kept_target
from drp.verifiers.loading import available, load
from drp.verifiers.local import LocalTarget
from drp.verifiers.running import Checks

app = noun("Verifiers: what looks at restored applications.", needs_verb=True)
app.add_typer(facts_app, name="facts")
_EXIT = {"passed": 0, "failed": 1, "undetermined": 3}

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_verifiers(
    name: Annotated[str | None, typer.Argument(help="Show this verifier's options.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the installed verifiers, or the options of one."""
    if name is not None:
        show_options(name, as_json=as_json)
        return
    found = available()
    if as_json:
        render.document("drp/verifiers/1", {"verifiers": [to_data(description) for description in found]})
    else:
        rows = [(item.name, item.distribution, item.version, item.source) for item in found]
        render.table(("name", "distribution", "version", "source"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Verifier, as `drp verifier list` names it.")], as_json: AsJson = False
) -> None:
    """Show one verifier: where it comes from, and what each of its options means."""
    show_options(name, as_json=as_json)


@app.command("try")
def try_verifier(
    name: Annotated[str, typer.Argument(help="Verifier, as `drp verifier list` names it.")],
    context: typer.Context,
    target: Annotated[
        str,
        typer.Option(help="Drill that keeps its sandbox, as DRILL or DRILL/APP; or `local`: this machine, as is."),
    ],
    option: Annotated[
        list[str] | None, typer.Option(help="key=value; the value is YAML, a dotted key reaches inside. Repeatable.")
    ] = None,
    facts_file: Annotated[
        Path | None, typer.Option("--facts", help="JSON of `drp verifier facts`, to compare with.")
    ] = None,
    disaster_at: Annotated[
        datetime | None, typer.Option(help="Instant of the disaster, UTC; default: now.", formats=["%Y-%m-%dT%H:%M:%S"])
    ] = None,
    timeout: Annotated[float, typer.Option(help="Time limit in seconds.", min=1)] = 300.0,
    as_json: AsJson = False,
) -> None:
    """Run one verifier against a running system. Exit status: 0 passed, 1 failed, 3 something could not be judged."""
    now = utc_now()
    expectation = Expectation(
        facts=_facts_of(facts_file),
        disaster_at=now if disaster_at is None else disaster_at.replace(tzinfo=now.tzinfo),
        consistent_at=now,
        declared_at=now,
        timeout_seconds=timeout,
    )
    gentle = dict(getattr(load([name])[name], "gentle_options", {})) if target == "local" else {}
    if gentle:
        render.note(
            say(
                "looking at a system in use, so by default: {gentle}",
                gentle=", ".join(f"{key}={gentle[key]}" for key in gentle),
            )
        )
    spec = CheckSpec(name=name, verifier=name, options={**gentle, **options_of(option or [])})
    checks = Checks([spec])
    # all of it where the system runs: whoever tries a check sees what it says, and no evidence comes of it
    system = _target(context, target)
    parts = [checks.run(spec, place, system, expectation, lambda: False) for place in checks.places(spec)]
    checked = Checked(
        results=tuple(replace(result, witness="restored") for part in parts for result in part.results),
        not_judged=tuple(left_out for part in parts for left_out in part.not_judged),
        code=tuple(piece for part in parts for piece in part.code),
    )
    if as_json:
        render.document("drp/check-results/1", to_data(checked))
    else:
        _render(checked)
    outcomes = {result.outcome for result in checked.results}
    worst = next(outcome for outcome in ("failed", "undetermined", "passed") if outcome in outcomes)
    raise typer.Exit(_EXIT[worst])


def _target(context: typer.Context, target: str) -> Target:
    if target == "local":
        return LocalTarget(libpq())
    drill, _, application = target.partition("/")
    return kept_target(wiring_of(context), drill, application or None)


def _render(checked: Checked) -> None:
    results = checked.results
    rows = [
        (
            word(OUTCOMES, result.outcome),
            result.check,
            BASES.get(result.basis, result.basis),
            who(result.witness),
            render.duration(result.duration_ms),
            result.observed,
        )
        for result in results
    ]
    render.table(("outcome", "check", "basis", "who says so", "took", "observed"), rows)
    for result in results:
        if result.outcome != "passed" and result.expected:
            render.line(
                say("{check}: expected {expected}", check=result.check, expected=render.printable(result.expected))
            )
    counted = Counter(result.outcome for result in results)
    told = [
        say("{n} {outcome}", n=number, outcome=word(OUTCOMES, outcome)) for outcome, number in sorted(counted.items())
    ]
    render.line(joined(told, ", "))
    for piece in checked.code[:MOST_CODE]:
        render.line(
            say(
                "restored code: {name} {digest}",
                name=render.printable(piece.name),
                digest=render.printable(piece.digest),
            )
        )
    if len(checked.code) > MOST_CODE:
        render.line(say("restored code: {n} pieces more", n=len(checked.code) - MOST_CODE))
    for left_out in checked.not_judged:
        render.line(
            say("not judged: {part} ({why})", part=render.printable(left_out.part), why=render.printable(left_out.why))
        )


def _facts_of(file: Path | None) -> dict[str, object]:
    """Return the facts of a file. Raises UsageError when it is none."""
    if file is None:
        return {}
    try:
        data = parse(file.read_bytes(), LIMITS)
    except (OSError, ValueError) as error:
        raise UsageError(say("--facts {file}: {error}", file=file, error=error)) from error
    if not isinstance(data, dict):
        raise UsageError(say("--facts {file}: holds no JSON object", file=file))
    return data
