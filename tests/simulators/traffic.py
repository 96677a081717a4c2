"""What simulated sandboxes sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from drp.domain.sandbox import EgressAttempt, NeighbourContact, SandboxHandle


@dataclass
class Traffic:
    """The same for every sandbox; change it while the drill runs, and it was sent later."""

    egress: tuple[EgressAttempt, ...] = ()
    neighbours: tuple[NeighbourContact, ...] = ()


class Senders(ABC):
    """The part of the Sandbox port that tells what was sent, over a script's traffic."""

    script: Any

    @abstractmethod
    def call(self, name: str) -> None:
        """Count the call, and fail where the script says so."""

    def egress(self, handle: SandboxHandle) -> tuple[EgressAttempt, ...]:
        self.call("egress")
        sent: Traffic = self.script.traffic
        return sent.egress

    def neighbours(self, handle: SandboxHandle) -> tuple[NeighbourContact, ...]:
        sent: Traffic = self.script.traffic
        return sent.neighbours
