"""Runs where nothing restored reaches it: names the restored files that a declared command runs or is given."""

import hashlib
import json
import os
import sys

from regular import opened

CHUNK = 1 << 20
LONGEST = 8192
MOST_WORDS = 200
LARGEST = 4 << 30


def inside(path, root):
    """Return whether a path, wherever links lead, is a restored file."""
    return path.startswith(root.rstrip("/") + "/") and os.path.isfile(path)


def digest(path):
    """Return the digest of a file. Raises OSError: also for what is too large to be code."""
    found, left = hashlib.sha256(), LARGEST
    with opened(path) as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
            left -= len(chunk)
            if left < 0:
                raise OSError(f"is longer than {LARGEST} bytes")
    return found.hexdigest()


def shown(path):
    """Return a name as text without anything that a terminal would act on."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)[:LONGEST]


if __name__ == "__main__":
    given, code = json.load(sys.stdin), {}
    unread = len(given["words"][MOST_WORDS:])
    root = os.path.realpath(given["root"])
    for word in given["words"][:MOST_WORDS]:
        # also --module=/path and a:b of a search path
        for part in {word, *word.replace("=", ":").split(":")} - {""}:
            real = os.path.realpath(os.path.join(given["directory"], part))
            if inside(real, root):
                try:
                    code[f"program {shown(os.path.relpath(real, root))}"] = digest(real)
                except OSError:
                    unread += 1
    json.dump({"code": code, "unread": unread}, sys.stdout)
