"""Frames between the agent and drp: type (1 byte), length (4 bytes, big endian), payload."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

CHUNK = 1 << 16
FRAME_LIMIT = 8 << 20


def send(peer: socket.socket, kind: bytes, payload: bytes) -> None:
    peer.sendall(kind + struct.pack("!I", len(payload)) + payload)


def send_end(peer: socket.socket, **fields: Any) -> None:
    send(peer, b"X", json.dumps(fields).encode())


def receive(peer: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = peer.recv(min(count - len(data), CHUNK))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def frame(peer: socket.socket) -> tuple[bytes, bytes]:
    header = receive(peer, 5)
    length = struct.unpack("!I", header[1:])[0]
    if length > FRAME_LIMIT:
        raise ValueError("frame too large")
    return header[:1], receive(peer, length)
