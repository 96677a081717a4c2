"""Runs inside the sandbox: sends one HL7 v2 message over MLLP and returns the acknowledgement, read field by field."""

import json
import socket
import sys
import time
import uuid

from deadline import within

START, END = b"\x0b", b"\x1c\r"
LIMIT = 1 << 20


def exchange(request, message):
    """Return the framed answer without its frame."""
    with socket.create_connection((request["host"], request["port"]), timeout=request["seconds"]) as peer:
        peer.sendall(START + message.encode("utf-8") + END)
        received = b""
        while END not in received and len(received) < LIMIT:
            chunk = peer.recv(65536)
            if not chunk:
                break
            received += chunk
    if not received:
        raise ValueError("the connection was closed without an acknowledgement")
    if not received.startswith(START) or END not in received:
        raise ValueError(f"the answer is not framed as MLLP: {received[:40]!r}")
    return received[1 : received.index(END)].decode("utf-8", "replace")


def acknowledgement(text):
    """Return the fields of MSA, split as the answer's own header says."""
    segments = [line for line in text.replace("\n", "\r").split("\r") if line]
    if not segments or not segments[0].startswith("MSH") or len(segments[0]) < 4:
        raise ValueError("the answer has no message header")
    separator = segments[0][3]
    for segment in segments:
        fields = segment.split(separator)
        if fields[0] == "MSA":
            fields += [""] * 4
            return {"code": fields[1], "control": fields[2], "text": fields[3][:200]}
    raise ValueError("the answer has no MSA segment")


def acknowledged(request, message):
    """Send, and return what came back."""
    with within(request["seconds"]):
        return acknowledgement(exchange(request, message))


given = json.load(sys.stdin)
control = uuid.uuid4().hex[:20]
sent = "\r".join(given["segments"]).replace("{control}", control)
sent = sent.replace("{now}", time.strftime("%Y%m%d%H%M%S+0000", time.gmtime())) + "\r"
try:
    result = {"answered": True, "sent": control, **acknowledged(given, sent)}
except (OSError, ValueError) as error:
    result = {"answered": False, "reason": f"{type(error).__name__}: {error}"[:300]}
json.dump(result, sys.stdout)
