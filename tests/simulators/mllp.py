"""An HL7 v2 interface over MLLP that acknowledges, refuses, mistakes, breaks its frame, or says nothing."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Manner = Literal["accept", "commit", "refuse", "mistake", "unframed", "silent", "close", "no-msa"]


@contextmanager
def interface(manner: Manner, received: list[str] | None = None) -> Iterator[int]:
    """Listen on loopback; yields the port. What was received is kept in the given list."""
    kept = received if received is not None else []
    done = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data = b""
            while not data.endswith(b"\x1c\r"):
                chunk = self.request.recv(4096)
                if not chunk:
                    return
                data += chunk
            message = data.strip(b"\x0b\x1c\r").decode()
            kept.append(message)
            answer = answer_to(message, manner)
            if answer is None:
                if manner == "silent":
                    done.wait(30)
                return
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            done.set()
            server.shutdown()
            thread.join()


def answer_to(message: str, manner: Manner) -> bytes | None:
    """Return the framed acknowledgement, or None."""
    control = message.split("\r", maxsplit=1)[0].split("|")[9]
    code = {"accept": "AA", "commit": "CA", "refuse": "AE"}.get(manner, "AA")
    if manner in {"silent", "close"}:
        return None
    if manner == "mistake":
        control = "ANOTHER"
    body = "MSH|^~\\&|INTERFACE|HOSPITAL|HIS|HOSPITAL|20261121||ACK|1|P|2.5.1\r"
    if manner != "no-msa":
        body += f"MSA|{code}|{control}|{'queue is full' if code == 'AE' else ''}\r"
    framed = b"\x0b" + body.encode() + b"\x1c\r"
    return framed[1:] if manner == "unframed" else framed
