"""A SignOffDesk in memory: tests hand answers in by `visit`, called whenever the drill looks."""

from __future__ import annotations

from collections.abc import Callable

from drp.domain.sign_off import SignOffAnswer
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

    def reply(self, drill: str, application: str, deposit: Deposit, *, refusal: str = "") -> None:
        self.waiting[drill, application].remove(deposit)
        self.replies.append((deposit.id, refusal))

    def signer(self, answer: SignOffAnswer, signature: str, allowed_signers: str) -> Signer:
        if signature != f"signed by {allowed_signers}":
            raise AccessDenied("no allowed signer made this signature over this answer")
        return Signer(principal=allowed_signers, key="SHA256:sim")

    def close(self, drill: str, application: str) -> None:
        self.waiting.pop((drill, application), None)
