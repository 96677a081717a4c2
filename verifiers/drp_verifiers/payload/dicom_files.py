"""Runs inside the sandbox: reads every DICOM file of a folder to its last byte, without any library.

A file is sound when its elements end exactly at the end of the file, it names patient, study, series and instance, and
its pixel data is as long as rows, columns, samples, bits and frames say. Pixels themselves are not judged: only a
stored digest tells a flipped bit.
"""

import json
import os
import struct
import sys
import zlib

LISTED = 20
LIMIT = 1 << 31
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
UNDEFINED = 0xFFFFFFFF
DIRECTORY = "1.2.840.10008.1.3.10"
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
PIXELS = (0x7FE0, 0x0010)
DEEPEST = 64
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


class Damaged(Exception):
    """The file is not what it says."""


class Reader:
    """Reads elements of one data set."""

    def __init__(self, data, offset, *, explicit, big):
        """Begin at an offset."""
        self.data, self.at, self.explicit = data, offset, explicit
        self.order = ">" if big else "<"

    def take(self, size):
        """Return the next bytes."""
        if self.at + size > len(self.data):
            raise Damaged(f"ends {self.at + size - len(self.data)} bytes too early")
        self.at += size
        return self.data[self.at - size : self.at]

    def header(self):
        """Return tag and length of the next element."""
        tag = struct.unpack(self.order + "HH", self.take(4))
        if tag[0] == 0xFFFE or not self.explicit:
            return tag, b"", struct.unpack(self.order + "I", self.take(4))[0]
        kind = self.take(2)
        if not (kind.isalpha() and kind.isupper()):
            raise Damaged(f"no value representation at byte {self.at - 2}")
        if kind in LONG:
            return tag, kind, struct.unpack(self.order + "xxI", self.take(6))[0]
        return tag, kind, struct.unpack(self.order + "H", self.take(2))[0]

    def skip_items(self, depth=0):
        """Walk a sequence or fragments of undefined length to their end; returns the bytes inside of items."""
        if depth > DEEPEST:
            raise Damaged("nested too deeply")
        total = 0
        while True:
            tag, _, length = self.header()
            if tag == SEQUENCE_END:
                return total
            if tag != ITEM:
                raise Damaged(f"no item at byte {self.at - 8}")
            if length == UNDEFINED:
                self.skip_elements(depth + 1)
            else:
                self.take(length)
                total += length

    def skip_undefined(self, kind, depth=0):
        """Walk a value of undefined length; inside of UN everything is implicit (PS3.5 section 6.2.2 note 2)."""
        explicit = self.explicit
        self.explicit = explicit and kind != b"UN"
        try:
            return self.skip_items(depth)
        finally:
            self.explicit = explicit

    def skip_elements(self, depth):
        """Walk the elements of an item of undefined length."""
        while True:
            tag, kind, length = self.header()
            if tag == ITEM_END:
                return
            if length == UNDEFINED:
                self.skip_undefined(kind, depth + 1)
            else:
                self.take(length)


def text(raw):
    """Return a value as text."""
    return raw.decode("ascii", "replace").strip(" \x00")


def meta(data):
    """Return transfer syntax, class of the stored object and where the data set begins."""
    reader, syntax, kind = Reader(data, 132, explicit=True, big=False), "", ""
    while reader.at < len(data) and data[reader.at : reader.at + 2] == b"\x02\x00":
        tag, _, length = reader.header()
        value = reader.take(length)
        if tag == (0x0002, 0x0010):
            syntax = text(value)
        elif tag == (0x0002, 0x0002):
            kind = text(value)
    if not syntax:
        raise Damaged("names no transfer syntax")
    return syntax, kind, reader.at


def elements(data, syntax, offset):
    """Return the wanted values, and how many bytes of pixel data there are (None: no pixels)."""
    if syntax == DEFLATED:
        inflater = zlib.decompressobj(-15)
        data, offset = inflater.decompress(data[offset:], 1 << 30), 0
    reader = Reader(data, offset, explicit=syntax != IMPLICIT, big=syntax == BIG_ENDIAN)
    found, pixels = {}, None
    while reader.at < len(data):
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
    return (bits * int(found.get("frames") or 1) + 7) // 8


def judge(data):
    """Return what a sound file is about, None for a directory of a medium."""
    syntax, kind, offset = meta(data)
    found, pixels = elements(data, syntax, offset)
    if kind == DIRECTORY:
        return None
    missing = [name for name in ("instance", "study", "series") if not found.get(name)]
    if missing:
        raise Damaged(f"names no {missing[0]}")
    if pixels is not None and syntax in {IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN}:
        wanted = plain_length(found)
        if pixels < wanted:
            raise Damaged(f"has {pixels} bytes of pixels, {wanted} are needed")
    elif pixels == 0:
        raise Damaged("has no pixels in its pixel data")
    return found


def read(path):
    """Return the content of a DICOM file, or None for another file."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        head = file.read(132)
        if head[128:] != b"DICM":
            return None
        # no more than there is: a buffer of the limit's size may be refused where memory is limited
        data = head + file.read(min(LIMIT, max(0, os.fstat(handle).st_size - len(head)) + 1))
        if len(data) > LIMIT:
            raise Damaged("is too big to be read")
        return data


def walk(root):
    """Yield every regular file below a folder, in a stable order."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


given = json.load(sys.stdin)
studies, patients, series, instances = {}, set(), set(), set()
sound, damaged, others, twice, listed = 0, 0, 0, 0, []
for path in walk(given["root"]):
    try:
        content = read(path)
        if content is None:
            others += 1
            continue
        about = judge(content)
        if about is None:
            others += 1
            continue
    except (Damaged, OSError, ValueError, struct.error, zlib.error, RecursionError) as error:
        damaged += 1
        if len(listed) < LISTED:
            listed.append(f"{os.path.relpath(path, given['root'])} {error}"[:200])
        continue
    sound += 1
    twice += about["instance"] in instances
    instances.add(about["instance"])
    series.add(about["series"])
    patients.add(about.get("patient", ""))
    studies.setdefault(about["study"], set()).add(about["instance"])
json.dump(
    {
        "exists": os.path.isdir(given["root"]),
        "sound": sound,
        "damaged": damaged,
        "listed": listed,
        "others": others,
        "twice": twice,
        "counts": {
            "patients": len(patients),
            "studies": len(studies),
            "series": len(series),
            "instances": len(instances),
        },
        "studies": {uid: len(found) for uid, found in studies.items()},
    },
    sys.stdout,
)
