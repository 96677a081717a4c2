"""Reads a dump of MariaDB as its client and its server do, statement after statement, in bounded memory."""

import re
import sys

from said import Said

CHUNK = 1 << 20
KEPT = 1 << 16
LONGEST = 4096
HEAD = 1 << 16
DELIMITER = re.compile(rb"delimiter[ \t]+(\S+)[^\n]*\n", re.IGNORECASE)
BLANK = re.compile(rb"\s+")
MODE = re.compile(rb"sql_mode\s*=\s*\Z", re.IGNORECASE)
NAMES = re.compile(rb"SET\s+(?:NAMES|CHARACTER\s+SET)\s+(\w+)", re.IGNORECASE)
CHARACTERS = (b"utf8", b"utf8mb3", b"utf8mb4", b"latin1", b"binary", b"ascii")
"""In others a second byte of a character may look like a backslash or a quote."""
VALUES = re.compile(rb"^\s*(?:INSERT|REPLACE)\b.*\bVALUES?\s*\Z", re.IGNORECASE | re.DOTALL)
LITERAL = re.compile(rb"'[^'\\]*'")
BETWEEN = re.compile(rb"\s*,\s*\Z")
INNER = {}
"""What ends a text, by its mark, and whether a backslash escapes in it."""
for _mark in (b"'", b'"', b"`"):
    for _escapes in (True, False):
        INNER[_mark, _escapes] = re.compile(b"[" + _mark + (b"\\\\" if _escapes else b"") + b"]")
PLAIN_ROW = None
if sys.version_info >= (3, 11):  # noqa: UP036 - also 3.9; possessive, so that a row that is not one costs no way back
    PLAIN_ROW = re.compile(
        rb"""\((?:[^'"`()/*#\\;mM-]++|-(?!-)|'(?:[^'\\]++|\\.|'')*+')*+\)(?P<more>\s*+,\s*+(?=\())?""", re.DOTALL
    )


class Odd(Said):
    """The dump is read otherwise than it is followed here."""


class Statements:
    """Statements: each without what stands in brackets and quotes, its rows or None, its deepest bracket."""

    def __init__(self, stream, release):
        self.stream, self.release = stream, release
        self.text, self.at, self.ended = b"", 0, False
        self.delimiter, self.escapes, self.conditional = b";", True, False
        self.head = b""
        self.more()
        self.head = self.text[:HEAD]
        self.new()

    def new(self):
        """Begin a statement."""
        self.words, self.depth, self.rows, self.between = bytearray(), 0, None, bytearray()
        self.deepest = 0

    def more(self):
        """Read on; what was read before is dropped. Returns whether there was more."""
        if self.ended:
            return False
        chunk = self.stream.read(CHUNK)
        self.ended = not chunk
        self.text, self.at = self.text[self.at :] + chunk, 0
        return bool(chunk)

    def need(self, number):
        """Read on until so many bytes are there, or no more come."""
        while len(self.text) - self.at < number and self.more():
            pass
        return self.text[self.at : self.at + number]

    def __iter__(self):
        """Yield each statement. Raises Odd."""
        special = self.special()
        while True:
            if not self.words and not self.depth and not self.conditional:
                self.skip_blank()
                if self.need(10).lower().startswith(b"delimiter"):
                    special = self.redefine()
                    continue
            found = special.search(self.text, self.at)
            end = found.start() if found else len(self.text)
            if found is None and not self.ended:
                end = max(self.at, end - len(b"delimiter"))  # a word that goes on in what is read next
            self.keep(self.text[self.at : end])
            self.at = end
            if found is None:
                if not self.more() and self.at == len(self.text):
                    break
                continue
            if self.need(len(self.delimiter)) == self.delimiter:
                self.at += len(self.delimiter)
                yield self.finish()
            else:
                self.step(self.need(3))
        if bytes(self.words).strip() or self.depth or self.conditional:
            raise Odd("ends-in-statement")

    def special(self):
        """Return what looks for the bytes that mean something outside of quotes."""
        return re.compile(b"[" + re.escape(b"'\"`()/*#-\\" + self.delimiter[:1]) + b"]")

    def skip_blank(self):
        """Pass over blanks before a statement."""
        while True:
            found = BLANK.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text) or not self.more():
                return

    def redefine(self):
        """Take another delimiter, as the client does."""
        self.need(LONGEST)
        found = DELIMITER.match(self.text, self.at)
        if not found:
            raise Odd("delimiter-unknown")
        self.delimiter, self.at = found[1], found.end()
        return self.special()

    def keep(self, plain):
        """Keep text outside of quotes and brackets, as far as it tells what the statement is."""
        if b"delimiter" in plain.lower():  # which the client takes wherever it stands
            raise Odd("delimiter-inside")
        if self.depth or not plain:
            return
        if self.rows is None:
            self.words += plain if len(self.words) < LONGEST else b""
        else:
            self.between += plain[:LONGEST]

    def step(self, here):
        """Take one byte that means something."""
        first = here[:1]
        if first in b"'\"`":
            self.quoted(first)
        elif here[:2] == b"/*":
            self.comment()
        elif here[:2] == b"*/" and self.conditional:
            self.conditional, self.at = False, self.at + 2
            self.keep(b" ")
        elif first == b"#" or (here[:2] == b"--" and (len(here) < 3 or here[2:] in b" \t\r\n\v\f\0")):
            self.until(b"\n")
        elif first == b"(":
            self.open()
        elif first == b")":
            self.depth, self.at = max(0, self.depth - 1), self.at + 1
        elif first == b"\\":
            raise Odd("tells-client")
        else:
            self.keep(first)
            self.at += 1

    def open(self):
        """Enter brackets: at the outermost of them, and behind VALUES, a row begins."""
        if not self.depth:
            if self.rows is None and VALUES.match(self.words):
                self.rows = 0
            elif self.rows is not None and not BETWEEN.match(self.between):
                raise Odd("updates")
            if self.rows is not None:
                if self.plain_rows():
                    return
                self.rows, self.between = self.rows + 1, bytearray()
        self.depth, self.at = self.depth + 1, self.at + 1
        self.deepest = max(self.deepest, self.depth)

    def plain_rows(self):
        """Pass over rows that lie whole in what was read, and hold nothing unusual. Returns whether there was one."""
        if PLAIN_ROW is None or not self.escapes or self.delimiter != b";":
            return False
        rows, found = self.rows, True
        while found and (found := PLAIN_ROW.match(self.text, self.at)):
            self.rows, self.at, self.between = self.rows + 1, found.end(), bytearray()
            if not found["more"]:
                break
            self.between += b","
        return self.rows > rows

    def quoted(self, mark):
        """Pass over a text or a name; a name is kept."""
        inner = INNER[mark, self.escapes and mark != b"`"]
        kept, self.at = bytearray(mark), self.at + 1
        while True:
            found = inner.search(self.text, self.at)
            end = found.start() if found else len(self.text)
            kept += self.text[self.at : end] if len(kept) < LONGEST else b""
            self.at = end
            if found is None:
                if not self.more():
                    raise Odd("ends-in-text")
                continue
            if found[0] == b"\\":
                self.need(2)
                kept += self.text[self.at : self.at + 2] if len(kept) < LONGEST else b""
                self.at += 2
            elif self.need(2) == mark + mark:
                kept += mark + mark if len(kept) < LONGEST else b""
                self.at += 2
            else:
                break
        self.at += 1
        self.told(mark, bytes(kept))

    def told(self, mark, text):
        """Keep a name; of a text no more than that it was one, but for the mode that it sets."""
        if mark != b"`" and not self.depth and self.rows is None and MODE.search(self.words):
            self.escapes = b"NO_BACKSLASH_ESCAPES" not in text.upper()
        self.keep(text + b"`" if mark == b"`" else b"''")

    def comment(self):
        """Pass over a comment, or enter one that the server carries out."""
        found = re.compile(rb"/\*(M?)!([0-9]{0,6})").match(self.need(12))
        if found is None:
            self.until(b"*/")
            return
        number = int(found[2] or 0)
        mysql_only = not found[1] and 50700 <= number <= 99999
        if self.conditional:
            raise Odd("comments-nested")
        if number > self.release or mysql_only:
            self.passed_over()
        else:
            self.conditional, self.at = True, self.at + found.end()
            self.keep(b" ")

    def passed_over(self):
        """Pass over a comment for another release; client and server must agree with this on where it ends."""
        while (place := self.text.find(b"*/", self.at)) < 0:
            if len(self.text) - self.at > CHUNK or not self.more():
                raise Odd("comment-no-end")
        inner = LITERAL.sub(b"", self.text[self.at + 2 : place])
        if self.delimiter in inner or re.search(rb"/\*|['\"`#]|--", inner):
            raise Odd("comment-several")
        self.at = place + 2
        self.keep(b" ")

    def until(self, end):
        """Pass over everything up to an end."""
        self.at += 2 if end == b"*/" else 0
        while (place := self.text.find(end, self.at)) < 0:
            self.at = max(self.at, len(self.text) - len(end) + 1)
            if not self.more():
                self.at = len(self.text)
                if end == b"*/":
                    raise Odd("ends-in-comment")
                return
        self.at = place + len(end)
        self.keep(b" ")

    def finish(self):
        """Return the statement that ends here."""
        words, rows, deepest = bytes(self.words).strip(), self.rows, self.deepest
        if self.depth or (rows is not None and bytes(self.between).strip()):
            raise Odd("statement-in-rows")
        if self.conditional:
            raise Odd("statement-in-comment")
        if (found := NAMES.match(words)) and found[1].lower() not in CHARACTERS:
            raise Odd("character-set", found[1].decode("ascii", "replace")[:20])
        if re.match(rb"SET\b", words, re.IGNORECASE) and re.search(rb"sql_mode\s*=\s*@", words, re.IGNORECASE):
            self.escapes = True
        self.new()
        return words, rows, deepest
