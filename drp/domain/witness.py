"""Who says so: whether a statement was read by drp, said by the restored system, or seen from outside. Pure.

Restored software may hold the attacker who made the restore necessary. What its own server or its own code answers is
testimony; what drp's program read of the volume where nothing restored was running is not.
"""

from __future__ import annotations

from typing import Literal

Witness = Literal["drp", "restored", "outside"]
"""drp: bytes on the volume, read by drp's program where no restored process runs · restored: said by the restored
system's own server or code · outside: ports, protocols, egress and isolation, as they were seen from outside."""

Place = Literal["reader", "caller", "beside"]
"""Where a check runs. reader: a cell with the restored bytes and nothing else, before anything restored has run ·
caller: a cell that shares the running application's network and reads its bytes, and that it cannot reach · beside: in
the application's own sandbox, where it can reach the check."""

Trust = Literal["none", "restored"]
"""Whether what the restored system says may let an application pass; without it, only what drp read counts."""

_OF_LETTERS: dict[str, Witness] = {"C": "restored", "A": "restored", "U": "restored", "I": "outside", "B": "outside"}
"""By the letter of a finding's code, where the finding does not say it itself; all others are drp's own."""

_BY_DRP = frozenset(
    ("B002", "B003", "B004", "B005", "B006", "C003", "C005", "C006", "C007", "C008", "C009", "C012", "I003", "U007")
)
"""What drp itself sees although its letter is another one's: what is missing, what a manifest says, a digest."""


def stamped(place: Place, claimed: Witness) -> Witness:
    """Return who says what a check at this place states: where it ran decides, and not what it claims.

    From a caller a statement may be what is seen from outside; one made beside the application is the application's.
    """
    if place == "reader":
        return "drp"
    return "outside" if place == "caller" and claimed == "outside" else "restored"


def counts(witness: Witness, trust: Trust) -> bool:
    """Return whether a statement of this witness may let an application pass."""
    return trust == "restored" or witness == "drp"


def witness_of_code(code: str) -> Witness:
    """Return who says what a finding of this code (such as ``DRP-H002``) states."""
    short = code.removeprefix("DRP-")
    return "drp" if short in _BY_DRP else _OF_LETTERS.get(short[:1], "drp")
