"""Runs where a check looks from: how the catalogue of a PostgreSQL database differs from that of a new cluster."""

from postgres_binary import NODE_TREE, number, text
from postgres_system import COMPARED, FIRST_OF_USERS, NAMESPACE, NUMBER, PINNED

OLDER_FORMS = ("pg_stats_ext", "pg_stats_ext_exprs")
"""Views that a minor release wrote anew, for new clusters only (CVE-2024-4317: 14.12, 15.7, 16.3)."""
SUPERUSER = 10
SHOWN = 100


class Difference:
    """One departure from a new cluster: what, what it was, what it is, and whose extension's it is."""

    def __init__(self, what, was, is_now, extension=None):
        """Keep it."""
        self.told = (what, was, is_now)
        self.extension = extension


def members(catalogue):
    """Return which extension an object belongs to, by table and number."""
    tables = {
        catalogue.value("pg_class", row, "oid"): text(catalogue.raw("pg_class", row, "relname"))
        for row in catalogue.tables["pg_class"]
        if catalogue.value("pg_class", row, "oid") < PINNED
    }
    names = {
        catalogue.value("pg_extension", row, "oid"): text(catalogue.raw("pg_extension", row, "extname"))
        for row in catalogue.tables["pg_extension"]
    }
    found = {}
    for row in catalogue.tables["pg_depend"]:
        extension = names.get(catalogue.value("pg_depend", row, "refobjid"))
        table = tables.get(catalogue.value("pg_depend", row, "classid"))
        if extension and tables.get(catalogue.value("pg_depend", row, "refclassid")) == "pg_extension":
            found[table, catalogue.value("pg_depend", row, "objid")] = extension
    return found


def owner(catalogue, belonging, table, row):
    """Return the extension that a row came with, None for none: also by what it is a part of."""
    for column, of in (
        ("oid", table),
        ("aggfnoid", "pg_proc"),
        ("rngtypid", "pg_type"),
        ("enumtypid", "pg_type"),
        ("attrelid", "pg_class"),
        ("indexrelid", "pg_class"),
        ("ev_class", "pg_class"),
        ("typelem", "pg_type"),
        ("amopfamily", "pg_opfamily"),
        ("amprocfamily", "pg_opfamily"),
        ("typrelid", "pg_class"),
        ("conrelid", "pg_class"),
        ("contypid", "pg_type"),
    ):
        oid = catalogue.value(table, row, column)
        if oid and (of, oid) in belonging:
            return belonging[of, oid]
    return None


def keyed(catalogue, table, rows):
    """Return those of the rows that are the system's by their keys."""
    found = {}
    for row in rows:
        if catalogue.is_system(table, row):
            key = catalogue.key(table, row)
            while key in found:
                key = f"{key}, once more"
            found[key] = row
    return found


def differences(new, old):
    """Yield how the catalogue ``old`` differs from that of a new cluster."""
    brought, brings = members(old), members(new)
    here = set(brought.values())
    alike = new.numbers == old.numbers  # then the same bytes mean the same, and need not be taken apart
    for table in (table for table in COMPARED if table in new.columns):
        same = set(new.tables[table]) & set(old.tables[table]) if alike else set()
        fresh = keyed(new, table, (row for row in new.tables[table] if row not in same))
        mine = keyed(old, table, (row for row in old.tables[table] if row not in same))
        if table not in NAMESPACE and (lacking := {key for key in fresh if isinstance(key, str) and key not in mine}):
            mine.update(_made_again(old, table, lacking))
        for key in sorted(set(fresh) | set(mine), key=str):
            if key not in mine:
                extension = owner(new, brings, table, fresh[key])
                locale = table == "pg_collation" and number(fresh[key][0]) >= PINNED
                if not locale and (extension is None or extension in here):
                    yield Difference(new.identity(table, fresh[key], people=True), "there", "missing")
            elif key not in fresh:
                if not _locale(table, old, mine[key]):
                    what = old.identity(table, mine[key], people=True)
                    yield Difference(what, "none", "added", owner(old, brought, table, mine[key]))
            elif found := _changed(new, old, table, fresh[key], mine[key]):
                what = f"{new.identity(table, fresh[key], people=True)}: {found[0]}"
                yield Difference(what, found[1], found[2])


def _made_again(catalogue, table, wanted):
    """Return what was made anew under the name of the system's, as with an extension that was dropped."""
    found = {}
    for row in catalogue.tables[table]:
        if not catalogue.is_system(table, row) and (name := catalogue.identity(table, row)) in wanted:
            found[name] = row
    return found


def _changed(new, old, table, fresh, mine):
    """Return column, was, is of the first column that means something else; None: there is none."""
    if table == "pg_authid" and new.value(table, fresh, "oid") == SUPERUSER:
        return None  # its name is an option of initdb, its rights an administrator's
    for at, (column, kind) in enumerate(new.columns[table]):
        if fresh[at] == mine[at] or (column == "oid" and number(fresh[at]) >= PINNED):
            continue
        was, is_now = new.shown(kind, fresh[at]), old.shown(kind, mine[at])
        if was == is_now or (kind == NODE_TREE and _older_form(table, old, mine)):
            continue
        if len(was) < SHOWN > len(is_now):
            return column, new.shown(kind, fresh[at], people=True), old.shown(kind, mine[at], people=True)
        where = next(
            (place for place, (one, two) in enumerate(zip(was, is_now)) if one != two), min(len(was), len(is_now))
        )
        begin = max(0, where - 30)
        return column, was[begin : begin + SHOWN], is_now[begin : begin + SHOWN]
    return None


def _older_form(table, catalogue, row):
    """Return whether it is a view as an older minor release made it: nothing in it is a user's."""
    if table != "pg_rewrite":
        return False
    relation = catalogue.name(catalogue.value(table, row, "ev_class"), people=True).rpartition(".")[2]
    tree = catalogue.raw(table, row, "ev_action")
    return relation in OLDER_FORMS and all(int(found[0]) < FIRST_OF_USERS for found in NUMBER.finditer(tree))


def _locale(table, catalogue, row):
    """Return whether an addition is a locale that the machine had: the server's own code sorts by it."""
    return table == "pg_collation" and catalogue.raw(table, row, "collprovider") in (b"c", b"i")
