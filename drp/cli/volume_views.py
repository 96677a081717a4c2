"""What is left of a sandbox and of its volumes, in a line."""

from __future__ import annotations

from drp.domain.phrase import NOTHING, Phrase, Size, joined, say
from drp.domain.sandbox import Residue
from drp.domain.volume import Erased


def what_is_left(residue: Residue) -> Phrase:
    """Return whether anything is left, and how each volume on disk was made unreadable."""
    told = [_erased(each) for each in residue.erased if each.erased_by != "memory" or not each.done]
    return joined((say("✔ nothing left") if residue.clean else say("✗ SOMETHING IS LEFT"), *told))


def _erased(volume: Erased) -> Phrase:
    at = say("{path} ", path=volume.at) if volume.at else NOTHING
    if not volume.done:
        return say("{at}not erased: {left}", at=at, left=volume.left)
    return say(
        "{at}{by}{size} overwritten{left}",
        at=at,
        by=say("key lost, ") if volume.erased_by == "key" else NOTHING,
        size=Size(volume.overwritten_bytes),
        left=say(" ({left})", left=volume.left) if volume.left else NOTHING,
    )
