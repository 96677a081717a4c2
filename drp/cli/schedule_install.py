"""`drp schedule install`: units for systemd, printed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from drp.cli import render
from drp.config.site import Site
from drp.domain.phrase import say
from drp.errors import UsageError
from drp.schedule.units import Installation, Unit, timer_units, worker_unit
from drp.trust.accounts import account_name


def show_units(site: Site, *, timer: bool, user: str | None, machine: bool) -> None:
    """Print the units of a site, and what puts them in place. Raises ``UsageError`` for the superuser."""
    account = user or account_name(os.getuid())
    if account == "root":
        raise UsageError(
            "no unit is printed for root: drills need no such rights", hint="name an account of its own with --user"
        )
    place = Installation(program=_program(), site=site.directory, account=account, writable=_writable(site))
    units = timer_units(place) if timer else (worker_unit(place),)
    if machine:
        items = [{"name": unit.name, "path": f"/etc/systemd/system/{unit.name}", "text": unit.text} for unit in units]
        render.document("drp/schedule-units/1", items)
        return
    for unit in units:
        render.line(say("# /etc/systemd/system/{name}", name=unit.name))
        render.verbatim(unit.text)
    _advise(units)


def _advise(units: tuple[Unit, ...]) -> None:
    started = next((unit.name for unit in units if unit.name.endswith(".timer")), units[0].name)
    render.note(
        say("put them there, then: systemctl daemon-reload && systemctl enable --now {started}", started=started)
    )
    render.note("passwords: `systemctl edit` and LoadCredential=, which `credential:` references in files read")


def _writable(site: Site) -> tuple[Path, ...]:
    own = (site.state_directory, *site.evidence_directories, site.manifests_directory)
    return (*own, *([site.journal.parent] if isinstance(site.journal, Path) else []))


def _program() -> Path:
    beside = Path(sys.executable).with_name("drp")
    found = beside if beside.exists() else Path(shutil.which("drp") or beside)
    return found.absolute()
