# Copyright the drp authors. GNU General Public License v3.0 or later (see LICENSE in this folder).
"""Run by an Ansible that has loaded already, or by one of its own where there is none.

Arguments: the socket of the one that has loaded, then the command that does without; its last argument is the run's.
Ends as the run ends, and the run ends with it.
"""

import ctypes
import json
import os
import signal
import socket
import sys

ANSWER_BYTES = 64
PR_SET_PDEATHSIG = 1


def ask(path, fifo):
    """Return the exit code of the run, or None: it was not begun."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        try:
            peer.connect(path)
            here = os.getcwd()  # noqa: PTH109 - pathlib would only add an import
            request = {"fifo": fifo, "directory": here, "environment": dict(os.environ)}
            socket.send_fds(peer, [json.dumps(request).encode()], [0, 1, 2])
            if not peer.recv(ANSWER_BYTES):
                return None
        except OSError:
            return None
        try:
            code = int(peer.recv(ANSWER_BYTES) or -signal.SIGKILL)
        except OSError:
            code = -signal.SIGKILL
    return code if code >= 0 else 128 - code


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    code = ask(sys.argv[1], sys.argv[-1])
    if code is None:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command that drp composed
    os._exit(code)


main()
