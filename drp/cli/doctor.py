"""`drp doctor`: can a drill run here? Every need, whether it is met, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from drp.cli.noun import noun

app = noun()
_MEND_ANSIBLE = "install drp again with its dependencies: pip install --force-reinstall drproof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing a drill needs."""

    name: str
    met: bool
    detail: str
    mend: str = ""


@app.command()
def doctor(
    context: typer.Context,
    machine: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Tell for every need whether it is met, and the command that mends it. Nothing is changed."""
    from drp.cli import render

    needs = [*_host_needs(), *_site_needs(context)]
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
        render.line("a drill can run here" if not unmet else f"{unmet} needs are not met")
    return 0 if all(need.met for need in needs) else 1


def _host_needs() -> list[Need]:
    """Programs, and what the sandbox driver finds by trying."""
    from drp.sandboxes.doctor import requirements

    found = [Need(name=item.name, met=item.met, detail=item.detail, mend=item.mend) for item in requirements()]
    return [*found, _program("restic", ("restic", "version"), "apt-get install restic"), _ansible(), _hashing_core()]


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


def _site_needs(context: typer.Context) -> list[Need]:
    """What the site needs: a valid configuration, a state directory, usable repositories, verifiers, runbooks."""
    from drp.cli.wiring import wiring_of
    from drp.errors import DrpError

    try:
        wiring = wiring_of(context, options=True)
    except DrpError as error:
        return [Need(name="site", met=False, detail=error.message, mend=error.hint)]
    needs = [Need(name="site", met=True, detail=str(wiring.site.directory))]
    needs.append(_attempt("trusted folders", lambda: _places(wiring.site)))
    needs.append(_attempt("journal and evidence", lambda: _journal(wiring)))
    needs.append(_attempt("verifiers", lambda: _checks(wiring)))
    needs.append(_attempt("state directory", wiring.writable_state))
    checklists = [application.sign_off for application in wiring.site.applications.values()]
    if any(checklist is not None and checklist.allowed_signers for checklist in checklists):
        needs.append(_program("signatures of sign-offs", ("ssh", "-V"), "apt-get install openssh-client"))
    for name, repository in wiring.repositories().items():
        needs.append(_attempt(f"repository {name}", lambda repository=repository: _describe(repository)))
    return needs


def _places(site: Any) -> str:
    from drp.config.places import require_places

    require_places(site)
    return "state, evidence and manifests are nobody else's to write"


def _journal(wiring: Any) -> str:
    """Check the chain to its end, and every record against what it sealed; make no journal where none is due."""
    from pathlib import Path

    from drp.drill.declare import states
    from drp.errors import NotFound
    from drp.evidence.deposits import require_sealed

    kept = wiring.site.journal
    if isinstance(kept, Path) and not kept.exists() and not wiring.deposits().records():
        return "none yet: the first drill makes it"
    journal = wiring.journal_to_read()
    entries = journal.verify()
    if lost := require_sealed(wiring.deposits(), states(journal), journal):
        raise NotFound(f"the sealed records of {', '.join(lost)} are gone", hint="bring them back from a copy")
    return f"{entries} entries, chain intact, every record as sealed"


def _checks(wiring: Any) -> str:
    from drp.errors import ConfigError

    count = sum(len(application.checks) for application in wiring.site.applications.values())
    if wiring.site.broken:
        raise ConfigError("\n".join(line for problems in wiring.site.broken.values() for line in problems))
    return f"{count} checks, all understood"


def _describe(repository: Any) -> str:
    abilities = repository.preflight()
    return f"{abilities.tool} {abilities.tool_version}" + (", object lock" if abilities.object_lock else "")


def _attempt(name: str, look: Any) -> Need:
    from drp.errors import DrpError

    try:
        return Need(name=name, met=True, detail=str(look()))
    except DrpError as error:
        return Need(name=name, met=False, detail=error.message, mend=error.hint)
