"""The driver ``bubblewrap``, as drp's registry has it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from drp.command import MINIMAL_ENVIRONMENT
from drp.config.schema_sandboxes import BubblewrapFile
from drp.domain.phrase import Phrase
from drp.domain.ports import Sandbox
from drp.domain.sandbox import Reaped, SandboxProfile
from drp.sandboxes.driver import Resolve
from drp.sandboxes.host import reaper
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.requirement import Requirement

_PROGRAMS = ("bwrap", "setpriv", "nsenter")


class BubblewrapDriver:
    """Sandboxes by bubblewrap: no daemon, no image, no root."""

    name = "bubblewrap"
    file = BubblewrapFile

    def create(self, run_directory: Path, *, resolve: Resolve, gateway: GatewayClient | None) -> Sandbox:
        """Return the sandboxes of a run directory."""
        from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox  # noqa: PLC0415 - its needs take long to load

        return BubblewrapSandbox(run_directory, resolve=resolve, gateway=gateway)

    def reap(self, run_directory: Path) -> tuple[Reaped, ...]:
        """Remove what dead processes left."""
        return reaper.reap(run_directory, driver=self.name)

    def requirements(self, run_directory: Path | None) -> tuple[Requirement, ...]:
        """Return every need."""
        from drp.sandboxes.bubblewrap.doctor import requirements  # noqa: PLC0415 - as above

        return requirements(run_directory)

    def room_for(self, profile: SandboxProfile, run_directory: Path) -> Phrase:
        """Return what a profile's sandboxes have here. Raises ``SandboxError``."""
        from drp.sandboxes.bubblewrap.doctor import room_for  # noqa: PLC0415 - as above

        return room_for(profile, run_directory)

    def programs(self) -> Iterator[Path]:
        """Yield the programs that isolate, where they are installed."""
        for program in _PROGRAMS:
            if (found := shutil.which(program, path=MINIMAL_ENVIRONMENT["PATH"])) is not None:
                yield Path(found).resolve()


DRIVER = BubblewrapDriver()
