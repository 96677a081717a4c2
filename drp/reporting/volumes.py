"""What restored data lay on, how much was reserved for it, and how it was made unreadable afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from drp.domain.evidence import RecoveryRecord
from drp.domain.phrase import Data, Phrase, Rate, Size, say
from drp.domain.volume import Erased, VolumeMade
from drp.reporting.words import ERASED_BY, NOT_ERASED

_WHY = {
    "asked": say("the site asks for it"),
    "faster": say("measured as the faster way"),
    "no-encryption": say("the host cannot encrypt it"),
    "copy-on-write": say("its file system writes copies"),
}
_HOW = {
    "key": say("encrypted on disk, its key in memory alone"),
    "overwrite": say("on disk, to be overwritten"),
    "memory": say("in memory"),
}
_SWAP = {
    "none": say("the host has no swap"),
    "off": say("kept out of swap"),
    "limited": say("kept out of swap"),
    "possible": say("what is in it may have been swapped out"),
    "unknown": say("whether it could be swapped out is not known"),
}


@dataclass(frozen=True, slots=True)
class VolumeView:
    """One volume of a sandbox."""

    at: str
    made: Phrase
    erased: Phrase


def volumes_of(record: RecoveryRecord) -> tuple[VolumeView, ...]:
    """Return the volumes that a record names; none of a drp that did not."""
    if record.prepare is None:
        return ()
    gone = {each.at: each for each in record.residue.erased} if record.residue is not None else {}
    return tuple(
        VolumeView(each.at or "/data", _made(each), _erased(gone.get(each.at), kept=record.kept_until is not None))
        for each in record.prepare.sandbox.volumes
    )


def _made(volume: VolumeMade) -> Phrase:
    said = say("{size} reserved, {how}", size=Size(volume.size_bytes), how=_HOW[volume.erased_by])
    if volume.backing == "memory":
        return say("{volume}; {swap}", volume=said, swap=_SWAP[volume.swap])
    if volume.why in _WHY:
        said = say("{volume} ({why})", volume=said, why=_WHY[volume.why])
    if volume.encrypted_bytes_per_second is not None:
        speed = Rate(volume.encrypted_bytes_per_second, 1000)
        said = say("{volume}; the host encrypts {speed}", volume=said, speed=speed)
    return said


def _erased(volume: Erased | None, *, kept: bool) -> Phrase:
    if volume is None:
        return say("Kept on request.") if kept else say("What became of it, the record does not say.")
    said = ERASED_BY[volume.erased_by] if volume.done else NOT_ERASED
    if volume.overwritten_bytes:
        said = say("{done} Overwritten: {size}.", done=said, size=Size(volume.overwritten_bytes))
    return say("{done} {left}", done=said, left=Data(volume.left)) if volume.left else said
