"""The port to approvers: where they hand in answers while a drill waits, and whose word an answer is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drp.domain.approval import ApprovalAnswer, ApprovalPolicy, Approver


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDeposit:
    """An answer as it was handed in: nothing of it is believed yet."""

    id: str
    answer: ApprovalAnswer | None
    """None: it cannot be read."""
    trouble: str = ""
    """Why it cannot be read."""
    signature: str = ""
    """Armoured SSH signature over the answer's canonical bytes; empty: unsigned."""
    uid: int = -1
    """Owner of the file that was read, on the drill host; -1: nobody can tell."""


class ApprovalDesk(Protocol):
    """Where answers are handed in. Raises ``StorageFull``; what is handed in is never believed."""

    def open(self, drill: str) -> None:
        """Make the place where answers are handed in, empty."""
        ...

    def deposits(self, drill: str) -> tuple[ApprovalDeposit, ...]:
        """Return the answers that wait for a reply."""
        ...

    def whose(self, deposit: ApprovalDeposit, policy: ApprovalPolicy) -> Approver:
        """Return whose word an answer is: its signer's where there are keys, else its file's owner's.

        Raises ``AccessDenied`` when it is nobody's who may approve.
        """
        ...

    def reply(self, drill: str, deposit: ApprovalDeposit, *, refusal: str = "", by: Approver | None = None) -> None:
        """Tell who handed it in that it was taken, and as whose, or why not; the deposit is gone then."""
        ...

    def close(self, drill: str) -> None:
        """Take no answers any more; whoever hands one in is told so."""
        ...
