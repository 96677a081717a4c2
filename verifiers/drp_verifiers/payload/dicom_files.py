"""Runs inside the sandbox: reads every DICOM file of a folder to its last byte, without any library.

A file is sound when its elements end exactly at the end of the file, it names patient, study, series and instance, and
its pixel data is as long as rows, columns, samples, bits and frames say. Pixels themselves are not judged: only a
stored digest tells a flipped bit.
"""

import json
import os
import struct
import sys
import time

from dicom_elements import (
    BIG_ENDIAN,
    BROKEN,
    DEFLATED,
    IMPLICIT,
    UNDEFINED,
    Beyond,
    Damaged,
    Source,
    data_set,
    meta,
    text,
)
from failure import failure
from regular import led_out, opened

LISTED = 20
EXPLICIT = "1.2.840.10008.1.2.1"
DIRECTORY = "1.2.840.10008.1.3.10"
PIXELS = (0x7FE0, 0x0010)
WANTED = {
    (0x0008, 0x0018): "instance",
    (0x0010, 0x0020): "patient",
    (0x0020, 0x000D): "study",
    (0x0020, 0x000E): "series",
    (0x0028, 0x0002): "samples",
    (0x0028, 0x0004): "photometric",
    (0x0028, 0x0008): "frames",
    (0x0028, 0x0010): "rows",
    (0x0028, 0x0011): "columns",
    (0x0028, 0x0100): "bits",
}
NUMBERS = {"samples", "rows", "columns", "bits"}


def elements(source, syntax, offset):
    """Return the wanted values, and how many bytes of pixel data there are (None: no pixels)."""
    reader = data_set(source, syntax, offset)
    found, pixels = {}, None
    while not reader.ended():
        tag, kind, length = reader.header()
        if length == UNDEFINED:
            size = reader.skip_undefined(kind)
        else:
            value, size = reader.take(length), length
            if tag in WANTED:
                name = WANTED[tag]
                found[name] = struct.unpack(reader.order + "H", value[:2])[0] if name in NUMBERS else text(value)
        if tag == PIXELS:
            pixels = size
    return found, pixels


def plain_length(found):
    """Return how many bytes uncompressed pixels take."""
    bits = 1
    for name in ("rows", "columns", "samples", "bits"):
        bits *= found.get(name, 1 if name == "samples" else 0)
    if found.get("photometric") == "YBR_FULL_422":
        bits = bits * 2 // 3
    frames = found.get("frames") or "1"
    if not frames.isdecimal():
        raise Damaged("frames-none")
    return (bits * int(frames) + 7) // 8


def judge(source):
    """Return what a sound file is about, None for a directory of a medium."""
    syntax, kind, offset = meta(source)
    found, pixels = elements(source, syntax, offset)
    if kind == DIRECTORY:
        return None
    missing = [name for name in ("instance", "study", "series") if not found.get(name)]
    if missing:
        raise Damaged("names-no", missing[0])
    if pixels is not None and syntax in {IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN}:
        wanted = plain_length(found)
        if pixels < wanted:
            raise Damaged("pixels-short", pixels, wanted)
    elif pixels == 0:
        raise Damaged("no-pixels")
    return found


class Overdue(Exception):
    """The time for all files is over."""


class Clock:
    """One deadline for all files: a folder may hold more than can be read, or files that never end."""

    def __init__(self, seconds):
        """Begin now."""
        self.ends = time.monotonic() + seconds

    def look(self):
        """Raise Overdue when the time is over."""
        if time.monotonic() > self.ends:
            raise Overdue


def read(path, clock):
    """Return what a DICOM file is about, None for another file."""
    with opened(path) as file:
        if file.read(132)[128:] != b"DICM":
            return None
        return judge(Source(file, clock.look))


def unread_kind(path):
    """Return why a file that is none of DICOM's may be one all the same: Orthanc packs images with zlib."""
    with opened(path) as file:
        head = file.read(10)
    if not head:
        return "empty"
    # the size when unpacked, then a stream of zlib (RFC 1950, section 2.2)
    return "packed" if head[8:9] == b"\x78" and head[5:8] == bytes(3) and len(head) == 10 else ""


def shown(path):
    """Return a name as text without anything that a terminal would act on."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


class Archive:
    """What was found below a folder."""

    def __init__(self, root, clock, within):
        """Start with nothing found; a link that leads out of the restored tree is no folder of it."""
        self.root, self.clock = root, clock
        self.is_there = os.path.isdir(root) and not led_out(root, within)
        self.numbers = dict.fromkeys(
            ("sound", "damaged", "others", "twice", "packed", "empty", "unnamed", "unread", "beyond", "late"), 0
        )
        self.listed, self.repeated, self.out_of_reach = [], [], []
        self.studies, self.patients, self.series, self.instances = {}, set(), set(), set()

    def note(self, kind):
        """Count one thing."""
        self.numbers[kind] += 1

    def name(self, names, path, error=None):
        """Keep the first names of a kind, with what is the matter."""
        if len(names) < LISTED:
            name = shown(os.path.relpath(path, self.root))[:200]
            names.append(name if error is None else [name, failure(error)])

    def walk(self):
        """Yield every regular file below the folder, in a stable order; a folder that cannot be listed is noted."""
        for folder, folders, names in os.walk(self.root, onerror=lambda _: self.note("unread")):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path

    def all(self):
        """Look at every file, until the time is over."""
        if not self.is_there:
            return
        try:
            for path in self.walk():
                self.clock.look()
                self.take(path)
        except Overdue:
            self.note("late")

    def take(self, path):
        """Look at one file."""
        try:
            about = read(path, self.clock)
            kind = unread_kind(path) if about is None else ""
        except PermissionError:  # the reader's account, and not the image
            self.note("unread")
        except Beyond as error:
            self.note("beyond")
            self.name(self.out_of_reach, path, error)
        except (Damaged, *BROKEN) as error:
            self.note("damaged")
            self.name(self.listed, path, error)
        else:
            if about is None:
                self.note("others")
                if kind:
                    self.note(kind)
            else:
                self.keep(path, about)

    def keep(self, path, about):
        """Count a file that is whole."""
        self.note("sound")
        if about["instance"] in self.instances:
            self.note("twice")
            self.name(self.repeated, path)
        self.instances.add(about["instance"])
        self.numbers["unnamed"] += not about.get("patient")
        self.series.add(about["series"])
        self.patients.add(about.get("patient", ""))
        # an instance that stands in two files is one image of its study
        self.studies.setdefault(about["study"], set()).add(about["instance"])

    def answer(self):
        """Return everything."""
        found = {"patients": self.patients, "studies": self.studies, "series": self.series, "instances": self.instances}
        return {
            "exists": self.is_there,
            **self.numbers,
            "listed": self.listed,
            "repeated": self.repeated,
            "out_of_reach": self.out_of_reach,
            "counts": {kind: len(names) for kind, names in found.items()},
            "studies": {uid: len(names) for uid, names in self.studies.items()},
        }


if __name__ == "__main__":
    given = json.load(sys.stdin)
    archive = Archive(given["root"], Clock(given.get("seconds") or 3600), given.get("within"))
    archive.all()
    json.dump(archive.answer(), sys.stdout)
