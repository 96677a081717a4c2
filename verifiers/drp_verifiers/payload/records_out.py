"""Runs inside the sandbox: writes records as compressed lines of JSON; the last line, a list, says how it ended."""

import json
import sys
import zlib

from failure import failure

TOGETHER = 64 << 10
"""Bytes of lines that are compressed at once."""


class Records:
    """Compresses as it goes, so a million records fit in what a command may answer."""

    def __init__(self):
        """Begin."""
        self.packer, self.waiting, self.size = zlib.compressobj(1), [], 0

    def line(self, line):
        """Write one record that is a line of JSON already."""
        self.waiting.append(line)
        self.size += len(line)
        if self.size >= TOGETHER:
            self.pass_on()

    def pass_on(self):
        """Write what waits."""
        self.waiting.append(b"")
        sys.stdout.buffer.write(self.packer.compress(b"\n".join(self.waiting)))
        self.waiting, self.size = [], 0

    def record(self, fields):
        """Write one record."""
        self.line(json.dumps(fields).encode())

    def end(self, reason=None):
        """Write how it ended, as a code and its data; none: every record is there."""
        self.line(json.dumps(["end", reason]).encode())
        self.pass_on()
        sys.stdout.buffer.write(self.packer.flush())
        sys.stdout.buffer.flush()


def answer(read, refused, *other):
    """Answer a request by ``read(request, out)``; ``refused`` says itself what is the matter, other failures do not."""
    given, records, ended = json.load(sys.stdin), Records(), None
    try:
        read(given, records)
    except (refused, OSError, ValueError, LookupError, TypeError, AttributeError, *other) as error:
        ended = failure(error)
    records.end(ended)
