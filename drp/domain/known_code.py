"""How each piece of restored code of a drill is known: from an earlier one, by somebody's word, or not at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from drp.domain.phase import Hashed, Verified
from drp.domain.restored_code import AcceptedCode, RestoredCode
from drp.domain.witness import Witness

CodeState = Literal["changed", "new", "not compared", "first seen", "accepted", "known"]
UNKNOWN: frozenset[CodeState] = frozenset(("changed", "new", "not compared"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCode:
    """A piece of restored code, and how it is known."""

    name: str
    digest: str
    check: str
    witness: Witness
    """Who named it: drp read it, or the restored system listed it."""
    state: CodeState
    told: str = ""
    """The drill that saw it before, or saw what was before; accepted: who says so."""


def known_code(
    hashed: Hashed | None, verified: Verified | None, accepted: Sequence[AcceptedCode]
) -> tuple[KnownCode, ...]:
    """Return every piece of restored code that was met: what nobody knows first, then in the order of the drill."""
    read = frozenset(hashed.code) if hashed is not None else frozenset()
    met = verified.code if verified is not None else hashed.code if hashed is not None else ()
    changed = {(one.check, one.name, one.now): one for one in verified.code_changes} if verified is not None else {}
    by = {(one.what, one.digest): one.by for one in accepted}
    found = []
    for one in met:
        state: CodeState
        change = changed.get((one.check, one.name, one.digest))
        if verified is None:
            state, told = "not compared", ""
        elif change is not None:
            state, told = "changed" if change.was else "new", change.since
        elif (one.name, one.digest) in by:
            state, told = "accepted", by[one.name, one.digest]
        else:
            known = verified.code_compared_with and one.check not in verified.code_first
            state, told = ("known", verified.code_compared_with) if known else ("first seen", "")
        found.append(_known(one, "drp" if one in read else "restored", state, told))
    return tuple(sorted(found, key=lambda one: one.state not in UNKNOWN))


def _known(one: RestoredCode, witness: Witness, state: CodeState, told: str) -> KnownCode:
    return KnownCode(name=one.name, digest=one.digest, check=one.check, witness=witness, state=state, told=told)
