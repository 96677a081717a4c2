"""The egress recorder keeps a bounded number of attempts, and says when there were more."""

from __future__ import annotations

import struct

import pytest

from drp.domain.application import ProductionAddress
from drp.sandboxes.network.netns import Inside
from drp.sandboxes.network.recorder import EgressRecorder, Packet
from drp.sandboxes.network.resolver import answer
from drp.sandboxes.network.sinks import Caught


def packet(number: int, flags: int = 0x02) -> Packet:
    destination = f"10.0.{number >> 8}.{number & 255}"
    return Packet(
        protocol=6, source="10.9.9.9", source_port=5000, destination=destination, port=443, flags=flags, payload=b""
    )


def test_attempts_beyond_the_limit_are_counted_and_said():
    recorder = EgressRecorder(Inside())
    for number in range(1500):
        recorder._see(packet(number))
    recorder._see(packet(3))  # known already
    *kept, last = recorder.attempts()
    assert len(kept) == 1000
    assert last.where == "500 further attempts that were not kept"
    recorder.close()


def test_what_the_probe_tried_does_not_count_and_what_others_tried_meanwhile_does():
    recorder = EgressRecorder(Inside())
    recorder.disregard([("10.0.0.5", 443)])
    recorder._see(packet(5))
    recorder._see(packet(6))
    recorder._see(packet(5))
    assert [each.destination for each in recorder.attempts()] == ["10.0.0.6"]
    assert recorder.saw("10.0.0.5", 443)
    recorder.close()


@pytest.mark.parametrize("order", ["connection first", "delivery first"])
def test_what_a_sink_took_is_one_attempt_whichever_thread_hears_of_it_first(order: str):
    """The recorder hears the connection, the sink what came by it: two threads."""
    recorder = EgressRecorder(Inside())
    caught = Caught(destination="10.0.0.5", port=443, payload_bytes=40, payload_digest="ab" * 32)
    for tell in (recorder._see, recorder._caught) if order == "connection first" else (recorder._caught, recorder._see):
        tell(caught if tell == recorder._caught else packet(5))
    recorder._see(packet(5))
    assert [(each.destination, each.payload_bytes) for each in recorder.attempts()] == [("10.0.0.5", 40)]
    recorder._see(packet(6))
    assert len(recorder.attempts()) == 2
    assert recorder.saw("10.0.0.5", 443)
    recorder.close()


def answer_from(number: int) -> Packet:
    return Packet(
        protocol=6, source=f"10.0.0.{number}", source_port=443, destination="10.9.9.9", port=5000, flags=0x12, payload=b""
    )  # fmt: skip


def test_where_addresses_are_declared_only_they_are_inside_answered_or_not():
    recorder = EgressRecorder(Inside())
    recorder.declare([ProductionAddress(address="10.0.0.7")])
    for number in (7, 8):
        recorder._see(packet(number))
    recorder._see(answer_from(8))
    assert [each.destination for each in recorder.attempts()] == ["10.0.0.8"]
    recorder.close()


def datagram(source: tuple[str, int], destination: tuple[str, int]) -> Packet:
    return Packet(
        protocol=17, source=source[0], source_port=source[1], destination=destination[0], port=destination[1], flags=0,
        payload=b"x",
    )  # fmt: skip


def test_a_datagram_that_is_answered_found_its_neighbour_and_the_answer_is_no_attempt():
    recorder = EgressRecorder(Inside())
    recorder._see(datagram(("10.9.9.9", 5000), ("10.0.0.7", 514)))
    recorder._see(datagram(("10.9.9.9", 5000), ("10.0.0.8", 514)))
    assert len(recorder.attempts()) == 2
    recorder._see(datagram(("10.0.0.7", 514), ("10.9.9.9", 5000)))
    assert [each.destination for each in recorder.attempts()] == ["10.0.0.8"]
    recorder.close()


# ---- the resolver


def query(*labels: bytes, kind: int = 1) -> bytes:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", kind, 1)


KNOWN = {"lis.example": [bytes([10, 20, 0, 12])]}


def test_no_name_of_the_outside_exists():
    response, name = answer(query(b"Billing", b"Example"), KNOWN)
    assert name == "billing.example"
    assert struct.unpack("!HHHHHH", response[:12]) == (7, 0x8183, 1, 0, 0, 0)
    assert response[12:] == query(b"Billing", b"Example")[12:]


def test_names_of_restored_applications_lead_to_them():
    response, _ = answer(query(b"LIS", b"example"), KNOWN)
    assert struct.unpack("!HHHHHH", response[:12]) == (7, 0x8180, 1, 1, 0, 0)
    assert response.endswith(struct.pack("!HHHIH", 0xC00C, 1, 1, 0, 4) + bytes([10, 20, 0, 12]))
    response, _ = answer(query(b"lis", b"example", kind=28), KNOWN)
    assert struct.unpack("!HHHHHH", response[:12]) == (7, 0x8180, 1, 0, 0, 0), "it exists, without such an address"


@pytest.mark.parametrize(
    "hostile",
    [b"", b"x", query(b"a")[:-1], query(b"a")[:13], query(b"a" * 60, b"b" * 60, b"c" * 60, b"d" * 60, b"e" * 60), query() * 2,
     bytes(12) + b"\xc0\x0c\0\1\0\1", b"\0\0\x80\0" + query(b"a")[4:]],
)  # fmt: skip
def test_what_is_no_query_names_nothing(hostile: bytes):
    _, name = answer(hostile, KNOWN)
    assert name == ""
