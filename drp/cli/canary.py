"""`drp canary …`: heartbeats on production, so that drills tell idle time from loss."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from drp.cli.noun import noun
from drp.domain.phrase import say

app = noun("Canaries: heartbeats that production writes through its applications.", needs_verb=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("list")
def list_(context: typer.Context, machine: Json = False) -> None:
    """List how each application's heartbeat is written, and which have none."""
    from drp.cli import render
    from drp.cli.named_site import site_from

    site = site_from(context)
    rows = [
        {"application": name, "kind": site.canaries[name].kind if name in site.canaries else None}
        for name in sorted(site.applications)
    ]
    if machine:
        render.document("drp/canaries/1", rows)
        return
    render.table(("application", "canary"), [(str(row["application"]), row["kind"] or "-") for row in rows])


@app.command()
def write(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the application.")],
    print_cron: Annotated[
        bool, typer.Option("--print-cron", help="Write nothing; print the line for /etc/cron.d.")
    ] = False,
    machine: Json = False,
) -> None:
    """Write one heartbeat through the application, as its `canary` says. Run it from cron, with `drp --quiet`."""
    from drp.canaries.alone import alone
    from drp.cli import render
    from drp.cli.named_site import site_from

    site = site_from(context)
    settings = site.canary(name)
    if print_cron:
        render.verbatim(_cron_line(site, name))
        return
    with alone(name, site.directory / site.described_in["application", name]):
        heartbeat, written = _write(settings)
    removed = written.removed_from_the_future
    if machine:
        body = {
            "application": name,
            "kind": settings.kind,
            "at": heartbeat.text,
            "nonce": heartbeat.nonce,
            "place": written.place,
            "removed_from_the_future": removed,
        }
        render.document("drp/canary/1", body)
    elif not context.obj.quiet:
        render.line(
            say("{name}: heartbeat {at} in {place}", name=name, at=render.instant(heartbeat.at), place=written.place)
        )
    if removed:
        render.note(say("drp: removed {removed} heartbeats dated in the future: a clock ran ahead", removed=removed))


def _write(settings: Any) -> tuple[Any, Any]:
    import secrets
    from functools import partial

    from drp import canaries
    from drp.clock import SystemClock
    from drp.config.secrets import resolve

    heartbeat = canaries.Heartbeat(at=SystemClock().now().wall, nonce=secrets.token_hex(8))
    in_time = partial(resolve, command_seconds=settings.timeout_seconds)
    return heartbeat, canaries.write(settings, heartbeat, in_time)


def _cron_line(site: Any, name: str) -> str:
    import os
    import shlex
    import sys
    from pathlib import Path

    from drp.trust.accounts import account_name

    program = Path(sys.executable).with_name("drp")
    words = [str(program), "--site", str(site.directory), "--quiet", "canary", "write", name]
    return f"*/5 * * * * {account_name(os.geteuid())} {shlex.join(words).replace('%', chr(92) + '%')}"
