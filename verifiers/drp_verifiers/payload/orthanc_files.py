"""Runs inside the sandbox: compares every stored attachment with the size and MD5 that Orthanc's index has for it.

Needs no running Orthanc. A running one keeps its SQLite index locked, so a copy with its write-ahead log is opened.
"""

import hashlib
import json
import os
import sqlite3
import sys
import tempfile

from regular import copied, opened

LISTED = 20
CHUNK = 1 << 20
KINDS = {1: "patients", 2: "studies", 3: "series", 4: "instances"}


class Tally:
    """Counts attachments and names the first bad ones."""

    def __init__(self):
        """Begin with nothing."""
        self.counts = {"sound": 0, "altered": 0, "missing": 0, "unreadable": 0, "without-digest": 0}
        self.listed = []

    def note(self, kind, name):
        """Count one attachment."""
        self.counts[kind] += 1
        if kind != "sound" and len(self.listed) < LISTED:
            self.listed.append(f"{name}: {kind}")


def judged(root, name, size, digest):
    """Return what one attachment is."""
    path = os.path.join(root, name[:2], name[2:4], name)
    if not digest:
        return "without-digest"
    md5 = hashlib.md5(usedforsecurity=False)
    total = 0
    try:
        with opened(path) as file:
            while total <= size and (chunk := file.read(CHUNK)):
                md5.update(chunk)
                total += len(chunk)
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "unreadable"
    return "sound" if total == size and md5.hexdigest() == digest.lower() else "altered"


def plain(name):
    """Tell whether an attachment's name is one: a hostile index must not lead out of the storage."""
    return isinstance(name, str) and len(name) == 36 and all(c in "0123456789abcdef-" for c in name)


def index_rows(folder, answer):
    """Return the rows of an SQLite index, and note its counts and integrity."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("index", "index-wal", "index-journal"):
            source = os.path.join(folder, name)
            try:
                copied(source, os.path.join(scratch, name))
            except FileNotFoundError:
                continue
            except OSError as error:
                answer["reason"] = f"{source} cannot be read: {error.strerror}"
                return []
        if not os.path.exists(os.path.join(scratch, "index")):
            answer["reason"] = f"there is no index in {folder}"
            return []
        connection = sqlite3.connect(os.path.join(scratch, "index"))
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            answer["integrity"] = [str(row[0])[:200] for row in connection.execute("PRAGMA integrity_check(20)")]
            kinds = connection.execute("SELECT resourceType, count(*) FROM Resources GROUP BY resourceType")
            answer["counts"] = {**dict.fromkeys(KINDS.values(), 0), **{KINDS[k]: n for k, n in kinds if k in KINDS}}
            return connection.execute("SELECT uuid, compressedSize, compressedMD5 FROM AttachedFiles").fetchall()
        except sqlite3.Error as error:
            answer["reason"] = f"the index cannot be read: {error}"
            return []
        finally:
            connection.close()


given = json.load(sys.stdin)
result = {}
rows = given["rows"] if given["rows"] is not None else index_rows(given["index"] or given["storage"], result)
tally, known = Tally(), set()
for row in rows:
    if len(row) == 3 and plain(row[0]):
        known.add(row[0])
        tally.note(judged(given["storage"], row[0], int(row[1]), row[2] or ""), row[0])
    else:
        tally.note("unreadable", repr(row)[:80])
found = [name for _, _, names in os.walk(given["storage"]) for name in names if plain(name)]
result.update(
    attachments=tally.counts, listed=tally.listed, rows=len(rows), files=len(found), orphans=len(set(found) - known)
)
json.dump(result, sys.stdout)
