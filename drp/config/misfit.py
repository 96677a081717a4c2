"""What of free-form data (a check's options, a runbook's inputs) does not fit what its reader declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from drp.config.problems import Step, dotted
from drp.domain.application import Application
from drp.domain.phrase import Phrase, joined
from drp.domain.reconciliation.declaration import RecordSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One thing that does not fit; ``path`` leads to it from the free-form data."""

    path: tuple[Step, ...]
    message: Phrase
    key: bool = False
    """It is the key that is wrong, not its value."""

    def __str__(self) -> str:
        """Return path and message as one line."""
        return str(self.line)

    @property
    def line(self) -> Phrase:
        """That line, which keeps what its message is made of."""
        return joined([dotted(self.path) or "options", self.message], ": ")


class OptionJudge(Protocol):
    """Whoever knows what each verifier takes; it loads their code, which reading a site does not."""

    def options(self, verifier: str, said: Mapping[str, object]) -> Iterable[Misfit]:
        """Return what a verifier does not understand of a check's options."""
        ...

    def records(self, source: RecordSource, application: Application) -> Iterable[Misfit]:
        """Return what a reader does not understand of a source's options, as its application's check completes them."""
        ...
