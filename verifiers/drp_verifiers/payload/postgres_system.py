"""Runs where a check looks from: which rows of a PostgreSQL catalogue are the system's own, and how they are named.

A system object is one that initdb made, or that lies in a schema of the system. Numbers below 12000 are the same in every
cluster of a version; those above depend on how many locales a machine has, and are told by their names instead.
"""

import re
from functools import cached_property

from postgres_binary import NODE_TREE, OID, OID_VECTOR, OIDS, REG_TYPES, number, numbers, text

PINNED, FIRST_OF_USERS = 12000, 16384
TEXTS = (18, 19, 25)
"""Types of text: one letter, a name, any."""
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
LEFT_OUT = {
    "pg_class": ("relfilenode", "reltablespace", "relpages", "reltuples", "relallvisible", "relallfrozen", "reltoastrelid",
                 "relhasindex", "relhassubclass", "relrewrite", "relfrozenxid", "relminmxid", "reloptions", "relowner", "relreplident"),
    "pg_attribute": ("attstattarget", "attcacheoff", "attoptions", "attfdwoptions", "attmissingval"),
    "pg_proc": ("proowner", "procost", "prorows"),
    "pg_collation": ("collowner", "collversion"),
    "pg_index": ("indisclustered", "indisreplident", "indcheckxmin"),
    "pg_type": ("typowner",), "pg_namespace": ("nspowner",), "pg_language": ("lanowner",), "pg_conversion": ("conowner",),
    "pg_opclass": ("opcowner",), "pg_opfamily": ("opfowner",), "pg_operator": ("oprowner",), "pg_ts_config": ("cfgowner",),
    "pg_ts_dict": ("dictowner",), "pg_event_trigger": ("evtowner",), "pg_statistic_ext": ("stxowner", "stxstattarget"),
    "pg_extension": ("extowner", "extconfig", "extcondition"),
    "pg_authid": ("rolpassword", "rolvaliduntil", "rolconnlimit"),
}  # fmt: skip
"""What statistics, tuning, storage, owners and privileges put there: none of it alters what is answered to a superuser."""
COMPARED = (
    "pg_type", "pg_proc", "pg_aggregate", "pg_operator", "pg_opclass", "pg_opfamily", "pg_amop", "pg_amproc", "pg_cast", "pg_am",
    "pg_language", "pg_class", "pg_attribute", "pg_attrdef", "pg_index", "pg_constraint", "pg_rewrite", "pg_trigger", "pg_policy",
    "pg_inherits", "pg_namespace", "pg_collation", "pg_conversion", "pg_range", "pg_enum", "pg_ts_config", "pg_ts_config_map",
    "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_seclabel", "pg_authid", "pg_statistic_ext",
)  # fmt: skip
READ = (*COMPARED, "pg_extension", "pg_depend", "pg_event_trigger")
FILTERS = {
    "pg_attribute": "attrelid OPERATOR(pg_catalog.<) '16384'::pg_catalog.oid",
    "pg_depend": "deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog.\"char\"",
}
"""Tables that grow with those of users; the two operators are compared themselves, in a table that is read whole."""
OF_RELATION = {
    "pg_attribute": "attrelid", "pg_attrdef": "adrelid", "pg_index": "indexrelid", "pg_rewrite": "ev_class",
    "pg_trigger": "tgrelid", "pg_policy": "polrelid", "pg_inherits": "inhparent", "pg_statistic_ext": "stxrelid",
}  # fmt: skip
NAMESPACE = {
    "pg_type": "typnamespace", "pg_proc": "pronamespace", "pg_operator": "oprnamespace", "pg_opclass": "opcnamespace",
    "pg_opfamily": "opfnamespace", "pg_class": "relnamespace", "pg_constraint": "connamespace", "pg_collation": "collnamespace",
    "pg_conversion": "connamespace", "pg_ts_config": "cfgnamespace", "pg_ts_dict": "dictnamespace",
    "pg_ts_parser": "prsnamespace", "pg_ts_template": "tmplnamespace", "pg_statistic_ext": "stxnamespace",
}  # fmt: skip
NAMES = {
    "pg_type": ("typname",), "pg_proc": ("proname", "proargtypes"), "pg_class": ("relname",), "pg_operator": ("oprname", "oprleft", "oprright"),
    "pg_opclass": ("opcmethod", "opcname"), "pg_opfamily": ("opfmethod", "opfname"), "pg_am": ("amname",), "pg_language": ("lanname",),
    "pg_namespace": ("nspname",), "pg_collation": ("collname", "collencoding"), "pg_conversion": ("conname",),
    "pg_ts_config": ("cfgname",), "pg_ts_dict": ("dictname",), "pg_ts_parser": ("prsname",), "pg_ts_template": ("tmplname",),
    "pg_rewrite": ("ev_class", "rulename"), "pg_constraint": ("conrelid", "contypid", "conname"), "pg_trigger": ("tgrelid", "tgname"),
    "pg_policy": ("polrelid", "polname"), "pg_attrdef": ("adrelid", "adnum"), "pg_extension": ("extname",), "pg_authid": ("rolname",),
    "pg_amop": ("amopfamily", "amoplefttype", "amoprighttype", "amopstrategy", "amoppurpose"),
    "pg_amproc": ("amprocfamily", "amproclefttype", "amprocrighttype", "amprocnum"), "pg_cast": ("castsource", "casttarget"),
    "pg_enum": ("enumtypid", "enumlabel"), "pg_event_trigger": ("evtname",), "pg_statistic_ext": ("stxname",),
}  # fmt: skip
KEYS = {
    "pg_aggregate": ("aggfnoid",), "pg_attribute": ("attrelid", "attnum"), "pg_index": ("indexrelid",), "pg_range": ("rngtypid",),
    "pg_inherits": ("inhrelid", "inhparent"), "pg_ts_config_map": ("mapcfg", "maptokentype", "mapseqno"),
    "pg_seclabel": ("classoid", "objoid", "objsubid", "provider"),
}  # fmt: skip
_LOCATION = re.compile(rb" ?:(?:location|stmt_location|stmt_len|rexpr_location|list_start|list_end) -?\d+")
NUMBER = re.compile(rb"(?<![\w.])\d{5,10}(?![\w.])")


class Catalogue:
    """What was read of one database: rows by table, and what a number of an object means in it."""

    def __init__(self, columns, tables):
        """Keep ``tables``; ``columns``: by table, names and types in the order in which they were read."""
        self.columns, self.tables = columns, tables
        self.at = {table: {name: at for at, (name, _) in enumerate(listed)} for table, listed in columns.items()}
        self._names = {}

    @cached_property
    def schemas(self):
        """Return the names of schemas."""
        return {self.value("pg_namespace", row, "oid"): text(self.raw("pg_namespace", row, "nspname"))
                for row in self.tables["pg_namespace"]}  # fmt: skip

    @cached_property
    def system_schemas(self):
        """Return the numbers of the system's own schemas."""
        return {schema for schema, name in self.schemas.items() if name in SYSTEM_SCHEMAS}

    @cached_property
    def numbers(self):
        """Return which names objects have whose numbers differ from cluster to cluster."""
        return {(table, row[self.at[table]["oid"]], row[self.at[table][names[-1] if table == "pg_rewrite" else names[0]]])
                for table, names in NAMES.items() if table in self.tables
                for row in self.tables[table] if PINNED <= number(row[self.at[table]["oid"]]) < FIRST_OF_USERS}  # fmt: skip

    @cached_property
    def relations(self):
        """Return the numbers of the system's own relations, without what holds the long values of information_schema."""
        return {
            self.value("pg_class", row, "oid") for row in self.tables["pg_class"] if self.is_system("pg_class", row)
        }

    @cached_property
    def types(self):
        """Return the numbers of the system's own types."""
        return self._of_the_system("pg_type")

    @cached_property
    def families(self):
        """Return the numbers of the system's own families of operators."""
        return self._of_the_system("pg_opfamily")

    @cached_property
    def functions(self):
        """Return the numbers of the system's own functions."""
        return self._of_the_system("pg_proc")

    @cached_property
    def _rows(self):
        found = {}
        for table in NAMES:
            for row in self.tables.get(table, ()):
                oid = self.value(table, row, "oid")
                if oid is not None:
                    found.setdefault(oid, []).append((table, row))
        return found

    def raw(self, table, row, column):
        """Return the bytes of a column, None where the version has no such column."""
        at = self.at[table].get(column)
        return None if at is None else row[at]

    def value(self, table, row, column):
        """Return the number of an object in a column."""
        found = self.raw(table, row, column)
        return None if found is None else number(found)

    def _of_the_system(self, table):
        return {self.value(table, row, "oid") for row in self.tables[table] if self._own(table, row)}

    def _own(self, table, row):
        oid, column = self.value(table, row, "oid"), NAMESPACE.get(table)
        inside = column is not None and self.value(table, row, column) in self.system_schemas
        return inside or (oid is not None and oid < FIRST_OF_USERS)

    def is_system(self, table, row):
        """Return whether a row is the system's own, or adds to what is."""
        if table in OF_RELATION:
            heir = table == "pg_inherits" and self.value(table, row, "inhrelid") in self.relations
            return heir or self.value(table, row, OF_RELATION[table]) in self.relations
        if table == "pg_class" and self.schemas.get(self.value(table, row, "relnamespace")) == "pg_toast":
            return self.value(table, row, "oid") < PINNED
        if self._own(table, row):
            return True
        if table == "pg_cast":
            return (
                self.value(table, row, "castsource") in self.types
                and self.value(table, row, "casttarget") in self.types
            )
        if table == "pg_constraint":
            return (
                self.value(table, row, "conrelid") in self.relations or self.value(table, row, "contypid") in self.types
            )
        if table == "pg_ts_config_map":
            return self.value(table, row, "mapcfg") < FIRST_OF_USERS
        if table in ("pg_amop", "pg_amproc"):
            return self.value(table, row, "amopfamily" if table == "pg_amop" else "amprocfamily") in self.families
        if table == "pg_aggregate":
            return self.value(table, row, "aggfnoid") in self.functions
        if table in ("pg_range", "pg_enum"):
            return self.value(table, row, "rngtypid" if table == "pg_range" else "enumtypid") in self.types
        return table == "pg_seclabel" and self.value(table, row, "objoid") < FIRST_OF_USERS

    def key(self, table, row):
        """Return by what a row is found again in another cluster."""
        oid = self.value(table, row, "oid")
        if oid is not None and oid < PINNED:
            return oid
        return self.identity(table, row)

    def identity(self, table, row, *, people=False):
        """Return the name of what a row is; for people, with the names of what has the same number everywhere too."""
        words = [self.shown(kind, self.raw(table, row, column), people=people) for column, kind in self.columns[table]
                 if column in NAMES.get(table, ()) or column in KEYS.get(table, ())]  # fmt: skip
        schema = self.schemas.get(self.value(table, row, NAMESPACE[table])) if table in NAMESPACE else None
        return f"{table[3:]} {schema + '.' if schema else ''}{' '.join(words)}"

    def shown(self, kind, value, *, people=False):
        """Return a value as text, objects by their names."""
        if value is None:
            return "nothing"
        if kind == OID or kind in REG_TYPES:
            return self.name(number(value), people=people)
        if kind in (OIDS, OID_VECTOR):
            return "(" + ",".join(self.name(one, people=people) for one in numbers(value)) + ")"
        if kind == NODE_TREE:
            return text(self.tree(value))
        return text(value) if kind in TEXTS and text(value).isprintable() else value.hex()

    def name(self, oid, *, people=False):
        """Return the name of an object whose number differs from cluster to cluster, its number where it does not."""
        if oid not in self._rows or (oid < PINNED and not people):
            return str(oid)
        if (oid, people) not in self._names:
            self._names[oid, people] = f"#{oid}"  # an object that is named by itself ends here
            found = sorted({self.identity(table, row, people=people) for table, row in self._rows[oid]})
            self._names[oid, people] = found[0].partition(" ")[2] if people else " or ".join(found)
        return self._names[oid, people]

    def tree(self, value):
        """Return a stored expression without the places in the text that it came from, objects by their names."""
        return NUMBER.sub(lambda found: self.name(int(found[0])).encode(), _LOCATION.sub(b"", value))
