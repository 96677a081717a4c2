"""What stood around a restored application: the software it ran from, and the applications it shared a network with."""

from __future__ import annotations

from drp.domain.evidence import RecoveryRecord
from drp.domain.plan import DrillPlan
from drp.domain.sandbox import SoftwareFound
from drp.reporting.phrase import Data, Phrase, say


def software_of(record: RecoveryRecord) -> tuple[Phrase, ...]:
    """Return one phrase for each image; one that says that there is none; nothing when no sandbox was opened."""
    if record.prepare is None:
        return ()
    if not record.prepare.software:
        return (say("Software: what the backup and the drill host's /usr provide."),)
    return tuple(_image(found) for found in record.prepare.software)


def _image(found: SoftwareFound) -> Phrase:
    if found.as_declared:
        return say(
            "Software: image {image} at {at}, digest {digest}.",
            image=Data(found.image),
            at=Data(found.at),
            digest=Data(found.digest),
        )
    return say(
        "Software: image {image} has the digest {digest}, and {expected} is declared: it was not used.",
        image=Data(found.image),
        digest=Data(found.digest),
        expected=Data(found.expected),
    )


def pod_of(plan: DrillPlan, record: RecoveryRecord) -> tuple[Phrase, ...]:
    """Return a phrase when the application was in a pod with others."""
    others = [recovery.name for recovery in plan.recoveries if recovery.name != record.recovery]
    if not plan.pod or not others or record.prepare is None:
        return ()
    return (
        say(
            "It shared one network without a way out with {others}, each at its production addresses. What anyone of "
            "them tried to send is told once, with the first that was verified after it.",
            others=Data(", ".join(others)),
        ),
    )
