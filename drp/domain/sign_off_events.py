"""What happens while a drill waits for business referents, as events of `drp.domain.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drp.domain.sign_off import SignOffAnswer
from drp.domain.sign_off_desk import Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffAsked:
    """The drill waits for the business referent of an application, with its sandbox up."""

    type: Literal["sign-off-asked"] = "sign-off-asked"
    recovery: str
    referent: str
    challenge: str
    """Random; an answer has to repeat it, so that none can be used twice."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffStarted:
    """The referent opened the checklist."""

    type: Literal["sign-off-started"] = "sign-off-started"
    recovery: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOff:
    """t11, unless a step failed: the referent's answer, in full, and what proves whose it is."""

    type: Literal["signed-off"] = "signed-off"
    recovery: str
    answer: SignOffAnswer
    signature: str = ""
    """SSH signature over the answer's canonical JSON, namespace ``drp-sign-off``; empty: unsigned."""
    signer: Signer | None = None
