"""Where an application's software came from: the images that its file declares, or the backup and the drill host."""

from __future__ import annotations

from drp.domain.evidence import RecoveryRecord
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
