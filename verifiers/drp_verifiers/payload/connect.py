"""Runs inside the sandbox: connects to a port and reads what the server says first."""

import json
import re
import socket
import sys
import time

LIMIT = 4096


def listen(connection, seconds, pattern):
    """Return what the server says until the pattern is found, it stops talking, or the time is over."""
    received = b""
    deadline = time.monotonic() + seconds
    while len(received) < LIMIT and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            chunk = connection.recv(LIMIT - len(received))
        except OSError:
            break
        if not chunk:
            break
        received += chunk
        if re.search(pattern, received.decode("utf-8", "replace")):
            break
    return received.decode("utf-8", "replace")


request = json.load(sys.stdin)
answer = {"connected": False, "reason": "", "heard": "", "matches": False}
try:
    with socket.create_connection((request["host"], request["port"]), request["seconds"]) as connection:
        answer["connected"] = True
        if request["send"]:
            connection.sendall(request["send"].encode())
        if request["banner"] is not None:
            answer["heard"] = listen(connection, request["seconds"], request["banner"])
            answer["matches"] = re.search(request["banner"], answer["heard"]) is not None
except OSError as error:
    answer["reason"] = error.strerror or str(error)
json.dump(answer, sys.stdout)
