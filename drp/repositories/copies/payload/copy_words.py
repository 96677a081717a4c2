"""What a program that restores copies tells drp: lines of JSON, within bounds, names escaped."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from typing import Any

NAMED, REFUSED_NAMED = 200, 20
LONGEST = 400
SECONDS_BETWEEN = 0.5
CANNOT_BE_MADE = {errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.ENXIO}
GONE = {errno.ENOENT, errno.ESTALE, errno.ENOTDIR, errno.ELOOP}
BROKEN = {errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENODATA, errno.EILSEQ, errno.EREMOTEIO}
"""What disks and file systems say of bytes that are lost. Whatever else keeps a file from being copied is no damage."""


class Stop(Exception):
    """Nothing more can be copied."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Said:
    """What is told to drp, within bounds."""

    def __init__(self, silent: bool = False) -> None:
        self._silent = silent
        self.errors = self.refused = 0
        self.reason, self.why = "", ""
        self.counts = {"done_bytes": 0, "total_bytes": 0, "done_files": 0, "total_files": 0}
        self._last = time.monotonic()

    def progress(self, files: int = 0, size: int = 0) -> None:
        self.counts["done_files"] += files
        self.counts["done_bytes"] += size
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN:
            self._last = now
            say("status", **self.counts)

    def error(self, path: bytes, message: str, reason: str = "unreadable") -> None:
        """Name what was not restored; the first one that says nothing about the backup tells why it all ends."""
        self.errors += 1
        if self._silent:
            return
        if reason != "unreadable" and not self.reason:
            self.reason, self.why = reason, "{}: {}".format(shown(path), message)
        if self.errors <= NAMED:
            say("error", item=shown(path), message=message, reason=reason)

    def refuse(self, path: bytes, what: str, error: OSError) -> None:
        """Tell what no sandbox can make, whoever asks."""
        if error.errno not in CANNOT_BE_MADE:
            self.error(path, "{}: {}".format(what, os.strerror(error.errno or 0)), "here")
            return
        self.refused += 1
        if self.refused <= REFUSED_NAMED:
            message = "{}: {}".format(what, os.strerror(error.errno or 0))
            say("error", item=shown(path), message=message, cannot_be_made=True)

    def unread(self, path: bytes, error: OSError) -> None:
        """Name what could not be copied, by what it says of the backup."""
        number = error.errno or 0
        reason = "denied" if number in {errno.EACCES, errno.EPERM} else "changed" if number in GONE else "here"
        self.error(path, os.strerror(number), "unreadable" if number in BROKEN else reason)


def say(kind: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"message_type": kind, **fields}) + "\n")
    sys.stdout.flush()


def shown(path: bytes) -> str:
    text = "/" + path.decode("utf-8", "backslashreplace").lstrip("/")
    return text if len(text) <= LONGEST else "…" + text[-LONGEST:]
