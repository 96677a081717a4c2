"""Runs inside the sandbox: looks at a tree without following links, and tells what it found."""

import json
import os
import stat
import sys

from failure import failure
from regular import led_out, opened

LISTED = 20
MAGIC = {
    ".pdf": (0, b"%PDF-"),
    ".png": (0, b"\x89PNG\r\n\x1a\n"),
    ".jpg": (0, b"\xff\xd8\xff"),
    ".jpeg": (0, b"\xff\xd8\xff"),
    ".gif": (0, b"GIF8"),
    ".tif": (0, (b"II*\0", b"MM\0*")),
    ".tiff": (0, (b"II*\0", b"MM\0*")),
    ".gz": (0, b"\x1f\x8b"),
    ".zip": (0, b"PK"),
    ".docx": (0, b"PK"),
    ".xlsx": (0, b"PK"),
    ".odt": (0, b"PK"),
    ".zst": (0, b"\x28\xb5\x2f\xfd"),
    ".xz": (0, b"\xfd7zXZ\0"),
    ".sqlite": (0, b"SQLite format 3\0"),
    ".dcm": (128, b"DICM"),
}


def shown(raw):
    """Return a raw name as text without anything that a terminal would act on."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)[:300]


class Tree:
    """What was found below a root."""

    def __init__(self, root, magic):
        """Start with nothing found."""
        self.root, self.magic = root, magic
        self.files = self.bytes = self.empty = self.mismatched = self.unreadable = 0
        self.newest = (None, b"")
        self.listed = {"empty": [], "mismatched": [], "unreadable": []}

    def note(self, kind, path, error=None):
        """Count a remarkable path, and list the first ones."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.listed[kind]) < LISTED:
            name = shown(os.path.relpath(path, self.root))
            self.listed[kind].append(name if error is None else [name, failure(error)])

    def walk(self):
        """Look at every file below the root; unreadable folders are noted, never skipped in silence."""
        folders = [self.root]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError as error:
                self.note("unreadable", folder, error)
                continue
            for entry in entries:
                self.look(entry, folders)

    def look(self, entry, folders):
        """Take one entry of a folder."""
        try:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                folders.append(entry.path)
            elif stat.S_ISREG(status.st_mode):
                self.take(entry.path, status)
        except OSError as error:
            self.note("unreadable", entry.path, error)

    def take(self, path, status):
        """Take one regular file."""
        self.files += 1
        self.bytes += status.st_size
        if self.newest[0] is None or status.st_mtime_ns > self.newest[0]:
            self.newest = (status.st_mtime_ns, path)
        if status.st_size == 0:
            self.note("empty", path)
        elif self.magic:
            offset, expected = MAGIC.get(os.fsdecode(os.path.splitext(path)[1]).lower(), (0, None))
            if expected is not None:
                with opened(path) as stream:
                    if not stream.read(offset + 16)[offset:].startswith(expected):
                        self.note("mismatched", path)


def heartbeat(root, path):
    """Return the one line of drp's heartbeat file, without following a link or waiting for a pipe."""
    place = os.path.join(root, os.fsencode(path))
    try:
        if led_out(os.fsdecode(place), os.fsdecode(root)):
            return ""
        with opened(place) as file:
            return file.read(100).decode("utf-8", "replace").strip()
    except OSError:
        return ""


request = json.load(sys.stdin)
tree = Tree(os.fsencode(request["root"]), request["magic"])
elsewhere = led_out(request["root"], request.get("within"))
is_folder = os.path.isdir(tree.root) and not elsewhere
if is_folder:
    tree.walk()


def exists(path):
    """Return whether it lies in the tree, be it a link that leads nowhere; what a link on the way leads to does not."""
    place = os.path.join(tree.root, os.fsencode(path))
    return os.path.lexists(place) and not led_out(os.fsdecode(os.path.dirname(place)), request.get("within"))


missing = [path for path in request["must_exist"] if not exists(path)]
answer = {
    "exists": is_folder,
    "elsewhere": shown(os.fsencode(elsewhere)),
    "canary": heartbeat(tree.root, request["canary"]) if request["canary"] and is_folder else "",
    "files": tree.files,
    "bytes": tree.bytes,
    "missing": missing,
    "newest_ns": tree.newest[0],
    "newest_path": shown(os.path.relpath(tree.newest[1], tree.root)) if tree.newest[1] else "",
    **{kind: getattr(tree, kind) for kind in tree.listed},
    **{f"{kind}_list": paths for kind, paths in tree.listed.items()},
}
json.dump(answer, sys.stdout)
