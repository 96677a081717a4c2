"""`drp explain CODE`: what a finding or an error means, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.cli.wording import spoken_line
from drp.domain.phrase import say

app = noun("Explain a finding or error code.")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(help="Such as DRP-H001; without one, all are listed.")] = None,
    machine: Json = False,
) -> None:
    """Explain a finding or error code: what it means and what to do. Without a code, list all."""
    from drp.cli import render

    known = _entries()
    if code is None:
        if machine:
            render.document("drp/codes/1", list(known.values()))
        else:
            render.table(
                ("code", "severity", "title"),
                [(e["code"], spoken_line(e["severity"]), spoken_line(e["title"])) for e in known.values()],
            )
        return
    entry = known.get(code.upper()) or known.get(f"DRP-{code.upper()}") or _missing(code, list(known))
    if machine:
        render.document("drp/code/1", entry)
        return
    title, severity = spoken_line(entry["title"]), spoken_line(entry["severity"])
    render.line(f"{entry['code']}  {title}  ({severity})")
    render.line()
    render.line(spoken_line(entry["meaning"]))
    render.line(say("what to do: {remedy}", remedy=spoken_line(entry["remedy"])))


def _entries() -> dict[str, dict[str, str]]:
    import re

    from drp import errors
    from drp.domain.findings.catalogue import CATALOGUE

    titles = dict(re.findall(r"(DRP-E\d+)  ([^(\n]+)", errors.__doc__ or ""))
    findings = [(f.code, f.severity, f.title, f.meaning, f.remedy) for f in CATALOGUE.values()]
    raised = [
        (
            error.code,
            say("exit {status}", status=str(error.exit_status)),
            titles[error.code].strip(),
            _meaning(error),
            error.default_hint,
        )
        for error in errors.walk()
    ]
    keys = ("code", "severity", "title", "meaning", "remedy")
    return {entry[0]: dict(zip(keys, entry, strict=True)) for entry in sorted([*findings, *raised])}


def _meaning(error: type[Exception]) -> str:
    """Return the first paragraph of what an error's class says of itself."""
    if error.__base__ is Exception:
        return say("Nobody foresaw this. The traceback file says where it happened.")
    return " ".join((error.__doc__ or "").partition("\n\n")[0].split())


def _missing(code: str, known: list[str]) -> dict[str, str]:
    from drp.cli.misuse import near
    from drp.errors import NotFound

    raise NotFound(
        say("there is no code `{code}`{meant}", code=code, meant=near(code.upper(), known)),
        hint="list all with `drp explain`",
    )
