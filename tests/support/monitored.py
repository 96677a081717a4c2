"""A site whose drills are simulated and whose targets are servers on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from drp.clock import SystemClock
from drp.config.site import load_site
from drp.domain.events import Event
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.errors import DrpError, Interrupted
from drp.journal import SqlJournal
from drp.monitoring.tell import Told, tell
from drp.service.overview import Overview, overview
from drp.service.wiring import Wiring
from tests.simulators.world import Script, World
from tests.support.sites import write_site

MONITORING = """\
version: 1
notify:
  targets:
{targets}
"""


@dataclass
class MonitoredSite:
    """The site, and what is done with it."""

    directory: Path

    def wiring(self) -> Wiring:
        return Wiring(load_site(self.directory))

    def hold(
        self, script: Script | None = None, *, name: str = "ehr", level: str = "full", signal: int = 0, by: str = ""
    ) -> str:
        """Put a whole simulated drill into the journal and return its id; a ``signal`` stops it while it restores.

        ``by``: who asked for that.
        """
        world = World(script, names=(name,))
        world.plan = replace(world.plan, level=level)  # type: ignore[arg-type]
        ports = replace(world.ports(), signal_number=lambda: signal, stopped_by=lambda: by)
        if signal:
            world.script.on_call = lambda call: setattr(world, "stop", world.stop or call == "restore_order")
        recorder = declare(world.plan, world.journal, world, world.clock, requested_by="test", ad_hoc=False)
        try:
            conduct(recorder, ports)
        except Interrupted:
            assert signal
        return self.keep(f"{name}-{level}", [entry.event for entry in world.journal.entries(world.journal.drills()[0])])

    def keep(self, name: str, events: list[Event]) -> str:
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        journal = SqlJournal(state / "journal.sqlite", SystemClock())
        drill = f"{name}-{len(journal.drills())}"
        for event in events:
            journal.append(drill, event)
        journal.close()
        return drill

    def tell(self, drill: str | None = None, **changed: object) -> Told:
        """Look at the site and tell, as a tick does; ``changed`` is what the overview says otherwise."""
        wiring = self.wiring()
        found: Overview | DrpError
        try:
            found = replace(overview(wiring), **changed)  # type: ignore[arg-type]
        except DrpError as error:
            found = error
        return tell(wiring, found, drill)

    @property
    def memory(self) -> Path:
        return self.directory / "state" / "monitoring" / "told.json"


def monitored(
    directory: Path, urls: Mapping[str, str], *, more: str = "", options: Mapping[str, str] | None = None
) -> MonitoredSite:
    """Lay a site down with a target for each URL, each in a secret file; ``more`` follows in monitoring.yml."""
    secrets = directory / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, url in urls.items():
        put_secret(directory, name, url)
        extra = (options or {}).get(name, "")
        lines.append(f"    {name}: {{url: {{file: secrets/{name}}}{extra}}}")
    said = MONITORING.format(targets="\n".join(lines)) if lines else "version: 1\n"
    write_site(directory, {"inventory/monitoring.yml": said + more})
    return MonitoredSite(directory)


def put_secret(directory: Path, name: str, value: str) -> None:
    """Write a secret that drp's user alone may read."""
    path = directory / "secrets" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(value + "\n")
    path.chmod(0o600)
