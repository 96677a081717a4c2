"""Runs inside the sandbox: compares every stored attachment with the size, MD5 and identifiers in Orthanc's index.

Needs no running Orthanc. A running one keeps its SQLite index locked, so a copy with its write-ahead log is opened.
Every file is read once; what has to be remembered is kept in a file.
"""

import hashlib
import json
import os
import sqlite3
import sys
import tempfile
import time

from dicom_elements import Beyond, Source
from orthanc_identity import Identities, Unpacked, identifiers
from regular import is_regular, led_out, opened
from said import told_of
from sqlite_census import code, is_refused
from sqlite_open import Clock, NoRoom, connected

LISTED = 20
CHUNK = 1 << 20
KINDS = {1: "patients", 2: "studies", 3: "series", 4: "instances"}
TAGS = {
    "patient": ("p", 0x10, 0x20),
    "study": ("s", 0x20, 0x0D),
    "series": ("e", 0x20, 0x0E),
    "instance": ("i", 0x08, 0x18),
    "accession": ("s", 0x08, 0x50),
    "name": ("p", 0x10, 0x10),
    "birth": ("p", 0x10, 0x30),
    "patient of study": ("s", 0x10, 0x20),
    "name of study": ("s", 0x10, 0x10),
    "birth of study": ("s", 0x10, 0x30),
}
"""Where the index keeps a tag: of patient, study, series, instance. Studies have copies of their patient's."""
ROWS = (
    "SELECT a.uuid, a.compressedSize, a.compressedMD5, a.fileType, a.compressionType,"
    " i.publicId, s.publicId, p.publicId, "
    + ", ".join(
        f"(SELECT t.value FROM MainDicomTags t WHERE t.id = {of}.internalId AND t.tagGroup = {group}"
        f" AND t.tagElement = {element})"
        for of, group, element in TAGS.values()
    )
    + " FROM AttachedFiles a JOIN Resources i ON i.internalId = a.id LEFT JOIN Resources e ON e.internalId = i.parentId"
    " LEFT JOIN Resources s ON s.internalId = e.parentId LEFT JOIN Resources p ON p.internalId = s.parentId"
)
"""What ``index_command`` asks on a database server, too."""
LOOKUPS = (
    "SELECT r.publicId, d.value, m.value FROM DicomIdentifiers d JOIN Resources r ON r.internalId = d.id"
    " JOIN MainDicomTags m ON m.id = d.id AND m.tagGroup = d.tagGroup AND m.tagElement = d.tagElement"
)
TABLES = ("AttachedFiles", "DicomIdentifiers", "MainDicomTags", "Resources")
"""What is counted has to be a table of rows: a view of that name would count what it likes."""
IMAGELESS = (
    "SELECT r.publicId FROM Resources r WHERE r.resourceType = 4"
    " AND NOT EXISTS (SELECT 1 FROM AttachedFiles a WHERE a.id = r.internalId AND a.fileType = 1)"
)
SHORT, WHOLE = 3, 8 + len(TAGS)
DICOM, PACKED = 1, 2


class Tally:
    """Counts attachments and names the first bad ones."""

    def __init__(self):
        """Begin with nothing."""
        self.counts = {"sound": 0, "altered": 0, "missing": 0, "unreadable": 0, "without-digest": 0, "denied": 0}
        self.listed = []

    def note(self, kind, name):
        """Count one attachment."""
        self.counts[kind] += 1
        if kind not in {"sound", "without-digest"} and len(self.listed) < LISTED:
            self.listed.append([*name, kind])


class Digested:
    """Gives a file's bytes, and keeps size and MD5 of all that was given."""

    def __init__(self, file, limit):
        """Begin at the beginning; what is longer than the limit is no longer of interest."""
        self.file, self.limit, self.total = file, limit, 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def read(self, size):
        """Return the next bytes."""
        chunk = self.file.read(size) if self.total <= self.limit else b""
        self.md5.update(chunk)
        self.total += len(chunk)
        return chunk


def judged(root, row, identities, overdue):
    """Return what one attachment is; of an image, what it says it is about is kept too."""
    name, size, digest = row[0], int(row[1]), row[2] or ""
    about = None
    try:
        with opened(os.path.join(root, name[:2], name[2:4], name)) as file:
            reader = Digested(file, size)
            if len(row) == WHOLE and int(row[3]) == DICOM:
                about = identifiers(Unpacked(reader, overdue) if int(row[4]) == PACKED else Source(reader, overdue))
            while reader.read(CHUNK):
                overdue()
    except Beyond:
        return "late"
    except FileNotFoundError:
        return "missing"
    except PermissionError:
        return "denied"
    except OSError:
        return "unreadable"
    if reader.total != size or (digest and reader.md5.hexdigest() != digest.lower()):
        return "altered"
    if len(row) == WHOLE and int(row[3]) == DICOM:
        identities.note(row[5:8], dict(zip(TAGS, row[8:])), about)
    return "sound" if digest else "without-digest"


def plain(name):
    """Tell whether an attachment's name is one: a hostile index must not lead out of the storage."""
    return isinstance(name, str) and len(name) == 36 and all(c in "0123456789abcdef-" for c in name)


def opened_index(given, scratch, answer):
    """Return an SQLite index, opened so that nothing in it acts; None, and the reason noted, when there is none."""
    folder = given["index"] or given["storage"]
    path = os.path.join(folder, "index")
    if not is_regular(path) or led_out(path, given.get("within")):
        answer["reason"] = ["no-index", folder]
        return None
    try:
        # a running Orthanc keeps it locked
        asked = {"still": given.get("still"), "copy": True}
        connection = connected(path, scratch, asked, Clock(given.get("seconds") or 3600))
    except NoRoom as error:
        answer["unseen"] = ["no-room", told_of(error)]
        return None
    except (OSError, sqlite3.Error) as error:
        answer["reason"] = ["index-unread", path, str(getattr(error, "strerror", None) or error)]
        return None
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def no_tables(connection):
    """Return what stands in place of a table, None if all are tables that keep what they show."""
    for name in TABLES:
        sql = "SELECT type, sql FROM sqlite_schema WHERE lower(name) = lower(?)"
        kinds = connection.execute(sql, (name,)).fetchall()
        columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
        plain_sql = kinds and str(kinds[0][1]).lstrip().upper().startswith("CREATE TABLE")
        if [kind for kind, _ in kinds] != ["table"] or not plain_sql or any(column[6] for column in columns):
            return ["no-table", name]
    return None


def index_rows(connection, answer):
    """Yield the rows of an SQLite index, and note its counts, its integrity and what is wrong inside of it."""
    try:
        answer["code"] = code(connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall())
        if reason := no_tables(connection):
            answer["reason"] = reason
            return
        answer["integrity"] = [str(row[0])[:200] for row in connection.execute("PRAGMA integrity_check(20)")]
        kinds = connection.execute("SELECT resourceType, count(*) FROM Resources GROUP BY resourceType")
        answer["counts"] = {**dict.fromkeys(KINDS.values(), 0), **{KINDS[k]: n for k, n in kinds if k in KINDS}}
        answer["imageless"] = [str(row[0])[:64] for row in connection.execute(IMAGELESS + f" LIMIT {LISTED}")]
        # Orthanc looks patients up by what it made of a tag: capitals, blanks off (ServerToolbox::NormalizeIdentifier)
        answer["lookups"] = sorted(
            {
                str(public)[:64]
                for public, lookup, value in connection.execute(LOOKUPS)
                if str(value).isascii() and str(lookup).strip() != str(value).strip().upper()
            }
        )[:LISTED]
        yield from connection.execute(ROWS)
    except sqlite3.Error as error:
        kind = "unseen" if is_refused(error) else "reason"
        answer[kind] = ["index-refused", str(error)]


def compare(given, rows, scratch, answer):
    """Compare all rows with their files."""
    tally, identities, number = Tally(), Identities(scratch), 0
    ends = time.monotonic() + (given.get("seconds") or 3600)
    known = identities.memory
    known.execute("CREATE TABLE known (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def overdue():
        if time.monotonic() > ends:
            raise Beyond("time-over")

    for row in rows:
        number += 1
        if len(row) in {SHORT, WHOLE} and plain(row[0]):
            known.execute("INSERT OR IGNORE INTO known VALUES (?)", (row[0],))
            try:
                kind = judged(given["storage"], row, identities, overdue)
                if kind == "late" or time.monotonic() > ends:
                    answer["unseen"] = ["time-over", number - 1]
                    break
                tally.note(kind, ["file", row[0]])
            except (ValueError, TypeError):  # no numbers where there should be
                tally.note("unreadable", ["file", row[0]])
        else:
            tally.note("unreadable", ["row", number])
    found = orphans = 0
    for _, _, names in os.walk(given["storage"]):
        for name in filter(plain, names):
            found += 1
            orphans += known.execute("SELECT 1 FROM known WHERE name = ?", (name,)).fetchone() is None
    answer.update(
        attachments=tally.counts,
        listed=tally.listed,
        rows=number,
        files=found,
        orphans=orphans,
        identities=identities.answer(),
    )


def main():
    """Answer the request."""
    given, result = json.load(sys.stdin), {}
    with tempfile.TemporaryDirectory() as scratch:
        if elsewhere := led_out(given["storage"], given.get("within")):
            result["reason"] = ["led-out", elsewhere[:200]]
        elif given["rows"] is not None:
            compare(given, given["rows"], scratch, result)
        else:
            connection = opened_index(given, scratch, result)
            if connection is not None:
                compare(given, index_rows(connection, result), scratch, result)
                connection.close()
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
