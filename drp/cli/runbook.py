"""`drp runbook …`: which runbooks there are, and whether they would run."""

from __future__ import annotations

from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("Runbooks: the recovery steps, as Ansible.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> int:
    """List the runbooks of the site, and the shipped ones that it does not replace."""
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.runbooks.catalogue import runbooks

    found = list(runbooks(wiring_of(context).site.runbook_folders))
    if machine:
        items = [
            {"kind": item.kind, "origin": _origin(item.shipped), "steps": list(item.steps), "path": str(item.path)}
            for item in found
        ]
        render.document("drp/runbooks/1", items)
    else:
        rows = [(item.kind, _origin(item.shipped), " ".join(item.steps), str(item.path)) for item in found]
        render.table(("kind", "origin", "steps", "path"), rows)
    return 0


@app.command()
def show(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="Name of the runbook.")],
    machine: Json = False,
) -> int:
    """Show what an application's file may say to a runbook: its inputs, as it declares them."""
    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.cli.runbook_views import input_rows
    from drp.config.inputs import declared_inputs
    from drp.config.problems import suggestion
    from drp.errors import ConfigError, NotFound
    from drp.runbooks.catalogue import runbooks

    folders = wiring_of(context).site.runbook_folders
    known = [item.kind for item in runbooks(folders)]
    if kind not in known:
        raise NotFound(
            say("there is no runbook {kind}; {suggestion}", kind=kind, suggestion=suggestion(kind, known)),
            hint="see `drp runbook list`",
        )
    declared, problems = declared_inputs(folders, kind)
    if problems:
        raise ConfigError("\n".join(map(str, problems)))
    if machine:
        render.document(
            "drp/runbook/1",
            {"kind": kind, "inputs": declared.model_dump()["options"] if declared is not None else None},
        )
    elif declared is None:
        render.line(
            say("{kind} declares no inputs: write them into {kind}/inputs.yml, and they are checked", kind=kind)
        )
    else:
        render.line(render.printable(f"{kind}: {declared.short_description}"))
        render.table(("input", "type", "default", "meaning"), list(input_rows(declared.options)))
    return 0


@app.command("lint")
def lint_(
    context: typer.Context,
    kind: Annotated[str | None, typer.Argument(help="Only this runbook.")] = None,
    machine: Json = False,
) -> int:
    """Look at runbooks without running them. Exit status: 0 they would run, 1 they would not."""
    from dataclasses import asdict

    from drp.cli import render
    from drp.cli.context import wiring_of
    from drp.errors import NotFound
    from drp.runbooks.catalogue import runbooks
    from drp.runbooks.lint import lint

    folders = wiring_of(context).site.runbook_folders
    found = [item for item in runbooks(folders) if kind in {None, item.kind}]
    if not found:
        raise NotFound(say("there is no runbook {kind}", kind=kind), hint="see `drp runbook list`")
    remarks = list(lint(found, folders))
    problems = sum(remark.severity == "problem" for remark in remarks)
    if machine:
        content = {"runbooks": [item.kind for item in found], "remarks": [asdict(remark) for remark in remarks]}
        render.document("drp/runbook-lint/1", content)
    else:
        for remark in remarks:
            render.line(render.printable(f"{remark.severity}: {remark.path}: {remark.text}"))
        render.line(
            say(
                "{n} runbooks, {problems} problems, {n2} advice",
                n=len(found),
                problems=problems,
                n2=len(remarks) - problems,
            )
        )
    return 1 if problems else 0


def _origin(shipped: bool) -> str:
    return say("shipped") if shipped else say("site")
