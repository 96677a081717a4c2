"""Every class of object that a PostgreSQL database has besides rows, as queries over its own catalogue.

Each query gives a name that the server itself makes (``pg_identify_object``: the same after a dump and its load) and a
definition without numbers that a load gives anew. Members of extensions are left to their extension, and what the server
brings with itself is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_OF_USERS = 16384
"""Objects below were made by initdb (access/transam.h, FirstNormalObjectId)."""
_CAST = (
    r'::("[^"]+"|[a-z_0-9]+)(\.("[^"]+"|[a-z_0-9]+))?(\([0-9, ]+\))?'
    r"( varying| precision| with time zone| without time zone)*(\([0-9, ]+\))?(\[\])*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectClass:
    """One class of objects: how they are found, named and defined."""

    name: str
    select: str
    """Gives ``name`` and ``definition``."""
    catalogue: tuple[str, ...]
    since: int = 12
    shared: bool = False
    """Of the whole server, not of one database."""


def plain(expression: str) -> str:
    """Return SQL for an expression's text without casts, brackets and blanks.

    What a server prints of ``x IN ('a', 'b')`` is not what it prints after it has read its own words again.
    """
    bare = f"pg_catalog.regexp_replace({expression}, '{_CAST}', '', 'g')"
    return f"pg_catalog.regexp_replace({bare}, '[[:space:]()]+', '', 'g')"


def _owner(column: str) -> str:
    return f"pg_catalog.pg_get_userbyid(x.{column})"


def _made_by_users(table: str, number: str = "x.oid") -> str:
    return (
        f"{number} >= {FIRST_OF_USERS} AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member WHERE member.classid ="
        f" 'pg_catalog.{table}'::pg_catalog.regclass AND member.objid = {number} AND member.deptype = 'e')"
    )


def _of(
    name: str,
    table: str,
    *definition: str,
    where: str = "true",
    joins: str = "",
    also: tuple[str, ...] = (),
    since: int = 12,
) -> ObjectClass:
    words = ", ".join(definition) or "''"
    select = (
        f"SELECT (pg_catalog.pg_identify_object('pg_catalog.{table}'::pg_catalog.regclass, x.oid, 0)).identity AS name,"
        f" pg_catalog.concat_ws('|', {words}) AS definition FROM pg_catalog.{table} AS x {joins}"
        f" WHERE {_made_by_users(table)} AND ({where})"
    )
    return ObjectClass(name=name, select=select, catalogue=(table, *also), since=since)


def _relation(name: str, kinds: str, *definition: str, where: str = "true", joins: str = "") -> ObjectClass:
    inside = (
        "x.relpersistence <> 't' AND x.relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace"
        " WHERE nspname = 'pg_toast' OR nspname ~ '^pg_(toast_)?temp_')"
    )
    return _of(name, "pg_class", *definition, where=f"x.relkind IN ({kinds}) AND {inside} AND {where}", joins=joins)


_COLUMNS = f"""(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::pg_catalog.regcollation::text END,
  {plain("pg_catalog.pg_get_expr(f.adbin, f.adrelid)")}), ',' ORDER BY a.attname COLLATE "C")
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  WHERE a.attrelid = x.oid AND a.attnum > 0 AND NOT a.attisdropped)"""
_OPTIONS = """(SELECT pg_catalog.string_agg(o, ',' ORDER BY o COLLATE "C") FROM pg_catalog.unnest(x.reloptions) AS o)"""
_PARENTS = """(SELECT pg_catalog.string_agg(h.inhparent::pg_catalog.regclass::text, ',' ORDER BY h.inhparent::pg_catalog.regclass::text COLLATE "C")
  FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = x.oid)"""
_SERVER = """(SELECT pg_catalog.concat_ws(' ', s.srvname, f.ftoptions) FROM pg_catalog.pg_foreign_table AS f
  JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = x.oid)"""
_OWNED_BY = """(SELECT pg_catalog.string_agg(pg_catalog.concat_ws('.', d.refobjid::pg_catalog.regclass, a.attname), ',')
  FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = x.oid AND d.deptype IN ('a', 'i')
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)"""
_RELATIONS = (
    _relation(
        "tables", "'r', 'p', 'f'", _owner("relowner"), "x.relkind", "x.relpersistence", "x.relrowsecurity",
        "x.relforcerowsecurity", "x.relreplident", "pg_catalog.pg_get_partkeydef(x.oid)",
        plain("pg_catalog.pg_get_expr(x.relpartbound, x.oid)"), _COLUMNS, _OPTIONS, _PARENTS, _SERVER,
    ),
    _relation("views", "'v'", _owner("relowner"), plain("pg_catalog.pg_get_viewdef(x.oid)"), _OPTIONS),
    _relation(
        "materialized views", "'m'", _owner("relowner"), "x.relispopulated", plain("pg_catalog.pg_get_viewdef(x.oid)"), _OPTIONS
    ),
    _relation(
        "sequences", "'S'", _owner("relowner"), "x.relpersistence", "q.seqtypid::pg_catalog.regtype", "q.seqstart",
        "q.seqincrement", "q.seqmax", "q.seqmin", "q.seqcycle", _OWNED_BY,
        joins="JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = x.oid",
    ),
    _relation(
        "indexes", "'i', 'I'", plain("pg_catalog.pg_get_indexdef(x.oid)"), "i.indisclustered", "i.indisreplident",
        where="i.indisvalid AND i.indisready", joins="JOIN pg_catalog.pg_index AS i ON i.indexrelid = x.oid",
    ),
)  # fmt: skip
_ON_TABLES = (
    _of("constraints", "pg_constraint", plain("pg_catalog.pg_get_constraintdef(x.oid)"), "x.convalidated",
        where="x.contype IN ('c', 'f', 'p', 'u', 'x') AND x.conparentid = 0"),
    _of("triggers", "pg_trigger", plain("pg_catalog.pg_get_triggerdef(x.oid)"), "x.tgenabled",
        where="NOT x.tgisinternal AND coalesce(pg_catalog.to_json(x)->>'tgparentid', '0') = '0'"),
    _of("rules", "pg_rewrite", plain("pg_catalog.pg_get_ruledef(x.oid)"), "x.ev_enabled", where="x.rulename <> '_RETURN'"),
    _of("policies", "pg_policy", "x.polcmd", "x.polpermissive", plain("pg_catalog.pg_get_expr(x.polqual, x.polrelid)"),
        plain("pg_catalog.pg_get_expr(x.polwithcheck, x.polrelid)"),
        "(SELECT pg_catalog.string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(r) END, ',' ORDER BY"
        ' pg_catalog.pg_get_userbyid(r)::text COLLATE "C") FROM pg_catalog.unnest(x.polroles) AS r)'),
    _of("statistics objects", "pg_statistic_ext", plain("pg_catalog.pg_get_statisticsobjdef(x.oid)"), _owner("stxowner")),
)  # fmt: skip
_ENUM = """(SELECT pg_catalog.string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum AS e
  WHERE e.enumtypid = x.oid)"""
_FIELDS = """(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)),
  ',' ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = x.typrelid AND a.attnum > 0 AND NOT a.attisdropped)"""
_RANGE = """(SELECT pg_catalog.concat_ws(' ', r.rngsubtype::pg_catalog.regtype, r.rngcanonical, r.rngsubdiff)
  FROM pg_catalog.pg_range AS r WHERE r.rngtypid = x.oid)"""
_AGGREGATE = """(SELECT pg_catalog.concat_ws(' ', g.aggkind, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggmtransfn,
  g.aggminvtransfn, g.aggmfinalfn, g.aggtranstype::pg_catalog.regtype, g.agginitval, g.aggminitval)
  FROM pg_catalog.pg_aggregate AS g WHERE g.aggfnoid = x.oid)"""
_MEMBERS = """(SELECT pg_catalog.string_agg(m.word, ',' ORDER BY m.word COLLATE "C") FROM (
  SELECT pg_catalog.concat_ws(' ', o.amopstrategy, o.amopopr::pg_catalog.regoperator) AS word FROM pg_catalog.pg_amop AS o
  WHERE o.amopfamily = x.oid UNION ALL SELECT pg_catalog.concat_ws(' ', p.amprocnum, p.amproc::pg_catalog.regprocedure)
  FROM pg_catalog.pg_amproc AS p WHERE p.amprocfamily = x.oid) AS m)"""
_MAPPING = """(SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::pg_catalog.regdictionary),
  ',' ORDER BY m.maptokentype, m.mapseqno) FROM pg_catalog.pg_ts_config_map AS m WHERE m.mapcfg = x.oid)"""
_CODE = (
    _of("functions", "pg_proc", _owner("proowner"),
        f"CASE WHEN l.lanname = 'sql' THEN {plain('pg_catalog.pg_get_functiondef(x.oid)')}"
        " ELSE pg_catalog.pg_get_functiondef(x.oid) END",
        where="x.prokind <> 'a'", joins="JOIN pg_catalog.pg_language AS l ON l.oid = x.prolang"),
    ObjectClass(
        name="aggregates", catalogue=("pg_aggregate",),
        select=_of("", "pg_proc", _owner("proowner"), _AGGREGATE, where="x.prokind = 'a'").select,
    ),
    _of("types", "pg_type", "x.typtype", _owner("typowner"), _ENUM, "x.typnotnull", plain("x.typdefault"),
        "CASE WHEN x.typbasetype <> 0 THEN pg_catalog.format_type(x.typbasetype, x.typtypmod) END", _RANGE, _FIELDS,
        where="x.typisdefined AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.typarray = x.oid) AND (x.typrelid"
        " = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = x.typrelid AND c.relkind = 'c'))",
        also=("pg_enum", "pg_range")),
    _of("casts", "pg_cast", "x.castfunc::pg_catalog.regprocedure", "x.castcontext", "x.castmethod"),
    _of("operators", "pg_operator", "x.oprcode", "x.oprcanmerge", "x.oprcanhash", _owner("oprowner"), where="x.oprcode <> 0"),
    _of("operator classes", "pg_opclass", "x.opcdefault", "x.opcintype::pg_catalog.regtype", "x.opckeytype::pg_catalog.regtype"),
    _of("operator families", "pg_opfamily", _MEMBERS, _owner("opfowner"), also=("pg_amop", "pg_amproc")),
    _of("conversions", "pg_conversion", "x.conproc", "x.conforencoding", "x.contoencoding", "x.condefault"),
    _of("languages", "pg_language", "x.lanpltrusted", "x.lanplcallfoid::pg_catalog.regproc", _owner("lanowner")),
    _of("transforms", "pg_transform", "x.trffromsql", "x.trftosql"),
    _of("access methods", "pg_am", "x.amhandler", "x.amtype"),
    _of("collations", "pg_collation", "x.collprovider", "x.collisdeterministic", "x.collcollate", "x.collctype"),
    _of("text search configurations", "pg_ts_config", _MAPPING,
        "(SELECT p.prsname FROM pg_catalog.pg_ts_parser AS p WHERE p.oid = x.cfgparser)", also=("pg_ts_config_map",)),
    _of("text search dictionaries", "pg_ts_dict", "x.dictinitoption"),
    _of("text search parsers", "pg_ts_parser", "x.prsstart", "x.prstoken", "x.prsend", "x.prslextype", "x.prsheadline"),
    _of("text search templates", "pg_ts_template", "x.tmplinit", "x.tmpllexize"),
)  # fmt: skip
_EXTENSION = ObjectClass(
    name="extensions",
    catalogue=("pg_extension",),
    select="SELECT x.extname AS name, n.nspname AS definition FROM pg_catalog.pg_extension AS x JOIN pg_catalog.pg_namespace"
    " AS n ON n.oid = x.extnamespace WHERE x.extname NOT IN ('amcheck', 'pg_prewarm')",
)
"""The two that checks themselves make in the restored copy are left out."""
_SCHEMA = ObjectClass(
    name="schemas",
    catalogue=("pg_namespace",),
    select=f"SELECT x.nspname AS name, {_owner('nspowner')} AS definition FROM pg_catalog.pg_namespace AS x WHERE"
    f" x.nspname = 'public' OR x.nspname !~ '^pg_' AND {_made_by_users('pg_namespace')}",
)
_FOREIGN = (
    _of(
        "foreign-data wrappers",
        "pg_foreign_data_wrapper",
        "x.fdwhandler::pg_catalog.regproc",
        "x.fdwvalidator::pg_catalog.regproc",
        "x.fdwoptions",
    ),
    _of("foreign servers", "pg_foreign_server", "x.srvtype", "x.srvversion", "x.srvoptions", _owner("srvowner")),
    _of("user mappings", "pg_user_mapping", "x.umoptions"),
)
_ACTING = (
    _of("event triggers", "pg_event_trigger", "x.evtevent", "x.evtenabled", "x.evtfoid::pg_catalog.regproc", "x.evttags"),
    _of("publications", "pg_publication", "x.puballtables", "x.pubinsert", "x.pubupdate", "x.pubdelete", "x.pubtruncate",
        _owner("pubowner")),
    _of("publication tables", "pg_publication_rel"),
    _of("publication schemas", "pg_publication_namespace", since=15),
    _of("subscriptions", "pg_subscription", "x.subpublications", _owner("subowner"),
        where="x.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"),
)  # fmt: skip


def _described(name: str, table: str, text: str) -> ObjectClass:
    """Return what is said about objects: comments and labels."""
    select = f"""SELECT i.type || ' ' || i.identity AS name, pg_catalog.concat_ws('|', {text}) AS definition
FROM pg_catalog.{table} AS x CROSS JOIN LATERAL pg_catalog.pg_identify_object(x.classoid, x.objoid, x.objsubid) AS i
WHERE x.objoid >= {FIRST_OF_USERS} AND x.classoid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member WHERE member.classid = x.classoid AND member.objid = x.objoid
  AND member.deptype = 'e')"""
    return ObjectClass(name=name, select=select, catalogue=(table,))


def _exploded(acl: str) -> str:
    return f"""(SELECT pg_catalog.string_agg(DISTINCT pg_catalog.concat_ws(' ', CASE e.grantee WHEN 0 THEN 'PUBLIC'
  ELSE pg_catalog.pg_get_userbyid(e.grantee) END, e.privilege_type, e.is_grantable), ',') FROM pg_catalog.aclexplode({acl}) AS e)"""


_GRANTED = (
    ("pg_class", "relacl", "CASE x.relkind WHEN 'S' THEN 's' ELSE 'r' END", "relowner"),
    ("pg_proc", "proacl", "'f'", "proowner"),
    ("pg_namespace", "nspacl", "'n'", "nspowner"),
    ("pg_type", "typacl", "'T'", "typowner"),
    ("pg_language", "lanacl", "'l'", "lanowner"),
    ("pg_foreign_data_wrapper", "fdwacl", "'F'", "fdwowner"),
    ("pg_foreign_server", "srvacl", "'S'", "srvowner"),
    ("pg_largeobject_metadata", "lomacl", "'L'", "lomowner"),
)


def _grants() -> ObjectClass:
    """Return what was granted, and what was taken, where that is not what an owner begins with."""
    parts = []
    for table, acl, kind, owner in _GRANTED:
        reference = "pg_largeobject" if table == "pg_largeobject_metadata" else table
        public = " OR x.nspname = 'public'" if table == "pg_namespace" else ""
        whose = f"({_made_by_users(table)}{public})"
        begun = _exploded(f'pg_catalog.acldefault(({kind})::"char", x.{owner})')
        parts.append(
            f"SELECT i.type || ' ' || i.identity AS name, {_exploded(f'x.{acl}')} AS definition FROM pg_catalog.{table} AS x"
            f" CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.{reference}'::pg_catalog.regclass, x.oid, 0) AS i"
            f" WHERE x.{acl} IS NOT NULL AND {whose} AND {_exploded(f'x.{acl}')} IS DISTINCT FROM {begun}"
        )
    parts.append(
        "SELECT i.type || ' ' || i.identity AS name, " + _exploded("x.attacl") + " AS definition"
        " FROM pg_catalog.pg_attribute AS x CROSS JOIN LATERAL"
        " pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, x.attrelid, x.attnum) AS i"
        f" WHERE pg_catalog.cardinality(x.attacl) > 0 AND NOT x.attisdropped AND {_made_by_users('pg_class', 'x.attrelid')}"
    )
    return ObjectClass(name="grants", select=" UNION ALL ".join(parts), catalogue=())


_SAID = (
    _described("comments", "pg_description", "x.description"),
    _described("security labels", "pg_seclabel", "x.provider, x.label"),
    _of("default privileges", "pg_default_acl", _exploded("x.defaclacl")),
    _grants(),
)
_SETTINGS = """SELECT coalesce(r.rolname, 'all roles') AS name, pg_catalog.array_to_string(ARRAY(SELECT o FROM
pg_catalog.unnest(x.setconfig) AS o ORDER BY o COLLATE "C"), ',') AS definition FROM pg_catalog.pg_db_role_setting AS x
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = x.setrole WHERE x.setdatabase = """
_ROLE = """SELECT x.rolname AS name, pg_catalog.concat_ws('|', x.rolsuper, x.rolinherit, x.rolcreaterole, x.rolcreatedb,
x.rolcanlogin, x.rolreplication, x.rolbypassrls, x.rolconnlimit, x.rolvaliduntil) AS definition FROM pg_catalog.pg_roles AS x
WHERE x.rolname !~ '^pg_'"""
_MEMBERSHIP = """SELECT pg_catalog.pg_get_userbyid(x.member) || ' in ' || pg_catalog.pg_get_userbyid(x.roleid) AS name,
pg_catalog.bool_or(x.admin_option)::text AS definition FROM pg_catalog.pg_auth_members AS x
WHERE pg_catalog.pg_get_userbyid(x.member) !~ '^pg_' GROUP BY x.member, x.roleid"""
OF_A_DATABASE = (
    _SCHEMA, *_RELATIONS, *_ON_TABLES, *_CODE, _EXTENSION, *_FOREIGN, *_ACTING, *_SAID,
    ObjectClass(
        name="settings of the database", catalogue=("pg_db_role_setting",),
        select=f"{_SETTINGS}(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
    ),
)  # fmt: skip
OF_THE_SERVER = (
    ObjectClass(name="roles", catalogue=("pg_authid",), shared=True, select=_ROLE),
    ObjectClass(name="memberships", catalogue=("pg_auth_members",), shared=True, select=_MEMBERSHIP),
    ObjectClass(name="settings of roles", catalogue=(), shared=True, select=f"{_SETTINGS}0"),
    ObjectClass(
        name="tablespaces", catalogue=("pg_tablespace",), shared=True,
        select=f"SELECT x.spcname AS name, {_owner('spcowner')} AS definition FROM pg_catalog.pg_tablespace AS x"
        f" WHERE x.oid >= {FIRST_OF_USERS}",
    ),
)  # fmt: skip


def script(classes: tuple[ObjectClass, ...], version: int) -> str:
    """Return the statements that list classes: ``["object", class, name, digest]``, and ``["class", class]`` at its end."""
    digest = (
        "pg_catalog.encode(pg_catalog.substring(pg_catalog.sha256(pg_catalog.convert_to(coalesce(definition, ''),"
        " pg_catalog.getdatabaseencoding())), 1, 8), 'hex')"
    )
    return "\n".join(
        f"SELECT pg_catalog.json_build_array('object', '{one.name}', name, {digest}) FROM ({one.select}) AS q WHERE name IS NOT"
        f" NULL UNION ALL SELECT pg_catalog.json_build_array('class', '{one.name}');"
        for one in classes
        if version >= one.since
    )
