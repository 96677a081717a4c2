"""Runs where a check looks from: reads what ``COPY … (FORMAT binary)`` of PostgreSQL writes, without believing it.

Values stay bytes: their meaning is the caller's, by the number of their type.
"""

import struct

from said import Said

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
OID, REGPROC, OIDS, OID_VECTOR, NODE_TREE, NAME, CHAR = 26, 24, 1028, 30, 194, 19, 18
REG_TYPES = (REGPROC, 2202, 2203, 2204, 2205, 2206, 4089, 4096, 4191, 3734, 3769)
MOST_COLUMNS = 1600


class Broken(Said):
    """It is no such stream."""


def rows(content, begin=0):
    """Return the rows of one COPY as tuples of bytes, None for a null, and where it ends. Raises Broken."""
    at = begin + len(SIGNATURE)
    if content[begin:at] != SIGNATURE:
        raise Broken("not-a-copy")
    found = []
    short, long = struct.Struct(">h").unpack_from, struct.Struct(">i").unpack_from
    try:
        at += 8 + long(content, at + 4)[0]
        while True:
            (number,) = short(content, at)
            at += 2
            if number == -1:
                return found, at
            if not 0 <= number <= MOST_COLUMNS:
                raise Broken("not-a-copy")
            row = []
            for _ in range(number):
                (size,) = long(content, at)
                at += 4
                if size < 0:
                    row.append(None)
                else:
                    row.append(content[at : at + size])
                    at += size
            found.append(tuple(row))
    except struct.error:
        raise Broken("breaks-off") from None


def number(value):
    """Return a number of a type that is sent as four bytes. Raises Broken."""
    if value is None or len(value) != 4:
        raise Broken("number-none")
    return struct.unpack(">I", value)[0]


def numbers(value):
    """Return the numbers of an array or vector of them. Raises Broken."""
    if value is None:
        return []
    try:
        dimensions, _, kind = struct.unpack(">iiI", value[:12])
        if not dimensions:
            return []
        count = struct.unpack(">i", value[12:16])[0]
        body = value[20:]
        if dimensions != 1 or kind not in (OID, REGPROC) or len(body) != 8 * count:
            raise Broken("list-none")
        return [struct.unpack(">I", body[8 * at + 4 : 8 * at + 8])[0] for at in range(count)]
    except struct.error:
        raise Broken("list-none") from None


def text(value):
    """Return a name or text, printable in any case."""
    return "" if value is None else value.decode("utf-8", "backslashreplace")
