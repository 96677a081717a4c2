"""The egress recorder keeps a bounded number of attempts, and says when there were more."""

from __future__ import annotations

from drp.sandboxes.netns import Inside
from drp.sandboxes.recorder import Packet, Recorder


def packet(number: int, flags: int = 0x02) -> Packet:
    destination = f"10.0.{number >> 8}.{number & 255}"
    return Packet(
        protocol=6, source="10.9.9.9", source_port=5000, destination=destination, port=443, flags=flags, payload=b""
    )


def test_attempts_beyond_the_limit_are_counted_and_said():
    recorder = Recorder(Inside())
    for number in range(1500):
        recorder._see(packet(number))
    recorder._see(packet(3))  # known already
    *kept, last = recorder.attempts()
    assert len(kept) == 1000
    assert last.destination == "500 further attempts that were not kept"
    recorder.close()


def test_what_the_probe_tried_does_not_count():
    recorder = Recorder(Inside())
    with recorder.unrecorded():
        for number in range(1500):
            recorder._see(packet(number))
    assert recorder.attempts() == ()
    recorder.close()
