"""Runs inside the sandbox: reads the elements of a DICOM file (PS3.5, PS3.10) in pieces, without any library."""

import struct
import zlib

from said import Said

CHUNK = 1 << 20
LONGEST_TEXT = 128
WANTED_LIMIT = 1 << 16
"""No value that is looked at is longer."""
INFLATED_LIMIT = 1 << 34
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
DEEPEST = 64
OFTEN = 64
"""Pieces between two looks at the clock."""
BROKEN = (OSError, ValueError, struct.error, zlib.error, RecursionError)
"""What reading a damaged file may raise, beside ``Damaged``."""


class Damaged(Said):
    """The file is not what it says."""


class Beyond(Said):
    """What reads does not go that far, and says nothing of the file."""


class Source:
    """Gives the bytes of a file in pieces, so that a file may be longer than memory."""

    def __init__(self, file, overdue=None):
        """Begin where the file stands; ``overdue`` raises when the time for everything is over."""
        self.file, self.ahead, self.overdue = file, b"", overdue

    def read(self, size):
        """Return the next bytes, fewer at the end."""
        if not self.ahead:
            return self.more(size)
        if len(self.ahead) < size:
            self.ahead += self.more(size - len(self.ahead))
        piece, self.ahead = self.ahead[:size], self.ahead[size:]
        return piece

    def more(self, size):
        """Return bytes that were not looked at yet."""
        return self.file.read(size)

    def peek(self, size):
        """Return the next bytes and leave them there."""
        self.ahead = self.read(size) + self.ahead
        return self.ahead[:size]


class Inflated(Source):
    """Gives the bytes of a deflated data set (PS3.5 section A.5)."""

    def __init__(self, source):
        """Begin where the data set does."""
        super().__init__(source, source.overdue)
        self.inflater, self.total = zlib.decompressobj(-15), 0

    def more(self, size):
        """Inflate as much as is asked for."""
        found = b""
        while len(found) < size and not self.inflater.eof:
            packed = self.inflater.unconsumed_tail or self.file.read(CHUNK)
            if not packed:
                raise Damaged("deflated-breaks-off")
            found += self.inflater.decompress(packed, size - len(found))
        self.total += len(found)
        if self.total > INFLATED_LIMIT:
            raise Beyond("inflates-beyond", INFLATED_LIMIT)
        return found


class Reader:
    """Reads elements of one data set."""

    def __init__(self, source, offset, *, explicit, big):
        """Begin at an offset."""
        self.source, self.at, self.explicit, self.looked = source, offset, explicit, 0
        self.order = ">" if big else "<"

    def ended(self):
        """Return whether there is nothing more."""
        return not self.source.peek(1)

    def take(self, size):
        """Return the next bytes; of what is long only the beginning, but all of it is read. Raises Damaged, Beyond."""
        kept, left = b"", size
        while left > 0:
            self.within()
            piece = self.source.read(min(left, CHUNK))
            if not piece:
                raise Damaged("ends-early", left)
            kept, left = kept or piece[:WANTED_LIMIT], left - len(piece)
        self.at += size
        return kept

    def within(self):
        """Look at the clock now and then."""
        self.looked += 1
        if self.source.overdue is not None and self.looked % OFTEN == 0:
            self.source.overdue()

    def header(self):
        """Return tag and length of the next element."""
        tag = struct.unpack(self.order + "HH", self.take(4))
        if tag[0] == 0xFFFE or not self.explicit:
            return tag, b"", struct.unpack(self.order + "I", self.take(4))[0]
        kind = self.take(2)
        if not (kind.isalpha() and kind.isupper()):
            raise Damaged("no-representation", self.at - 2)
        if kind in LONG:
            return tag, kind, struct.unpack(self.order + "xxI", self.take(6))[0]
        return tag, kind, struct.unpack(self.order + "H", self.take(2))[0]

    def skip_items(self, depth=0):
        """Walk a sequence or fragments of undefined length to their end; returns the bytes inside of items."""
        if depth > DEEPEST:
            raise Beyond("nested", DEEPEST)
        total = 0
        while True:
            tag, _, length = self.header()
            if tag == SEQUENCE_END:
                return total
            if tag != ITEM:
                raise Damaged("no-item", self.at - 8)
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
    """Return a value as text that can be shown; what is longer than any (PS3.5, table 6.2-1) by its beginning."""
    words = raw[:LONGEST_TEXT].decode("ascii", "replace").strip(" \x00")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in words)


def meta(source):
    """Return transfer syntax, class of the stored object and where the data set begins."""
    reader, syntax, kind = Reader(source, 132, explicit=True, big=False), "", ""
    while source.peek(2) == b"\x02\x00":
        tag, _, length = reader.header()
        value = reader.take(length)
        if tag == (0x0002, 0x0010):
            syntax = text(value)
        elif tag == (0x0002, 0x0002):
            kind = text(value)
    if not syntax:
        raise Damaged("no-syntax")
    return syntax, kind, reader.at


def data_set(source, syntax, offset):
    """Return a reader of a data set; one that is implicit all the same, as some makers write it, is read as it is."""
    if syntax == DEFLATED:
        source, offset = Inflated(source), 0
    kind = source.peek(6)[4:6]
    explicit = syntax != IMPLICIT and not (len(kind) == 2 and not (kind.isalpha() and kind.isupper()))
    return Reader(source, offset, explicit=explicit, big=syntax == BIG_ENDIAN)
