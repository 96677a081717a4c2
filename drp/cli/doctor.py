"""`drp doctor`: can a drill run here? Every need, whether it is met, and the command that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from drp.cli.need import Need
from drp.cli.noun import noun

app = noun()
_MEND_ANSIBLE = "install drp again with its dependencies: pip install --force-reinstall drproof"


@app.command()
def doctor(
    context: typer.Context,
    machine: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Tell for every need of this user's drills whether it is met, and what mends it. Nothing is changed."""
    from drp.cli import render

    needs = [_user(), *_needs_of_user_and_site(context)]
    if machine:
        body: list[dict[str, Any]] = [
            {"name": need.name, "met": need.met, "detail": need.detail, "mend": need.mend} for need in needs
        ]
        render.document("drp/doctor/1", {"needs": body, "ready": all(need.met for need in needs)})
    else:
        for need in needs:
            render.line(f"{'ok  ' if need.met else 'FAIL'}  {need.name:<28} {render.printable(need.detail)}")
            if not need.met and need.mend:
                render.line(f"      do: {need.mend}")
        unmet = sum(not need.met for need in needs)
        render.line(
            "a drill can run here" if not unmet else f"{unmet} needs are not met: a drill of this user would fail"
        )
    return 0 if all(need.met for need in needs) else 1


def _host_needs(run_directory: Path | None) -> list[Need]:
    """Programs, and what the sandbox driver finds by trying, where the site's own sandboxes would live."""
    from drp.sandboxes.doctor import requirements

    found = requirements(run_directory)
    needs = [Need(name=item.name, met=item.met, detail=item.detail, mend=item.mend) for item in found]
    return [*needs, _ansible(), _hashing_core()]


def _ansible() -> Need:
    """Play a task as a drill would: in a worker's namespaces, in a private folder, with that environment alone."""
    import json
    import sys
    import tempfile

    from drp import command
    from drp.errors import CommandFailed
    from drp.sandboxes.worker import worker_command

    name = "ansible"
    with tempfile.TemporaryDirectory(prefix="drp-doctor-") as directory:
        argv = worker_command([sys.executable, "-m", "drp.runbooks.doctor", directory])
        try:
            answer = json.loads(command.run(argv, timeout_seconds=90).stdout.splitlines()[-1])
        except (CommandFailed, ValueError, IndexError) as error:
            words = " ".join(error.tail)[-300:] if isinstance(error, CommandFailed) else ""
            return Need(name=name, met=False, detail=words or str(error), mend=_MEND_ANSIBLE)
    return Need(name=name, met=answer["met"], detail=answer["detail"], mend="" if answer["met"] else _MEND_ANSIBLE)


def _hashing_core() -> Need:
    """Which core hashes; both give the same digests, so this need is always met."""
    from drp.hashing.core import core_name

    return Need(name="hashing core", met=True, detail=core_name("auto"))


def _program(name: str, argv: tuple[str, ...], mend: str) -> Need:
    from drp import command
    from drp.errors import CommandFailed

    try:
        output = command.run(argv, timeout_seconds=20)
    except CommandFailed as error:
        return Need(name=name, met=False, detail=error.message, mend=mend)
    return Need(name=name, met=True, detail=(output.stdout.splitlines() or [""])[0])


def _needs_of_user_and_site(context: typer.Context) -> list[Need]:
    """What this user's drill of the site needs: of the host, and of the site."""
    from drp.cli.doctor_sandboxes import sandbox_needs
    from drp.cli.doctor_site import site_needs
    from drp.cli.wiring import wiring_of
    from drp.errors import DrpError

    try:
        wiring = wiring_of(context, options=True)
    except DrpError as error:
        site = Need(name="site", met=False, detail=error.message, mend=error.hint)
        return [*_host_needs(None), _program("restic", ("restic", "version"), "apt-get install restic"), site]
    needs = [*_host_needs(wiring.run_directory), *sandbox_needs(wiring.site, wiring.run_directory), *site_needs(wiring)]
    checklists = [application.sign_off for application in wiring.site.applications.values()]
    if any(checklist is not None and checklist.allowed_signers for checklist in checklists):
        needs.append(_program("signatures of sign-offs", ("ssh", "-V"), "apt-get install openssh-client"))
    return needs


def _user() -> Need:
    """Who is asked: all that follows is what a drill of this user meets, and of nobody else."""
    import os

    from drp.sandboxes.identity import standing
    from drp.trust.accounts import account_name

    kind = {
        "root": "root of this host",
        "mapped": "root of a user namespace",
        "user": "a plain user: sandboxes in namespaces of his own",
    }
    return Need(name="user", met=True, detail=f"{account_name(os.geteuid())}, {kind[standing()]}")
