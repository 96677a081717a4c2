"""Runs inside the sandbox: opens restored files without being led elsewhere, and without waiting."""

import errno
import os
import stat

SMALL = 1 << 20


def opened(path):
    """Open a regular file for reading bytes; never through a link, never a pipe or device. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no regular file", path)
    return os.fdopen(handle, "rb")


def is_regular(path):
    """Return whether a file is one itself, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def led_out(path, root):
    """Return where a restored path leads when links take it out of the restored tree, empty when they do not.

    What lies on the machine that reads is nothing that was backed up. A path that is not below the tree is meant as is.
    """
    if not root or not os.path.normpath(path).startswith(root.rstrip("/") + "/"):
        return ""
    real, home = os.path.realpath(path), os.path.realpath(root)
    return "" if real == home or real.startswith(home.rstrip("/") + "/") else real


def small_text(path, otherwise=None):
    """Return the text of a small file; what is longer is no configuration, password or token.

    ``otherwise`` is how it is read where it is no UTF-8.
    """
    with opened(path) as file:
        text = file.read(SMALL + 1)
    if len(text) > SMALL:
        raise ValueError(f"{path} is longer than {SMALL} bytes")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        if otherwise is None:
            raise
        return text.decode(otherwise)


def first_line(path):
    """Return the first line of a small file, without its end: a password, a token."""
    return small_text(path).split("\n", 1)[0].rstrip("\r")


def copied(source, target):
    """Copy a regular file; no more than it held when it was opened, so that a growing one ends."""
    with opened(source) as reader, open(target, "xb") as writer:
        left = os.fstat(reader.fileno()).st_size
        while left > 0 and (chunk := reader.read(min(left, 1 << 20))):
            writer.write(chunk)
            left -= len(chunk)
