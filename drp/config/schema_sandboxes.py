"""What ``inventory/sandboxes.yml`` may say."""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal

from pydantic import Field, field_validator

from drp.config.schema import Strict
from drp.config.values import Name, Rate, Size, Text
from drp.domain.phrase import say
from drp.domain.sandbox import DEFAULT_DRIVER, SandboxProfile
from drp.domain.volume import DataVolume

Port = Annotated[int, Field(ge=1, le=65535)]


class DataVolumeFile(Strict):
    """A volume for a part of the restored tree."""

    at: Text
    """Folder of the backup that it holds: an absolute path, or one relative to the root of the manifest."""
    directory: Text
    """Host folder in which its image is made; an absolute path."""
    bytes: Size
    """Its quota, such as 2TiB."""

    @field_validator("at")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        outside = value in {"/", ".", ".."} or value.startswith(("../", "//")) or "\0" in value
        if outside or posixpath.normpath(value) != value:
            raise ValueError(
                say("must be a folder of the backup, such as /srv/pacs/images: no .., no slash at its end")
            )
        return value

    @field_validator("directory")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError(say("must be an absolute path"))
        return value


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
    """memory: gone with the sandbox; disk: a file that is mounted, and erased with the sandbox."""
    data_volumes: list[DataVolumeFile] = Field(default_factory=list, max_length=64)
    """Parts of the restored tree that have volumes on disk of their own, where one disk does not hold all of it."""
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

    @field_validator("data_volumes")
    @classmethod
    def _each_once(cls, value: list[DataVolumeFile]) -> list[DataVolumeFile]:
        if len({each.at for each in value}) < len(value):
            raise ValueError(say("must name each folder once"))
        return value

    def profile(self, name: str) -> SandboxProfile:
        """Return what it says as values; what its driver alone understands among the options, as JSON has it."""
        common = {field: getattr(self, field) for field in SandboxFile.model_fields}
        common["data_volumes"] = tuple(
            DataVolume(at=each.at, directory=each.directory, size_bytes=each.bytes) for each in self.data_volumes
        )
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
