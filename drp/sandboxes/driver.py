"""What a driver of sandboxes is: everything that drp has to know of it, in one object that its package registers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from drp.config.schema_sandboxes import SandboxFile
from drp.domain.phrase import Phrase
from drp.domain.ports import Sandbox
from drp.domain.restore import SecretReference
from drp.domain.sandbox import Reaped, SandboxProfile
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.requirement import Requirement

Resolve = Callable[[SecretReference], str]


class SandboxDriver(Protocol):
    """A driver of sandboxes, registered as entry point of the group ``drp.sandboxes``.

    Its sandboxes pass the conformance suite. A handle's ``control_socket`` leads to drp's agent, or to what speaks as
    it does (`drp/sandboxes/client.py`): Ansible, and whoever enters a kept sandbox from another process, come by it.
    """

    name: str
    """As in ``driver:`` of a profile, and as in every handle."""
    file: type[SandboxFile]
    """What a profile may say: `SandboxFile`, or that and more, which `SandboxProfile.options` then holds."""

    def create(self, run_directory: Path, *, resolve: Resolve, gateway: GatewayClient | None) -> Sandbox:
        """Return the sandboxes of a run directory; none is made yet. ``gateway`` reaches repositories."""
        ...

    def reap(self, run_directory: Path) -> tuple[Reaped, ...]:
        """Remove what dead processes left of the driver's sandboxes, and of nobody else's; return what it was."""
        ...

    def requirements(self, run_directory: Path | None) -> tuple[Requirement, ...]:
        """Return every need, found by trying where sandboxes would live; nothing is changed."""
        ...

    def room_for(self, profile: SandboxProfile, run_directory: Path) -> Phrase:
        """Return what a profile's sandboxes have here. Raises ``SandboxError`` where this user cannot have them."""
        ...

    def programs(self) -> Iterator[Path]:
        """Yield the programs that isolate, whose digests a drill's plan keeps."""
        ...
