"""A SignOffDesk in memory: tests hand answers in by `visit`, called whenever the drill looks."""

from __future__ import annotations

from collections.abc import Callable

from drp.domain.sign_off import Checklist, SignOffAnswer
from drp.domain.sign_off_desk import Deposit, Opened, Signer
from drp.errors import AccessDenied


class SimDesk:
    def __init__(self) -> None:
        self.waiting: dict[tuple[str, str], list[Deposit]] = {}
        self.names: dict[tuple[str, str], Opened] = {}
        self.replies: list[tuple[str, str]] = []
        """Deposit and refusal; empty: taken."""
        self.visit: Callable[[SimDesk, str, str], None] = lambda desk, drill, application: None
        self.looks = 0

    def open(self, drill: str, application: str) -> None:
        self.waiting[drill, application] = []
        self.names.pop((drill, application), None)

    def opened(self, drill: str, application: str) -> Opened | None:
        self.looks += 1
        self.visit(self, drill, application)
        return self.names.get((drill, application))

    def deposits(self, drill: str, application: str) -> tuple[Deposit, ...]:
        return tuple(self.waiting.get((drill, application), ()))

    def hand_in(self, answer: SignOffAnswer, signature: str = "") -> None:
        place = self.waiting[answer.drill, answer.application]
        place.append(Deposit(id=f"{len(self.replies) + len(place)}", answer=answer, signature=signature))

    def reply(
        self, drill: str, application: str, deposit: Deposit, *, refusal: str = "", signer: Signer | None = None
    ) -> None:
        self.waiting[drill, application].remove(deposit)
        self.replies.append((deposit.id, refusal))

    def signer(self, answer: SignOffAnswer, signature: str, checklist: Checklist) -> Signer:
        """Take ``signed by NAME`` for a signature; allowed signers are names, a line each."""
        who = signature.removeprefix("signed by ")
        if who not in checklist.allowed_signers.splitlines():
            raise AccessDenied("no allowed signer made this signature over this answer")
        if checklist.principals and who not in {each.principal for each in checklist.principals}:
            raise AccessDenied(f"{who} made this signature, and is not among those who sign for this application")
        return Signer(principal=who, key="SHA256:sim")

    def close(self, drill: str, application: str) -> None:
        self.waiting.pop((drill, application), None)
