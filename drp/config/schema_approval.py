"""What ``approval`` may say in a drill's file, and ``approvals`` in drp.yml: who may let drills be held."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from drp.config.schema import ApprovalsFile, Strict
from drp.config.schema_sign_off import read_signers
from drp.config.values import Duration, Text
from drp.domain.approval import ApprovalPolicy
from drp.domain.phrase import say


class ApprovalFile(Strict):
    """That somebody has to approve a drill once it is declared, before anything is touched."""

    approvers: Annotated[list[Text], Field(min_length=1, max_length=50)]
    """Any one of them: principals of `approvals.allowed_signers` (drp.yml); without keys, accounts of this host."""
    within: Duration = timedelta(hours=4)
    """How long the drill waits for one of them."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.approvers)) != len(self.approvers):
            raise ValueError(say("`approvers` names somebody twice"))
        return self


def proving(said: ApprovalsFile, site: Path) -> ApprovalPolicy:
    """Return how an approver's word is proven at a site; nobody is named yet."""
    if said.allowed_signers is None:
        return ApprovalPolicy(approvers=(), four_eyes=said.four_eyes)
    # a file that vanished since it was checked must not let every account approve
    signers = read_signers(site / said.allowed_signers) or "# nobody\n"
    return ApprovalPolicy(approvers=(), allowed_signers=signers, four_eyes=said.four_eyes)
