"""A sandbox of this process, with all that has to be let go with it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from drp.domain.sandbox import SandboxHandle, SandboxOrder
from drp.sandboxes.bubblewrap.arguments import Spec
from drp.sandboxes.bubblewrap.launch import Running
from drp.sandboxes.host.identity import Slot
from drp.sandboxes.host.layout import LiveDirectory
from drp.sandboxes.host.volume import Volumes
from drp.sandboxes.network.pods import Network

_BARE = SandboxOrder()


@dataclass(kw_only=True)
class Live:
    """A sandbox of ours."""

    handle: SandboxHandle
    spec: Spec
    directory: LiveDirectory
    running: Running
    volumes: Volumes
    """Of the run sandbox, which lets them go; its cells share them."""
    slot: Slot | None = None
    """Held by the run sandbox; its cells share it."""
    network: Network | None = None
    """Of the run sandbox; whatever else is to be in it enters by its descriptor."""
    order: SandboxOrder = _BARE
    cells: list[str] = field(default_factory=list)
    on_end: ExitStack = field(default_factory=ExitStack)
