"""Print the last lines of a log that restored code may have replaced: no link, no pipe, and never waiting for more.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import stat
import sys

LINES, BYTES = 40, 1 << 16


def main(path: str) -> None:
    """Print what is there, or why there is nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            sys.exit(f"{path} is no regular file any more")
        text = os.pread(handle, BYTES, max(0, found.st_size - BYTES))
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    print("\n".join(text.decode("utf-8", "replace").splitlines()[-LINES:]))


main(sys.argv[1])
