"""What sign-offs say about the rest: keys that must be there, and checklists that a drill can ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from drp.config.document import Document
from drp.config.problems import Problem, suggestion
from drp.config.references import Inventory
from drp.config.schema_sign_off import ChecklistFile, names_of_signers, read_signers
from drp.domain.phrase import say, several

_KEY = re.compile(r"\S+ .*\b(ssh-|ecdsa-|sk-)\S+ AAAA\S+")


def cross_check_sign_off(inventory: Inventory, site: Path) -> Iterator[Problem]:
    """Yield every file of signers that holds none, and every drill that asks for what no application has."""
    for said, document in inventory.applications.values():
        if said.sign_off is None:
            continue
        if said.sign_off.allowed_signers is None:
            if said.sign_off.principals:
                message = say("nobody's signature is asked for: add `allowed_signers`, the file of their keys")
                yield document.problem(("sign_off", "principals"), message, key=True)
            continue
        lines = read_signers(site / said.sign_off.allowed_signers).splitlines()
        place = ("sign_off", "allowed_signers")
        if not lines:
            message = say("{file} cannot be read, or lists nobody", file=said.sign_off.allowed_signers)
            yield document.problem(place, message)
        elif not all(_KEY.match(line) for line in lines):
            message = say(
                "{file} is no list of allowed signers: `NAME ssh-ed25519 AAAA…` a line",
                file=said.sign_off.allowed_signers,
            )
            yield document.problem(place, message)
        else:
            yield from _unknown_principals(said.sign_off, lines, document)
    for drill, document in inventory.drills.values():
        if drill.sign_off is None or not drill.sign_off.required:
            continue
        names = [entry if isinstance(entry, str) else entry.application for entry in drill.recoveries]
        known = [inventory.applications[name][0] for name in names if name in inventory.applications]
        if known and not any(application.sign_off is not None for application in known):
            message = say("none of {names} has a `sign_off` checklist in its file", names=several(names))
            yield document.problem(("sign_off",), message, key=True)


def _unknown_principals(said: ChecklistFile, lines: Sequence[str], document: Document) -> Iterator[Problem]:
    """Yield every principal who has no key in the file, unless one may stand for many: a pattern, an authority."""
    listed = names_of_signers(lines)
    if any(set("*?!") & set(name) for name in listed) or any("cert-authority" in line for line in lines):
        return
    for principal in said.principals or ():
        if principal not in listed:
            message = say(
                "{file} has no key of `{name}`; {guess}",
                file=said.allowed_signers,
                name=principal,
                guess=suggestion(principal, listed),
            )
            yield document.problem(("sign_off", "principals", principal), message, key=True)
