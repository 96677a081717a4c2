"""What a cell that looks at restored data is: the bytes, read-only, as another user than the restored software's.

As root each such cell takes the ids of a slot of its own, and the volume appears there as if it owned it (an idmapped
mount). Where the kernel cannot map the volume, or there is no other user id to be had (a plain user without sub-ids),
the user is the same, and the cell keeps apart by its own user, process and mount namespaces alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drp.sandboxes.host import mounts
from drp.sandboxes.host.identity import Identity, Slot, identity_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """From where restored data is looked at."""

    identity: Identity
    data: Path
    """Host path of the volume, as this identity may read it."""
    slot: Slot | None = None

    def release(self) -> None:
        """Give its slot back; safe to call again."""
        if self.slot is not None:
            self.slot.release()


def standpoint(owner: Identity, volume: Path, slots: Path, place: Path) -> Standpoint:
    """Return from where a sandbox's data is looked at; mounts lie below ``place``. Raises OSError, SandboxError."""
    same = Standpoint(identity=owner, data=volume)
    if not owner.drop:
        return same
    slot = Slot(slots)
    other = identity_for("single", slot)
    view = place / "view"
    if mounts.bind_readable(volume, view, uid=other.uid, below=True):
        return Standpoint(identity=other, data=view, slot=slot)
    mounts.unmount(view)
    slot.release()
    return same
