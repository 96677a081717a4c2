"""What ``sign_off`` may say: the checklist in an application's file, and that a drill asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from drp.config.schema import Strict
from drp.config.values import Duration, Name, Text
from drp.domain.phrase import say, several
from drp.domain.sign_off import Checklist, Principal, SignOffPolicy, SignOffStep
from drp.trust import Trust

_LARGEST = 1 << 20


class StepFile(Strict):
    """One thing that the referent does with the restored application."""

    id: Name
    """Short name of the step: lower case, digits, hyphens."""
    do: Text
    """What to do, in the words of those who work with the application."""
    expect: str = Field(default="", max_length=400)
    """What must be seen."""


class ChecklistFile(Strict):
    """What a business referent goes through before people work with the application again."""

    referent: Text
    """Who signs: a role of the business, such as the head nurse on duty."""
    steps: Annotated[list[StepFile], Field(min_length=1, max_length=100)]
    """What is done, in this order."""
    allowed_signers: Text | None = None
    """File of public keys that may sign (ssh-keygen's format), relative to the site; left out: unsigned is taken."""
    principals: Annotated[dict[Text, Text], Field(min_length=1)] | Annotated[list[Text], Field(min_length=1)] | None = (
        None
    )
    """Who of them may sign for this application, each with the name of the person: `{n.durand@chu.example: N. Durand}`.

    A list names no persons; left out: everybody in the file may sign."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        ids = [step.id for step in self.steps]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(say("steps share an id: {ids}", ids=several(twice)))
        return self


class SignOffFile(Strict):
    """That the drill asks the referents of its applications."""

    required: bool = True
    """Without their sign-off the drill is not passed; `false`: they are not asked."""
    deadline: Duration = timedelta(hours=4)
    """How long the drill waits for them, with the sandboxes up."""


def checklist(said: ChecklistFile, site: Path) -> Checklist:
    """Return a checklist with the keys that may sign it: the plan holds them, so that nobody exchanges them later."""
    return Checklist(
        referent=said.referent,
        steps=tuple(SignOffStep(id=step.id, do=step.do, expect=step.expect) for step in said.steps),
        allowed_signers=_signers(said, site),
        principals=_principals(said),
    )


def _principals(said: ChecklistFile) -> tuple[Principal, ...]:
    named = said.principals if isinstance(said.principals, dict) else dict.fromkeys(said.principals or (), "")
    return tuple(Principal(principal=principal, name=name) for principal, name in named.items())


def _signers(said: ChecklistFile, site: Path) -> str:
    if said.allowed_signers is None:
        return ""
    # a file that vanished since it was checked must not let everybody sign
    return read_signers(site / said.allowed_signers) or "# nobody\n"


def policy(said: SignOffFile | None) -> SignOffPolicy | None:
    """Return what a drill asks for."""
    return SignOffPolicy(deadline=said.deadline) if said is not None and said.required else None


def names_of_signers(lines: Sequence[str]) -> frozenset[str]:
    """Return the principals that lines of allowed signers list; patterns and authorities as they stand."""
    fields = [line.removeprefix('"').partition('"' if line.startswith('"') else " ")[0] for line in lines]
    return frozenset(name for each in fields for name in each.split(",") if name)


def read_signers(path: Path) -> str:
    """Return the content of a file of allowed signers; empty when it cannot be read or names nobody.

    Raises Untrusted when others could have written it.
    """
    try:
        with os.fdopen(Trust().open(path), encoding="utf-8") as stream:
            text = stream.read(_LARGEST)
    except (OSError, ValueError):
        return ""
    lines = [line.strip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))
