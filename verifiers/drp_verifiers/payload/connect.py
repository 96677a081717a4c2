"""Runs inside the sandbox: connects to a port and reads what the server says first."""

import json
import re
import socket
import sys

from deadline import within
from failure import failure

LIMIT = 4096


def listen(connection, seconds, pattern):
    """Return what the server says until the pattern is found, it stops talking, or the time is over; and if it fits."""
    received, fits = b"", False
    try:
        with within(seconds):
            while not fits and len(received) < LIMIT and (chunk := connection.recv(LIMIT - len(received))):
                received += chunk
                fits = re.search(pattern, received.decode("utf-8", "replace")) is not None
    except OSError:
        pass
    return received.decode("utf-8", "replace"), fits


request = json.load(sys.stdin)
answer = {"connected": False, "reason": None, "heard": "", "matches": False}
try:
    with within(request["seconds"]):
        connection = socket.create_connection((request["host"], request["port"]), request["seconds"])
        answer["connected"] = True
        if request["send"]:
            connection.sendall(request["send"].encode())
    with connection:
        if request["banner"] is not None:
            answer["heard"], answer["matches"] = listen(connection, request["seconds"], request["banner"])
except OSError as error:
    answer["reason"] = failure(error)
json.dump(answer, sys.stdout)
