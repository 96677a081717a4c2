"""Who called whom in a pod: each conversation once, answers are no calls, and nobody hides behind another's address."""

from __future__ import annotations

from drp.sandboxes.network.contacts import OTHERS, Contacts
from drp.sandboxes.network.packets import ACK, SYN, TCP, UDP, Packet

OWNERS = {"10.0.0.1": "ehr", "10.0.0.2": "lis", "10.0.0.3": "pacs"}


def packet(
    source: str, destination: str, port: int = 80, *, by: int = TCP, flags: int = SYN, own: int = 5000
) -> Packet:
    return Packet(
        protocol=by, source=source, source_port=own, destination=destination, port=port, flags=flags, payload=b""
    )


def seen(contacts: Contacts, name: str) -> list[tuple[str, str, str, int]]:
    return [(each.source, each.destination, each.place, each.count) for each in contacts.of(name)]


def test_a_connection_is_a_call_its_answer_and_a_repetition_are_none() -> None:
    contacts = Contacts(OWNERS)
    assert contacts.see("ehr", packet("10.0.0.1", "10.0.0.2"))
    assert contacts.see("ehr", packet("10.0.0.1", "10.0.0.2")), "sent again"
    assert contacts.see("lis", packet("10.0.0.2", "10.0.0.1", 5000, flags=SYN | ACK, own=80))
    assert contacts.see("ehr", packet("10.0.0.1", "10.0.0.2", own=5001))
    assert seen(contacts, "lis") == seen(contacts, "ehr") == [("ehr", "lis", "tcp 10.0.0.2:80", 2)]
    assert seen(contacts, "pacs") == []


def test_a_connection_from_the_port_that_was_called_is_a_call() -> None:
    contacts = Contacts(OWNERS)
    contacts.see("ehr", packet("10.0.0.1", "10.0.0.2"))
    contacts.see("lis", packet("10.0.0.2", "10.0.0.1", 5000, own=80))
    assert ("lis", "ehr", "tcp 10.0.0.1:5000", 1) in seen(contacts, "ehr")


def test_datagrams_are_one_conversation_both_ways() -> None:
    contacts = Contacts(OWNERS)
    for _ in range(3):
        contacts.see("ehr", packet("10.0.0.1", "10.0.0.2", 514, by=UDP, flags=0))
        contacts.see("lis", packet("10.0.0.2", "10.0.0.1", 5000, by=UDP, flags=0, own=514))
    contacts.see("lis", packet("10.0.0.2", "10.0.0.1", 162, by=UDP, flags=0, own=9))
    assert seen(contacts, "ehr") == [("ehr", "lis", "udp 10.0.0.2:514", 1), ("lis", "ehr", "udp 10.0.0.1:162", 1)]


def test_a_forged_packet_is_told_of_who_sent_it_and_hides_no_call() -> None:
    contacts = Contacts(OWNERS)
    contacts.see("ehr", packet("10.0.0.2", "10.0.0.3", 162, by=UDP, flags=0, own=514))
    assert seen(contacts, "ehr") == [("ehr", "pacs", "udp 10.0.0.3:162", 1)]
    contacts.see("pacs", packet("10.0.0.3", "10.0.0.2", 514, by=UDP, flags=0, own=162))
    assert ("pacs", "lis", "udp 10.0.0.2:514", 1) in seen(contacts, "lis"), "it would look like the answer"


def test_what_is_for_nobody_in_the_pod_is_left_to_others() -> None:
    contacts = Contacts(OWNERS)
    assert not contacts.see("ehr", packet("10.0.0.1", "10.9.9.9"))
    assert contacts.see("ehr", packet("10.0.0.1", "10.0.0.1")), "to itself"
    assert seen(contacts, "ehr") == []


def test_contacts_are_bounded_and_the_rest_is_counted() -> None:
    contacts = Contacts(OWNERS)
    for port in range(1, 1201):
        contacts.see("ehr", packet("10.0.0.1", "10.0.0.2", port))
    contacts.overlooked(30)
    contacts.see("pacs", packet("10.0.0.3", "10.0.0.2"))
    *kept, unseen, others = contacts.of("ehr")
    assert len(kept) == 333, "its share among three"
    assert (unseen.source, unseen.protocol, unseen.count) == ("", OTHERS, 30)
    assert (others.source, others.protocol, others.count) == ("ehr", OTHERS, 867)
    assert seen(contacts, "pacs")[0] == ("pacs", "lis", "tcp 10.0.0.2:80", 1), "nobody hides another's calls"
    assert contacts.of("pacs") == contacts.of("pacs"), "nothing in it changes by itself"


def test_nobody_makes_a_call_look_like_an_answer_by_many_of_his_own() -> None:
    contacts = Contacts(OWNERS)
    contacts.see("ehr", packet("10.0.0.1", "10.0.0.2", 514, by=UDP, flags=0))
    for port in range(1, 5000):
        contacts.see("pacs", packet("10.0.0.3", "10.0.0.2", port, by=UDP, flags=0))
    contacts.see("lis", packet("10.0.0.2", "10.0.0.1", 5000, by=UDP, flags=0, own=514))
    assert not [each for each in contacts.of("ehr") if each.source == "lis"], "still the answer to what was asked"
