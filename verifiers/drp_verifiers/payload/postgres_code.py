"""Runs where a check looks from: what a PostgreSQL database brings that runs, by name and digest.

Functions, triggers, rules, event triggers, languages and default expressions are what users made; what an extension
brought is told by the extension and its version.
"""

import hashlib

from postgres_binary import text
from postgres_difference import members, owner

MOST = 1000
"""So many are named; the rest are one digest together."""
C = 13
"""Number of the language whose functions are code that a library brings into the server's own process."""
KINDS = {
    "pg_language": "language",
    "pg_proc": "function",
    "pg_trigger": "trigger",
    "pg_event_trigger": "event trigger",
    "pg_rewrite": "rule",
}
NO_DEFINITION = ("oid", "proacl", "lanacl", "tgparentid")


def code(catalogue, database):
    """Return ``code``, names and digests, and ``libraries``, files that a function is loaded from."""
    belonging = members(catalogue)
    found, libraries = {}, set()
    for table, kind in KINDS.items():
        for row in catalogue.tables.get(table, ()):
            if catalogue.is_system(table, row) or owner(catalogue, belonging, table, row) is not None:
                continue
            if table == "pg_rewrite" and catalogue.raw(table, row, "rulename") == b"_RETURN":
                continue
            if table == "pg_trigger" and catalogue.raw(table, row, "tgisinternal") == b"\x01":
                continue
            if table == "pg_proc" and catalogue.value(table, row, "prolang") == C:
                libraries.add(text(catalogue.raw(table, row, "probin")))
            name = catalogue.identity(table, row, people=True).partition(" ")[2]
            words = [
                catalogue.shown(of, catalogue.raw(table, row, column), people=True)
                for column, of in catalogue.columns[table]
                if column not in NO_DEFINITION
            ]
            found[f"{database}: {kind} {name}"] = digest(words)
    for row in catalogue.tables["pg_extension"]:
        name = text(catalogue.raw("pg_extension", row, "extname"))
        if name != "plpgsql":
            found[f"{database}: extension {name}"] = digest([text(catalogue.raw("pg_extension", row, "extversion"))])
    named = sorted(found.items())
    told = named[:MOST]
    if named[MOST:]:
        told.append((f"{database}: {len(named) - MOST} more", digest([word for pair in named[MOST:] for word in pair])))
    return {"code": told, "libraries": sorted(libraries)}


def digest(words):
    """Return a digest of words."""
    return "sha256:" + hashlib.sha256("\0".join(words).encode("utf-8", "backslashreplace")).hexdigest()
