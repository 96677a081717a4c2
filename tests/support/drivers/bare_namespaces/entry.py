"""The driver ``bare-namespaces``, as drp's registry has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from bare_namespaces.launch import BEGIN
from bare_namespaces.sandbox import NAME, BareSandbox
from drp.config.schema_sandboxes import SandboxFile
from drp.domain.ports import Sandbox
from drp.domain.sandbox import Reaped, SandboxProfile
from drp.sandboxes import trial
from drp.sandboxes.driver import Resolve
from drp.sandboxes.host import reaper
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.packing import PYTHON
from drp.sandboxes.requirement import Requirement, tool


class BareFile(SandboxFile):
    """A sandbox by the kernel's namespaces alone."""

    driver: Literal["bare-namespaces"]
    """Nothing but the kernel."""
    open_files: int = Field(default=8192, ge=64)
    """How many files one process may have open."""


class BareDriver:
    """Sandboxes by the kernel's namespaces alone."""

    name = NAME
    file = BareFile

    def create(self, run_directory: Path, *, resolve: Resolve, gateway: GatewayClient | None) -> Sandbox:
        return BareSandbox(run_directory, resolve=resolve, gateway=gateway)

    def reap(self, run_directory: Path) -> tuple[Reaped, ...]:
        return reaper.reap(run_directory, driver=NAME)

    def requirements(self, run_directory: Path | None) -> tuple[Requirement, ...]:
        program = tool("python", [PYTHON, "-I", "-S", "-c", "import ctypes"], "apt-get install python3")
        return (program, trial.isolation(NAME, run_directory))

    def room_for(self, profile: SandboxProfile, run_directory: Path) -> str:
        return f"no limit below {run_directory} is known for {profile.name}"

    def programs(self) -> Iterator[Path]:
        yield BEGIN


DRIVER = BareDriver()
