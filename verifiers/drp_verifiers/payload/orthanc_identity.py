"""Runs inside the sandbox: compares what an image says it is about with what Orthanc's index says of it.

Patient and unique identifiers are those of every image below. Other tags of a patient or study are in the index as the
first image had them, so one image that agrees is enough, and none that does proves damage only where two were swapped.
"""

import hashlib
import os
import sqlite3
import zlib

from dicom_elements import (
    BIG_ENDIAN,
    BROKEN,
    CHUNK,
    IMPLICIT,
    UNDEFINED,
    Beyond,
    Damaged,
    Source,
    data_set,
    meta,
)

LISTED = 20
EXPLICIT = "1.2.840.10008.1.2.1"
LAST = (0x0020, 0x000E)
CHARSET = (0x0008, 0x0005)
WANTED = {
    (0x0010, 0x0020): "patient",
    (0x0020, 0x000D): "study",
    (0x0020, 0x000E): "series",
    (0x0008, 0x0018): "instance",
    (0x0008, 0x0050): "accession",
    (0x0010, 0x0010): "name",
    (0x0010, 0x0030): "birth",
}
PATH = ("patient", "study", "series", "instance")
OF_ALL = (*PATH, "patient of study")
OF_ONE = {"accession": 1, "name": 2, "birth": 2, "name of study": 1, "birth of study": 1}
"""Whose tags these are: of the study or of the patient."""
COPY = " of study"
CODECS = {"ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 192": "utf-8", "ISO_IR 144": "iso8859-5"}
"""Character sets (PS3.3, section C.12.1.1.2) that are read for sure; text in others is not compared."""


class Unpacked(Source):
    """Gives the bytes of an attachment that Orthanc keeps packed: eight bytes of size, then zlib (RFC 1950)."""

    def __init__(self, file, overdue=None):
        """Begin after the size."""
        super().__init__(file, overdue)
        self.inflater = zlib.decompressobj()
        file.read(8)

    def more(self, size):
        """Inflate as much as is asked for."""
        found = b""
        while len(found) < size and not self.inflater.eof:
            packed = self.inflater.unconsumed_tail or self.file.read(CHUNK)
            if not packed:
                break
            found += self.inflater.decompress(packed, size - len(found))
        return found


def tags(source, syntax, offset):
    """Return the raw values that are wanted; they come in the order of their tags."""
    reader = data_set(source, syntax, offset)
    found = {}
    while not reader.ended():
        tag, kind, length = reader.header()
        if tag > LAST:
            break
        if length == UNDEFINED:
            reader.skip_undefined(kind)
            continue
        value = reader.take(length)
        if tag in WANTED or tag == CHARSET:
            found[WANTED.get(tag, "charset")] = value if tag in WANTED else value.strip(b" \x00")
    return found


def identifiers(file):
    """Return what an image is about, None when it is not written as Part 10 says, or cannot be read."""
    source = file if isinstance(file, Source) else Source(file)
    try:
        if source.peek(132)[128:132] == b"DICM":
            source.read(132)
            syntax, _, offset = meta(source)
            return tags(source, syntax, offset)
        return bare(source)
    except (Beyond, Damaged, *BROKEN):
        return None


def bare(source):
    """Return what an image without the head of PS3.10 is about: Orthanc takes and keeps it as it comes."""
    if source.peek(2)[:2] == b"\x02\x00":
        syntax, _, offset = meta(source)
        return tags(source, syntax, offset)
    head = source.peek(8)[:8]
    if len(head) < 8:
        return None
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    big = head[0] == 0 and head[1] != 0
    found = tags(source, BIG_ENDIAN if explicit and big else EXPLICIT if explicit else IMPLICIT, 0)
    return found if "instance" in found else None


def agrees(indexed, raw, charset):
    """Tell whether a value of the index is that of the file; None: in another alphabet, nobody can say."""
    said = (indexed or "").strip(" \x00")
    if raw.isascii() and b"\x1b" not in raw:
        return said == raw.decode("ascii")
    try:
        if raw.decode(CODECS[charset]).strip() == said:
            return True
    except (LookupError, UnicodeDecodeError):
        pass
    # what is plain can only be plain; two that are not may be one text
    return False if said.isascii() and b"\x1b" not in raw and charset in CODECS else None


def public(values):
    """Return the name that Orthanc gives an image: SHA-1 of its identifiers."""
    digest = hashlib.sha1(b"|".join(values), usedforsecurity=False).hexdigest()
    return "-".join(digest[at : at + 8] for at in range(0, 40, 8))


class Identities:
    """Counts images that are who the index says, and keeps the rest for the end, in a file."""

    def __init__(self, scratch):
        """Begin with nothing."""
        self.memory = sqlite3.connect(os.path.join(scratch, "memory"), isolation_level=None)
        self.memory.execute("PRAGMA journal_mode = OFF")
        self.memory.execute("PRAGMA synchronous = OFF")
        self.memory.execute(
            "CREATE TABLE loose (resource TEXT, tag TEXT, indexed TEXT, filed TEXT, agrees INTEGER,"
            " PRIMARY KEY (resource, tag)) WITHOUT ROWID"
        )
        self.same = self.other = self.unclear = self.unread = 0
        self.listed = []

    def note(self, names, indexed, about):
        """Take one image: names of itself, its study and its patient; what the index has; what the file has."""
        if about is None:
            self.unread += 1
            return
        charset = about.get("charset", b"").decode("ascii", "replace")
        said = {}
        for tag, value in indexed.items():
            # a copy that is not kept (before Orthanc 1.4, or of what is empty) says nothing wrong
            gone = tag.endswith(COPY) and not value
            said[tag] = True if gone else agrees(value, about.get(tag.replace(COPY, ""), b"").strip(b" \x00"), charset)
        wrong = [tag for tag in OF_ALL if said[tag] is False]
        raw = [about.get(tag, b"") for tag in PATH]
        if not wrong and all(value.isascii() for value in raw):
            # blanks at the end are kept by Orthanc where the file does not say that it is text (UN)
            own = [value.strip(b" \x00") for value in raw], raw, [(indexed[tag] or "").encode() for tag in PATH]
            wrong = [] if str(names[0]) in map(public, own) else ["public identifier"]
        if wrong:
            self.other += 1
            if len(self.listed) < LISTED:
                self.listed.append([str(names[0])[:64], *wrong])
        elif any(said[tag] is None for tag in OF_ALL):
            self.unclear += 1
        else:
            self.same += 1
        for tag, level in OF_ONE.items():
            raw = about.get(tag.replace(COPY, ""), b"").strip(b" \x00")
            self.loosely(str(names[level]), tag, indexed[tag], raw, agreed=said[tag])

    def loosely(self, resource, tag, indexed, raw, *, agreed):
        """Keep whether any image agrees with what a study or patient has in the index."""
        self.memory.execute(
            "INSERT INTO loose VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET agrees = max(agrees, excluded.agrees)",
            (resource, tag, (indexed or "").strip(" \x00"), raw.decode("latin-1"), int(agreed is not False)),
        )

    def answer(self):
        """Return the counts, and which tags no image has: swapped with another's, or unlike all."""
        # the index has here what images of another have, whose own is elsewhere too
        swapped = (
            "FROM loose a JOIN loose b ON a.tag = b.tag AND a.indexed = b.filed AND a.indexed <> ''"
            " AND a.resource <> b.resource WHERE a.agrees = 0 AND b.agrees = 0"
        )
        self.memory.execute("CREATE INDEX filed ON loose (tag, filed) WHERE agrees = 0")
        names = self.memory.execute(f"SELECT DISTINCT a.resource, a.tag {swapped} LIMIT {LISTED}").fetchall()
        unlike = self.memory.execute(f"SELECT resource, tag FROM loose WHERE agrees = 0 LIMIT {LISTED}").fetchall()
        return {
            "same": self.same,
            "other": self.other,
            "unclear": self.unclear,
            "unread": self.unread,
            "listed": self.listed,
            "swapped": [[resource[:64], tag] for resource, tag in names],
            "unlike": [[resource[:64], tag] for resource, tag in unlike],
        }
