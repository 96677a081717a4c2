"""What approvals say about the rest: keys that must be there, and approvers whom they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from drp.config.document import Document, Place
from drp.config.problems import Problem, suggestion
from drp.config.references import Inventory
from drp.config.schema import SiteFile
from drp.config.schema_schedule import ScheduleFile
from drp.config.schema_sign_off import names_of_signers, read_signers
from drp.domain.phrase import say

_KEY = re.compile(r"\S+ .*\b(ssh-|ecdsa-|sk-)\S+ AAAA\S+")


def cross_check_approvals(
    site: tuple[SiteFile | None, Document | None],
    schedule: tuple[ScheduleFile | None, Document | None],
    inventory: Inventory,
    directory: Path,
) -> Iterator[Problem]:
    """Yield a file of keys that holds none, four eyes that nothing tells apart, and approvers without a key."""
    said, document = site
    if said is None or document is None:
        return
    if said.approvals.allowed_signers is None:
        if said.approvals.four_eyes:
            message = say("whose eyes they are, only keys tell: add `allowed_signers`")
            yield document.problem(("approvals", "four_eyes"), message, key=True)
        return
    file, place = said.approvals.allowed_signers, ("approvals", "allowed_signers")
    lines = read_signers(directory / file).splitlines()
    if not lines:
        yield document.problem(place, say("{file} cannot be read, or lists nobody", file=file))
    elif not all(_KEY.match(line) for line in lines):
        message = say("{file} is no list of allowed signers: `NAME ssh-ed25519 AAAA…` a line", file=file)
        yield document.problem(place, message)
    else:
        yield from _unknown(_named(schedule, inventory), lines, file)


def _named(
    schedule: tuple[ScheduleFile | None, Document | None], inventory: Inventory
) -> Iterator[tuple[Document, Place, str]]:
    """Yield every approver that a file names, and where."""
    for drill, document in inventory.drills.values():
        for index, name in enumerate(drill.approval.approvers if drill.approval is not None else ()):
            yield document, ("approval", "approvers", index), name
    said, at = schedule
    if said is not None and at is not None:
        yield from ((at, place, name) for place, name in _approvers(said, ()))


def _approvers(said: object, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield every approver whom a model, and what lies in it, names."""
    if isinstance(said, BaseModel):
        for name in type(said).model_fields:
            value = getattr(said, name)
            if name == "approvers":
                yield from (((*place, name, index), who) for index, who in enumerate(value or ()))
            else:
                yield from _approvers(value, (*place, name))
    elif isinstance(said, dict | list):
        for key, value in said.items() if isinstance(said, dict) else enumerate(said):
            yield from _approvers(value, (*place, key))


def _unknown(named: Iterator[tuple[Document, Place, str]], lines: Sequence[str], file: str) -> Iterator[Problem]:
    """Yield every approver who has no key in the file, unless one may stand for many: a pattern, an authority."""
    listed = names_of_signers(lines)
    if any(set("*?!") & set(name) for name in listed) or any("cert-authority" in line for line in lines):
        return
    for document, place, name in named:
        if name not in listed:
            guess = suggestion(name, listed)
            message = say("{file} has no key of `{name}`; {guess}", file=file, name=name, guess=guess)
            yield document.problem(place, message)
