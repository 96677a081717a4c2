"""What the drill host lacked when a drill began, and why it was begun all the same: it may have been slower by that."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord
from drp.domain.phrase import Data, Phrase, Size, say
from drp.domain.precheck import PrecheckReason


def room_limits_of(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield what was short, whose word let it begin, and which sandboxes had to leave room for others."""
    for recovery in record.plan.recoveries:
        if recovery.sandbox.caps:
            yield say(
                "{application}: the site let its sandbox take only so much of processors or disk. The time is true, "
                "and a recovery without that cap may be faster.",
                application=Data(recovery.name),
            )
    admitted = record.admitted
    if admitted is None:
        return
    for reason in admitted.reasons:
        if (phrase := _phrase(reason)) is not None:
            yield phrase
    if admitted.despite and admitted.blocking:
        yield say(
            "The drill was begun although there was no room for it. The reason given: {reason}",
            reason=Data(admitted.despite),
        )


def _phrase(reason: PrecheckReason) -> Phrase | None:
    values = reason.values
    match reason.code:
        case "memory-lacking" | "memory-short":
            return say(
                "When the drill began, its sandboxes might have taken {needed} of memory, and the drill host "
                "had {free}.",
                needed=Size(int(values["needed_bytes"])),
                free=Size(int(values["free_bytes"])),
            )
        case "volume-space" | "state-full" | "state-short":
            return say(
                "When the drill began, {folder} on the drill host had only {free} left.",
                folder=Data(values["folder"]),
                free=Size(int(values["free_bytes"])),
            )
        case "quota-short":
            return say(
                "{application}: the drill host had {free} of memory for what is restored, and its profile says "
                "{needed}.",
                application=Data(values["application"]),
                needed=Size(int(values["needed_bytes"])),
                free=Size(int(values["free_bytes"])),
            )
        case "volume-small":
            return say(
                "{application}: the backup holds {needed}, and the volume that it is restored into {free}.",
                application=Data(values["application"]),
                needed=Size(int(values["needed_bytes"])),
                free=Size(int(values["free_bytes"])),
            )
        case "in-turn":
            return say(
                "The drill host could recover {at_once} of {wanted} applications at a time: the others waited "
                "their turn.",
                at_once=int(values["at_once"]),
                wanted=int(values["wanted"]),
            )
        case "backup-window" | "backup-running":
            return say(
                "Backups were being written to {repository} when the drill began: each slows the other down.",
                repository=Data(values["repository"]),
            )
        case _:
            return None
