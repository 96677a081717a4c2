"""`drp doctor`: can a drill run here? Every need, whether it is met, and the command that fixes it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from drp.cli.need import Need
from drp.cli.noun import noun
from drp.cli.wording import spoken_line
from drp.domain.phrase import own_words, say

app = noun()


@app.command()
def doctor(
    context: typer.Context,
    machine: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Tell for every need of this user's drills whether it is met, and what fixes it. Nothing is changed."""
    from drp.cli import render

    needs = _needs(context)
    if machine:
        body: list[dict[str, Any]] = [
            {"name": need.name, "met": need.met, "detail": need.detail, "remedy": need.mend} for need in needs
        ]
        render.document("drp/doctor/1", {"needs": body, "ready": all(need.met for need in needs)})
    else:
        for need in needs:
            met = render.printable(say("ok") if need.met else say("FAIL"))
            render.line(f"{met:<5} {spoken_line(need.name):<28} {spoken_line(need.detail)}")
            if not need.met and need.mend:
                render.line(say("      do: {mend}", mend=need.mend))
        unmet = sum(not need.met for need in needs)
        render.line(
            "a drill can run here"
            if not unmet
            else say("{unmet} needs are not met: a drill of this user would fail", unmet=unmet)
        )
    return 0 if all(need.met for need in needs) else 1


def _needs(context: typer.Context) -> list[Need]:
    """What this user's drill of the site needs: of the user, of the host, and of the site."""
    from drp.cli.context import wiring_of
    from drp.cli.doctor_host import backup_tools, host_needs, processes, signatures, user
    from drp.cli.doctor_sandboxes import drivers_of, sandbox_needs
    from drp.cli.doctor_site import site_needs
    from drp.errors import DrpError

    who = [user(), processes()]
    if not who[-1].met:  # nothing can be tried
        return who
    try:
        wiring = wiring_of(context, options=True)
    except DrpError as error:
        site = Need(name="site", met=False, detail=error.message, mend=own_words(error.hint))
        return [*who, *host_needs(None), *backup_tools(), site]
    described, run_directory = wiring.site, wiring.run_directory
    checklists = [application.sign_off for application in described.applications.values()]
    signed = any(checklist is not None and checklist.allowed_signers for checklist in checklists)
    return [
        *who,
        *host_needs(run_directory, drivers_of(described)),
        *([signatures()] if signed else []),
        *sandbox_needs(described, run_directory),
        *site_needs(wiring),
    ]
