"""Packet sockets that see what leaves: one on a sandbox's loopback, one on every link of a pod's hub."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct

PACKET_IGNORE_OUTGOING, SOL_PACKET, SO_ATTACH_FILTER = 23, 263, 26
SO_RCVBUFFORCE, RECORDER_BYTES = 33, 8 << 20
ETH_P_ALL = 3
_CODES = (0x20, 0x28, 0x30, 0x80, 0x15, 0x35, 0x45, 0x06, 0xB1, 0x50, 0x1C)
"""Of classic BPF, as `egress_filter` names them."""


def assemble(rules: list[tuple[str, int, int, str, str]]) -> bytes:
    """Assemble classic BPF from (label, code, operand, label if true, label if false); an empty label is the next."""
    places = {label: index for index, (label, *_) in enumerate(rules) if label}

    def jump(here: int, label: str) -> int:
        return places[label] - here - 1 if label else 0

    return b"".join(
        struct.pack("HBBI", code, jump(index, true), jump(index, false), operand)
        for index, (_, code, operand, true, false) in enumerate(rules)
    )


def egress_filter(on_loopback: bool = True) -> bytes:
    """Everything that goes to another address than the sandbox's own loopback; of TCP, what has SYN.

    Elsewhere than ``on_loopback`` what is sent to loopback addresses passes as well: there it is out of place.

    Answers to a SYN (source, not destination, is foreign) pass too: they tell that something inside answered. What is
    too short to be judged here passes, and is judged by the recorder.
    """
    word, half, byte, length, equal, least, bits, end, index_header, indexed_byte, less_index = _CODES
    own = "no" if on_loopback else "yes"
    rules = [
        ("", word, 0xFFFFF000, "", ""),
        ("", equal, 0x0800, "v4", ""),
        ("", equal, 0x86DD, "v6", "yes"),
        ("v4", length, 0, "", ""),
        ("", least, 20, "", "yes"),
        ("", half, 6, "", ""),
        ("", bits, 0x1FFF, "d4", ""),  # a later fragment: neither ports nor flags
        ("", byte, 9, "", ""),
        ("", equal, 6, "", "d4"),
        ("", index_header, 0, "", ""),
        ("", length, 0, "", ""),
        ("", less_index, 0, "", ""),
        ("", least, 14, "", "d4"),
        ("", indexed_byte, 13, "", ""),
        ("", bits, 0x02, "", "no"),
        ("", byte, 12, "", ""),
        ("", equal, 127, "", "yes"),
        ("d4", byte, 16, "", ""),
        ("", equal, 127, own, "yes"),
        ("v6", length, 0, "", ""),
        ("", least, 40, "", "yes"),
        ("", byte, 6, "", ""),
        ("", equal, 6, "", "d6"),
        ("", length, 0, "", ""),
        ("", least, 54, "", "d6"),
        ("", byte, 53, "", ""),
        ("", bits, 0x02, "", "no"),
        ("", word, 8, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 12, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 16, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 20, "", ""),
        ("", equal, 1, "", "yes"),
        ("d6", word, 24, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 28, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 32, "", ""),
        ("", equal, 0, "", "yes"),
        ("", word, 36, "", ""),
        ("", equal, 1, own, "yes"),
        ("yes", end, 0xFFFF, "", ""),
        ("no", end, 0, "", ""),
    ]
    return assemble(rules)


def watch(interface: str = "") -> socket.socket:
    """See what arrives on an interface; without one, on every interface that is made from now on."""
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0 if interface else socket.htons(ETH_P_ALL))
    code = egress_filter(on_loopback=bool(interface))
    buffer = ctypes.create_string_buffer(code, len(code))
    channel.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(code) // 8, ctypes.addressof(buffer)))
    channel.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):  # beyond the system's limit only with rights over the host
        with contextlib.suppress(OSError):
            channel.setsockopt(socket.SOL_SOCKET, option, RECORDER_BYTES)
    if interface:
        channel.bind((interface, ETH_P_ALL))
    return channel
