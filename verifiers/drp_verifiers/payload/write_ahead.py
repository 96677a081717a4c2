"""Runs inside the sandbox: whether all of an SQLite write-ahead log can be used. SQLite ends at what it cannot read.

Its format: https://www.sqlite.org/fileformat2.html#walformat. Frames behind the end are of an earlier round, with other
salts, or of a transaction that was rolled back: none of those is a commit of this round.
"""

import os
import struct

from regular import opened

HEAD, FRAME = struct.Struct(">8I"), struct.Struct(">6I")
MAGIC = 0x377F0682
VERSION = slice(18, 20)
WAL = b"\2\2"


def trouble(path):
    """Return what of the log of a database cannot be used, None if it has none, empty if nothing. Raises OSError.

    What cannot be used is a code and data.
    """
    with opened(path) as database:
        if not os.path.lexists(path + "-wal") or database.read(100)[VERSION] != WAL:
            return None
    with opened(path + "-wal") as log:
        head = log.read(HEAD.size)
        if not head:
            return None
        said = judged(log, head)
        log.seek(0)
        return said if log.read(HEAD.size) == head else []  # its application has just begun a new round


def judged(log, head):
    """Return what of a log cannot be used, behind its head."""
    if len(head) < HEAD.size:
        return ["breaks-off"]
    magic, _, page, _, *salts, first, second = HEAD.unpack(head)
    order = ">" if magic & 1 else "<"
    sums = summed(head[:24], order, (0, 0))
    if magic | 1 != MAGIC | 1 or sums != (first, second) or not 512 <= page <= 65536:
        return ["head"]
    number, end = 0, 0
    while len(frame := log.read(FRAME.size + page)) == FRAME.size + page:
        number += 1
        _, commit, *frame_salts, first, second = FRAME.unpack_from(frame)
        if frame_salts != salts:
            if not end:
                end = number
            continue
        if not end:
            sums = summed(frame[24:], order, summed(frame[:8], order, sums))
            end = 0 if sums == (first, second) else number
        elif commit:
            return ["frame", end, number]
    return []


def summed(content, order, sums):
    """Return the checksum of a log, carried on."""
    one, two = sums
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for place in range(0, len(words), 2):
        one = (one + words[place] + two) & 0xFFFFFFFF
        two = (two + words[place + 1] + one) & 0xFFFFFFFF
    return one, two
