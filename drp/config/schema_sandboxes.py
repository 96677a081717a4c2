"""What ``inventory/sandboxes.yml`` may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from drp.config.schema import Strict
from drp.config.values import Name, Rate, Size, Text
from drp.domain.sandbox import DEFAULT_DRIVER, SandboxProfile

Port = Annotated[int, Field(ge=1, le=65535)]


class SandboxFile(Strict):
    """Limits and shape of one kind of sandbox: what is said of any, whichever driver makes it."""

    driver: Text = DEFAULT_DRIVER
    """What isolates it."""
    memory_bytes: Size = SandboxProfile(name="").memory_bytes
    """Memory of everything inside, such as 1GiB."""
    processes: int = Field(default=512, ge=16)
    """How many processes may live inside."""
    cpus: float | None = Field(default=None, gt=0, strict=False)
    """Share of processors; left out: no limit."""
    data_bytes: Size = SandboxProfile(name="").data_bytes
    """Quota for restored data, such as 8GiB."""
    data_backing: Literal["memory", "disk"] = "memory"
    """memory: gone with the sandbox; disk: a loop file that is unlinked as soon as it is mounted."""
    identity: Literal["single", "range"] = "single"
    """single: one user id, ownership is not judged; range: a sub-uid range, ownership is judged."""
    run_as: int = Field(default=999, ge=1)
    """User id that restored software sees itself as."""
    cpu_weight: int | None = Field(default=None, ge=1, le=10_000)
    """Share of processors that others want too, where anybody else has 100; needs a control group."""
    io_weight: int | None = Field(default=None, ge=1, le=10_000)
    """Share of the disk that volumes are on, where anybody else has 100; needs a control group."""
    io_bytes_per_second: Rate | None = None
    """How fast that disk is read, and written, at most, such as 100MB/s; needs a control group."""
    sink_ports: list[Port] = Field(default_factory=lambda: [25, 2575])
    """Ports on which the egress recorder answers as production would (SMTP, HL7)."""

    def profile(self, name: str) -> SandboxProfile:
        """Return what it says as values; what its driver alone understands among the options, as JSON has it."""
        common = {field: getattr(self, field) for field in SandboxFile.model_fields}
        own = self.model_dump(mode="json", exclude=set(common), exclude_none=True)
        return SandboxProfile(name=name, **{**common, "sink_ports": tuple(self.sink_ports)}, options=own)


class BubblewrapFile(SandboxFile):
    """A sandbox by bubblewrap."""

    driver: Literal["bubblewrap"] = "bubblewrap"
    """No daemon, no image, no root."""


class SandboxesFile(Strict):
    """inventory/sandboxes.yml: where restored software runs."""

    version: Literal[1] = 1
    """Version of this file's format."""
    sandboxes: dict[Name, BubblewrapFile]
    """Sandboxes by name; `default` is taken where a drill names none."""
