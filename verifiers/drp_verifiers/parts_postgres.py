"""What a backup of a PostgreSQL server can lose, by the tables of its own catalogue, and what is judged of it."""

from __future__ import annotations

from drp.domain.judged import Part
from drp.domain.phrase import fact, quoted, say
from drp_verifiers.kinds import kind_words
from drp_verifiers.postgres_objects import OF_A_DATABASE, OF_THE_SERVER

_OBJECTS = fact("objects-by-name", "`objects`: every one by name, with a digest of its definition")
_OWN = frozenset(one.name for one in OF_A_DATABASE if one.catalogue != ("pg_class",))
PARTS: tuple[Part, ...] = (
    Part(name=say("rows of tables"), judged="counted", words=fact("row-counts-partitions-each", "`row-counts`: partitions each by itself")),
    Part(name=say("rows of unlogged tables"), judged="counted", words=fact("unlogged-empty-after-base", "`unlogged`: empty after a base backup, which is to be declared")),
    Part(
        name=say("rows of materialized views"), judged="not judged",
        words=fact("load-dump-computes-them-anew", "the load of a dump computes them anew; whether they are populated is in `objects`"),
    ),
    Part(name=say("content of rows"), judged="content", words=fact("content-where-facts-made-with", "`content`, where the facts were made with `--digest`; otherwise not judged")),
    Part(
        name=say("large objects"), judged="counted", words=fact("large-objects-number-bytes", "`large-objects`: number, bytes, owners; content with `--digest`"),
        catalogue=("pg_largeobject", "pg_largeobject_metadata"),
    ),
    Part(
        name=say("next numbers of sequences"), judged="counted", words=fact("sequences-ahead-facts-every", "`sequences`: ahead of the facts, and of every column that uses them"),
        catalogue=("pg_sequence",),
    ),
    Part(name=say("use of views"), judged="observed", words=fact("views-each-opened-with-rights", "`views`: each is opened, with the rights of its owner")),
    Part(name=say("what roles may read"), judged="content", words=fact("roles-those-who-log", "`roles`: of those who log in; `application_role` must be there")),
    Part(name=say("encoding and collation"), judged="observed", words=quoted("`text`"), catalogue=("pg_database",)),
    *(
        Part(name=kind_words(one.name), judged="content", words=_OBJECTS, catalogue=one.catalogue if one.name in {"tables", *_OWN} else ())
        for one in OF_A_DATABASE if one.name not in {"aggregates", "grants"}
    ),
    Part(name=say("aggregates"), judged="content", words=_OBJECTS, catalogue=("pg_aggregate",)),
    Part(
        name=say("columns, defaults, inheritance and partitions"), judged="content", words=fact("objects-definition-their-table", "`objects`: in the definition of their table"),
        catalogue=("pg_attribute", "pg_attrdef", "pg_inherits", "pg_partitioned_table", "pg_foreign_table", "pg_index"),
    ),
    Part(name=say("grants"), judged="content", words=fact("objects-what-granted-or", "`objects`: what was granted or taken, where an owner does not begin with it")),
    *(
        Part(name=kind_words(one.name), judged="content", words=fact("objects-server-where-facts", "`objects of the server`, where the facts are of all databases"), catalogue=one.catalogue)
        for one in OF_THE_SERVER
    ),
    Part(
        name=say("comments and labels of roles, databases and tablespaces"), judged="not judged", words=fact("no-statement-made-them", "no statement is made of them"),
        catalogue=("pg_shdescription", "pg_shseclabel"),
    ),
    Part(name=say("grants on settings"), judged="not judged", words=fact("no-statement-made-them", "no statement is made of them"), catalogue=("pg_parameter_acl",)),
    Part(name=say("passwords of roles"), judged="not judged", words=fact("their-digests-belong-no", "their digests belong in no manifest")),
    Part(
        name=say("tables of subscriptions"), judged="not judged", words=fact("subscriptions-held-back-drill", "subscriptions are held back in a drill"),
        catalogue=("pg_subscription_rel",),
    ),
    Part(
        name=say("replication origins and slots"), judged="not judged", words=fact("no-backup-keeps-them", "no backup keeps them"),
        catalogue=("pg_replication_origin",),
    ),
    Part(
        name=say("statistics of the planner"), judged="not judged", words=fact("made-anew-by-analyze", "made anew by ANALYZE"),
        catalogue=("pg_statistic", "pg_statistic_ext_data"),
    ),
    Part(
        name=say("dependencies and first privileges"), judged="not judged", words=fact("made-by-server-itself", "made by the server itself when an object is made"),
        catalogue=("pg_depend", "pg_shdepend", "pg_init_privs"),
    ),
)  # fmt: skip
