"""Runs where a check looks from: the types of a PostgreSQL database as they lie in its files, beside a new cluster's.

Whatever a server prints goes through the output functions that its table of types names. So that table alone is read
from the file, past the server: every version of every row, seen by transactions or not, for a type of the server's
own has never had another function. Forms: storage/bufpage.h, access/htup_details.h, utils/relmapper.h.
"""

import glob
import os
import stat
import struct

from said import Said

PG_TYPE = 1247
MAP_MAGIC = 0x592717
PAGE = 8192
OWN = 12000
"""Types below have the same number in every cluster of a version (access/transam.h, FirstUnpinnedObjectId)."""
NAME, AFTER_OWNER, FIXED = 68, 76, {True: 128, False: 124}
LONGEST = 1 << 30
LP_NORMAL = 1


class Unread(Said):
    """It cannot be read from here."""


def opened(path):
    """Open a regular file and nothing that leads on or waits. Raises Unread."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unread("file", os.path.basename(path), str(error.strerror)) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Unread("no-file", os.path.basename(path))
    return os.fdopen(handle, "rb")


def file_number(folder):
    """Return which file of a database's folder holds its types. Raises Unread."""
    with opened(f"{folder}/pg_filenode.map") as stream:
        content = stream.read(1024)
    magic, count = struct.unpack("<II", content[:8])
    if magic != MAP_MAGIC or count > 64:
        raise Unread("map-form")
    for at in range(8, 8 + 8 * count, 8):
        relation, file = struct.unpack("<II", content[at : at + 8])
        if relation == PG_TYPE:
            return file
    raise Unread("map-no-types")


def types(data, database, version):
    """Return every form in which each type of the server's own lies in a database's file, by number. Raises Unread."""
    folder = folder_of(data, int(database))
    found = {}
    end = FIXED[version >= 14]
    size = 0
    with opened(f"{folder}/{file_number(folder)}") as stream:
        while page := stream.read(PAGE):
            size += len(page)
            if size > LONGEST:
                raise Unread("types-too-large")
            for row in tuples(page):
                if len(row) >= end:
                    number = struct.unpack("<I", row[:4])[0]
                    if 0 < number < OWN:
                        found.setdefault(number, set()).add(row[4:72] + row[AFTER_OWNER:end])
    return found


def folder_of(data, database):
    """Return the folder of a database, which may lie in a tablespace."""
    elsewhere = sorted(glob.glob(f"{glob.escape(data)}/pg_tblspc/*/PG_*/{database}/pg_filenode.map"))
    return os.path.dirname(elsewhere[0]) if elsewhere else f"{data}/base/{database}"


def tuples(page):
    """Yield the data of every row of a page, also of those that were replaced."""
    lower, upper = struct.unpack("<HH", page[12:16]) if len(page) == PAGE else (0, 0)
    if not 24 <= lower <= upper <= PAGE:
        return
    for at in range(24, lower, 4):
        (word,) = struct.unpack("<I", page[at : at + 4])
        offset, flags, length = word & 0x7FFF, (word >> 15) & 3, word >> 17
        if flags == LP_NORMAL and length > 23 and offset + length <= PAGE:
            header = page[offset + 22]
            yield page[offset + header : offset + length]


def name_of(form):
    """Return the name in a type's form."""
    return form[:64].rstrip(b"\0").decode("utf-8", "backslashreplace")


def compare(data, database, version, fresh):
    """Return differences between the types of a database's file and those of a new one, as what, was, is."""
    told = []
    mine = types(data, database, version)
    for number, forms in sorted(fresh.items()):
        (right,) = forms
        others = mine.get(number, set()) - forms
        if number not in mine:
            told.append((f"type {name_of(right)}, in the file of types", "there", "missing"))
        if others:
            what = f"type {name_of(right)}, in the file of types"
            told.append((what, "as the server makes it", difference(right, min(others), version)))
    added = sorted(set(mine) - set(fresh))
    return told + [(f"type {number}, in the file of types", "none", name_of(min(mine[number]))) for number in added]


def difference(right, other, version):
    """Return what differs between two forms of a type."""
    fields = ["subscripting"] if version >= 14 else []
    fields += ["element", "array", "input", "output", "receive", "send", "modifier input", "modifier output", "analyze"]
    begin = 64 + 4 + 12  # name, schema, then lengths and flags up to the relation of a composite type
    wrong = [
        f"{field} {struct.unpack('<I', other[at : at + 4])[0]}, should be {struct.unpack('<I', right[at : at + 4])[0]}"
        for field, at in zip(fields, range(begin, len(right), 4))
        if other[at : at + 4] != right[at : at + 4]
    ]
    return "; ".join(wrong) or "another name, schema, length or kind"
