"""Runs inside the sandbox: sends one HL7 v2 message over MLLP and returns the acknowledgement, read field by field."""

import json
import socket
import sys
import time
import uuid

from deadline import within
from failure import failure
from said import Said

START, END = b"\x0b", b"\x1c"
LIMIT = 1 << 20
SETS = {"ASCII": "ascii", "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "": "utf-8"}
"""Character sets of MSH-18 (HL7 table 0211) as Python names them; 8859/n is iso8859-n."""


class Unreadable(Said):
    """What came is no acknowledgement."""


def frames(peer):
    """Yield the content of each frame as it comes; what stands between frames belongs to none (MLLP R1 §3.2)."""
    received, size = b"", 0
    while size < LIMIT:
        chunk = peer.recv(65536)
        if not chunk:
            break
        received, size = received + chunk, size + len(chunk)
        while START in received and END in received[received.index(START) :]:
            content, _, received = received[received.index(START) + 1 :].partition(END)
            yield content
    if received.strip():
        raise Unreadable("no-frame", repr(received[:40]))


def acknowledgements(content):
    """Return every acknowledgement of a frame, split as its own header says; a frame may hold several messages."""
    found, header, separator = [], None, ""
    for segment in content.replace(b"\n", b"\r").split(b"\r"):
        text = segment.strip().decode("latin-1")
        if text.startswith("MSH") and len(text) > 3:
            separator = text[3]
            header = text.split(separator)
        elif separator and text.split(separator)[0].strip() == "MSA":
            fields = [*text.split(separator), "", "", "", ""]
            names = header[17].split("~")[0].strip() if len(header) > 17 else ""
            words = fields[3].encode("latin-1").decode(codec(names), "replace")
            found.append({"code": fields[1].strip(), "control": fields[2].strip(), "text": words[:200]})
    if header is None:
        raise Unreadable("no-header")
    return found


def codec(name):
    """Return the codec of a character set of HL7."""
    if name.startswith("8859/") and name[5:].isdigit() and 1 <= int(name[5:]) <= 16 and name != "8859/12":
        return f"iso8859-{name[5:]}"
    return SETS.get(name, "utf-8")


def exchange(request, message, control):
    """Return the acknowledgement of this message, or else the first that came; several may, and of others before it."""
    first = None
    with socket.create_connection((request["host"], request["port"]), timeout=request["seconds"]) as peer:
        try:
            peer.sendall(START + message.encode("utf-8") + END + b"\r")
            empty = False
            for content in frames(peer):
                for found in acknowledgements(content):
                    if found["control"] == control:
                        return found
                    first = first or found
                empty = empty or first is None
        except (OSError, ValueError, Unreadable):
            if first is None:
                raise
    if first is None:
        raise Unreadable("no-msa" if empty else "closed")
    return first


def acknowledged(request, message, control):
    """Send, and return what came back."""
    with within(request["seconds"]):
        return exchange(request, message, control)


given = json.load(sys.stdin)
control = uuid.uuid4().hex[:20]
sent = "\r".join(given["segments"]).replace("{control}", control)
sent = sent.replace("{now}", time.strftime("%Y%m%d%H%M%S+0000", time.gmtime())) + "\r"
try:
    result = {"answered": True, "sent": control, **acknowledged(given, sent, control)}
except TimeoutError as error:
    result = {"answered": False, "late": True, "reason": failure(error)}
except (OSError, ValueError, Unreadable) as error:
    result = {"answered": False, "reason": failure(error)}
json.dump(result, sys.stdout)
