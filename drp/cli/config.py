"""`drp config …`: check and show what the site's files say, and what they may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drp.cli.noun import noun
from drp.domain.phrase import count, say

app = noun("Check and show the site's configuration.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
def check(context: typer.Context, machine: Json = False) -> int:
    """Check every file and tell every problem at once, with file, line and column. Exit 10 if there is one."""
    from drp.cli import render
    from drp.config.site import check_and_advise, find_site
    from drp.errors import ConfigError
    from drp.verifiers.judge import InstalledOptions

    directory = find_site(context.obj.site)
    problems, advice = check_and_advise(directory, InstalledOptions())
    if machine:
        rows = [{"file": p.file, **p.position._asdict(), "where": p.where, "message": p.message} for p in problems]
        body = {"site": str(directory), "valid": not rows, "problems": rows, "advice": list(advice)}
        render.document("drp/config-check/1", body)
    else:
        for problem in problems:
            render.line(problem.line)
        for text in advice:
            render.note(text)
        number = len(problems)
        found = count("{n} problem", "{n} problems", number) if number else say("no problem")
        render.note(say("{directory}: {found}", directory=directory, found=found))
    return ConfigError.exit_status if problems else 0


@app.command()
def show(context: typer.Context, machine: Json = False) -> None:
    """Show the site as drp understands it, defaults filled in; secrets appear as references only."""
    from drp.cli import render
    from drp.cli.named_site import site_from
    from drp.codec import to_data

    data = to_data(site_from(context))
    if machine:
        render.document("drp/config/1", data)
    else:
        import yaml

        render.verbatim(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120).rstrip())


@app.command()
def schema(
    kind: Annotated[str | None, typer.Argument(help="site, application, drill, repositories, sandboxes, …")] = None,
    output: Annotated[Path | None, typer.Option(help="Write every schema into this directory instead.")] = None,
) -> None:
    """Print the JSON Schema of a kind of file, or of all; editors check and complete with it."""
    import json

    from drp.cli import render
    from drp.config.json_schema import KINDS, file_schema
    from drp.config.problems import suggestion
    from drp.config.template import write_schemas
    from drp.errors import NotFound

    if kind is not None and kind not in KINDS:
        raise NotFound(
            say("there is no kind of file `{kind}`; {suggestion}", kind=kind, suggestion=suggestion(kind, KINDS)),
            hint="drp config schema --help",
        )
    if output is not None:
        for file in write_schemas(output):
            render.verbatim(str(file))
        return
    schemas = file_schema(kind) if kind is not None else {name: file_schema(name) for name in KINDS}
    render.verbatim(json.dumps(schemas, indent=2, ensure_ascii=False))
