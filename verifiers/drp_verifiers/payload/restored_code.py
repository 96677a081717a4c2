"""Runs where nothing restored does: names the code that a backup brings, each unit with a digest of all its files.

A unit is a folder that a marker names (``tryton.cfg``), a package below ``site-packages``, or a file by itself. Links
are not followed: where one leads is part of the digest.
"""

import hashlib
import json
import os
import stat
import sys
import time

from regular import opened

CHUNK = 1 << 20
LONGEST = 8192
MOST_UNITS = 1000
MOST_FILES = 2_000_000
PACKAGES = "site-packages"
STARTS = (b"\x7fELF", b"#!")


class Code:
    """What was found below a folder."""

    def __init__(self, given):
        """Start with nothing found."""
        self.root, self.marker = given["root"], given.get("marker") or ""
        self.suffixes, self.programs = tuple(given["suffixes"]), given.get("programs", False)
        self.leave = {os.path.normpath(path) for path in given.get("leave") or ()}
        self.ends = time.monotonic() + (given.get("seconds") or 3600)
        self.units, self.files, self.unread, self.whole = {}, 0, 0, True

    def walk(self):
        """Look at every file, folder by folder, until there are too many or the time is over."""
        for folder, folders, names in os.walk(self.root, onerror=self.note):
            folders[:] = sorted(name for name in folders if os.path.join(folder, name) not in self.leave)
            unit = self.unit_of(folder, names)
            for name in sorted(names):
                if self.files >= MOST_FILES or time.monotonic() > self.ends:
                    self.whole = False
                    return
                self.files += 1
                self.take(os.path.join(folder, name), unit)

    def note(self, _):
        """Count what cannot be read."""
        self.unread += 1

    def unit_of(self, folder, names):
        """Return the folder that files of this one are told under, empty if each is told by itself."""
        if self.marker and self.marker in names:
            return folder
        parts = folder.split("/")
        if PACKAGES in parts[:-1]:
            own = "/".join(parts[: parts.index(PACKAGES) + 2])
            return self.within_marked(folder) or own
        return self.within_marked(folder)

    def within_marked(self, folder):
        """Return the marked folder that this one lies in, empty if it lies in none."""
        while self.marker and len(folder) > len(self.root):
            if os.path.lexists(os.path.join(folder, self.marker)):
                return folder
            folder = os.path.dirname(folder)
        return ""

    def take(self, path, unit):
        """Take one file, if it is code."""
        named = path.endswith(self.suffixes) or ".so." in os.path.basename(path)
        if not named and not self.programs:
            return
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                if named:
                    self.keep(unit or path, path, b"-> " + os.fsencode(os.readlink(path)))
            elif stat.S_ISREG(status.st_mode) and (named or (status.st_mode & 0o111 and self.starts(path))):
                self.keep(unit or path, path, self.digest(path))
        except OSError:
            self.unread += 1

    def starts(self, path):
        """Return whether a file begins as a program does. Raises OSError."""
        with opened(path) as file:
            return file.read(4).startswith(STARTS)

    def digest(self, path):
        """Return the digest of a file. Raises OSError."""
        digest = hashlib.sha256()
        with opened(path) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                if time.monotonic() > self.ends:
                    self.whole = False
                    break
        return digest.digest()

    def keep(self, unit, path, content):
        """Add a file to its unit."""
        digest = self.units.setdefault(unit, hashlib.sha256())
        name = os.fsencode(os.path.relpath(path, self.root))
        digest.update(len(name).to_bytes(8, "big") + name + len(content).to_bytes(8, "big") + content)

    def answer(self):
        """Return every unit with its digest; behind the most, all others as one."""
        named = sorted(self.units)
        found = {shown(os.path.relpath(unit, self.root)): self.units[unit].hexdigest() for unit in named[:MOST_UNITS]}
        rest = hashlib.sha256()
        for unit in named[MOST_UNITS:]:
            rest.update(os.fsencode(unit) + b"\0" + self.units[unit].digest())
        return {
            "exists": os.path.isdir(self.root),
            "code": found,
            "more": max(0, len(named) - MOST_UNITS),
            "rest": rest.hexdigest(),
            "files": self.files,
            "unread": self.unread,
            "whole": self.whole,
        }


def shown(path):
    """Return a name as text without anything that a terminal would act on."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)[:LONGEST]


if __name__ == "__main__":
    code = Code(json.load(sys.stdin))
    code.walk()
    json.dump(code.answer(), sys.stdout)
