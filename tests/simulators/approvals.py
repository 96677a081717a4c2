"""An ApprovalDesk in memory: tests hand answers in by `visit`, called whenever the drill looks."""

from __future__ import annotations

from collections.abc import Callable

from drp.domain.approval import ApprovalAnswer, ApprovalPolicy, Approver
from drp.domain.approval_desk import ApprovalDeposit
from drp.errors import AccessDenied


class SimApprovals:
    def __init__(self) -> None:
        self.waiting: dict[str, list[ApprovalDeposit]] = {}
        self.replies: list[tuple[str, str]] = []
        """Deposit and refusal; empty: taken."""
        self.visit: Callable[[SimApprovals, str], None] = lambda desk, drill: None
        self.accounts = {1000: "anna", 1001: "bert"}
        self.looks = self.opened = 0

    def open(self, drill: str) -> None:
        self.opened += 1
        self.waiting[drill] = []

    def deposits(self, drill: str) -> tuple[ApprovalDeposit, ...]:
        self.looks += 1
        if drill in self.waiting:
            self.visit(self, drill)
        return tuple(self.waiting.get(drill, ()))

    def hand_in(self, answer: ApprovalAnswer, signature: str = "", uid: int = 1000) -> None:
        place = self.waiting[answer.drill]
        number = f"{len(self.replies) + len(place)}"
        place.append(ApprovalDeposit(id=number, answer=answer, signature=signature, uid=uid))

    def whose(self, deposit: ApprovalDeposit, policy: ApprovalPolicy) -> Approver:
        """Take ``signed by NAME`` for a signature; allowed signers are names, a line each."""
        if not policy.allowed_signers:
            if deposit.uid < 0:
                raise AccessDenied("whose account wrote this answer cannot be told here: approvers need keys")
            return Approver(name=self.accounts.get(deposit.uid, str(deposit.uid)), proven_by="account", uid=deposit.uid)
        who = deposit.signature.removeprefix("signed by ")
        if who not in policy.allowed_signers.splitlines():
            raise AccessDenied("no allowed signer made this signature over this answer")
        return Approver(name=who, proven_by="signature", key="SHA256:sim")

    def reply(self, drill: str, deposit: ApprovalDeposit, *, refusal: str = "", by: Approver | None = None) -> None:
        self.waiting[drill].remove(deposit)
        self.replies.append((deposit.id, refusal))

    def close(self, drill: str) -> None:
        self.waiting.pop(drill, None)
