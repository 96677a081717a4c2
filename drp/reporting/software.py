"""What stood around a restored application: the software it ran from, and the applications beside it."""

from __future__ import annotations

from collections.abc import Sequence

from drp.domain.evidence import RecoveryRecord
from drp.domain.phrase import Data, Instant, Phrase, count, say
from drp.domain.plan import DrillPlan
from drp.domain.sandbox import NeighbourContact, SoftwareFound

_CONTACTS = 25
"""So many contacts with neighbours are shown; the record has all that were kept."""


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
    if "known_interfaces" in record.prepare.proof.facts:
        apart = say(
            "It had a network of its own. In it, it reached {others} at their production addresses, and nothing else.",
            others=Data(", ".join(others)),
        )
        return (apart, *_contacts(record.neighbours))
    return (  # by a drp whose pods were one network
        say(
            "It shared one network without a way out with {others}, each at its production addresses. What anyone of "
            "them tried to send is told once, with the first that was verified after it.",
            others=Data(", ".join(others)),
        ),
    )


def _contacts(contacts: Sequence[NeighbourContact]) -> tuple[Phrase, ...]:
    """Return a phrase for each kind of calls between the application and a neighbour, and one for the rest."""
    told = [each for each in contacts if each.destination]
    unkept = sum(each.count for each in contacts if not each.destination)
    shown = [_contact(each) for each in told[:_CONTACTS]]
    if len(told) > _CONTACTS:
        shown.append(count("and {n} more such contact", "and {n} more such contacts", len(told) - _CONTACTS))
    if unkept:
        shown.append(count("{n} further call was not kept.", "{n} further calls were not kept.", unkept))
    return tuple(shown)


def _contact(contact: NeighbourContact) -> Phrase:
    return count(
        "{destination} was called by {source}: {place}, once ({first}).",
        "{destination} was called by {source}: {place}, {n} times (first {first}).",
        contact.count,
        destination=Data(contact.destination),
        source=Data(contact.source),
        place=Data(contact.place),
        first=Instant(contact.first_at),
    )
