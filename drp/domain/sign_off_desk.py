"""The port to the referents: where they hand in answers while a drill waits, and how their signatures are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drp.domain.sign_off import Checklist, SignOffAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Somebody opened the checklist."""

    challenge: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """An answer as it was handed in: nothing of it is believed yet."""

    id: str
    answer: SignOffAnswer | None
    """None: it cannot be read."""
    trouble: str = ""
    """Why it cannot be read."""
    signature: str = ""
    """Armoured SSH signature over the answer's canonical bytes; empty: unsigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose key signed."""

    principal: str
    """As the allowed signers name it."""
    key: str
    """Its fingerprint."""


class SignOffDesk(Protocol):
    """Where answers are handed in. Raises ``StorageFull``; what is handed in is never believed."""

    def open(self, drill: str, application: str) -> None:
        """Make the place where answers are handed in, empty."""
        ...

    def opened(self, drill: str, application: str) -> Opened | None:
        """Return who opened the checklist last, if anybody did."""
        ...

    def deposits(self, drill: str, application: str) -> tuple[Deposit, ...]:
        """Return the answers that wait for a reply."""
        ...

    def reply(
        self, drill: str, application: str, deposit: Deposit, *, refusal: str = "", signer: Signer | None = None
    ) -> None:
        """Tell the referent that the answer was taken, and as whose, or why not; the deposit is gone then."""
        ...

    def signer(self, answer: SignOffAnswer, signature: str, checklist: Checklist) -> Signer:
        """Return who signed the answer. Raises ``AccessDenied`` when nobody did who may sign for this application."""
        ...

    def close(self, drill: str, application: str) -> None:
        """Take no answers any more; whoever hands one in is told so."""
        ...
