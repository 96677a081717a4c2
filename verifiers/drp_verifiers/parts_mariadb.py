"""What a backup of a MariaDB server can lose, by the tables of its own catalogue, and what is judged of it."""

from __future__ import annotations

from drp.domain.judged import Part
from drp.domain.phrase import fact, say
from drp_verifiers.kinds import kind_words
from drp_verifiers.mariadb_objects import ADVISORY, OF_A_DATABASE, OF_THE_SERVER

_OBJECTS = fact("objects-by-name", "`objects`: every one by name, with a digest of its definition")
PARTS: tuple[Part, ...] = (
    Part(name=say("rows of tables"), judged="counted", words=fact("counts-rows-now-partitions", "`counts`: rows now, partitions within their table; `read-counts`: by drp, before " "anything runs")),
    Part(name=say("the server's own schema"), judged="content", words=fact("system-shape-against-fresh", "`system`: its shape against a fresh one; rows of it as below")),
    Part(name=say("rows of the past"), judged="counted", words=fact("history-system-versioned-tables", "`history`: of system-versioned tables")),
    Part(name=say("characters of text"), judged="counted", words=fact("text-characters-bytes-every", "`text`: characters and bytes of every table")),
    Part(name=say("content of rows"), judged="content", words=fact("content-where-facts-made", "`content`, where facts were made with `digest`; otherwise not judged")),
    Part(
        name=say("next numbers"), judged="counted",
        words=fact("sequences-sequences-auto-increment", "`sequences`: sequences and AUTO_INCREMENT ahead of the facts and of what uses them"),
    ),
    Part(name=say("sequences"), judged="content", words=_OBJECTS),
    Part(name=say("use of views"), judged="observed", words=fact("views-each-opened-with", "`views`: each is opened, with its definer's rights")),
    Part(name=say("definers"), judged="counted", words=fact("definers-how-many-objects", "`definers`: how many objects are defined by nobody")),
    *(Part(name=kind_words(one.name), judged="content", words=_OBJECTS, catalogue=one.catalogue) for one in OF_A_DATABASE),
    *(
        Part(name=kind_words(one.name), judged="content", words=fact("accounts-by-name-with", "`accounts`: by name, with a digest"), catalogue=one.catalogue)
        for one in OF_THE_SERVER if one.name not in ADVISORY
    ),
    *(
        Part(
            name=kind_words(one.name), judged="observed", words=fact("compared-difference-said-as", "compared; a difference is said as not judged"),
            catalogue=one.catalogue,
        )
        for one in OF_THE_SERVER if one.name in ADVISORY
    ),
    Part(
        name=say("character set of new tables"), judged="observed", words=fact("difference-said-as-not", "a difference is said as not judged"),
        catalogue=("SCHEMATA",),
    ),
    Part(name=say("passwords"), judged="not judged", words=fact("their-digests-belong-no", "their digests belong in no manifest")),
    Part(
        name=say("proxies"), judged="not judged", words=fact("no-statement-made-who", "no statement is made of who may act for whom"),
        catalogue=("proxies_priv",),
    ),
    Part(
        name=say("temporary and MEMORY tables' rows"), judged="not judged",
        words=fact("lost-by-design-every", "lost by design at every restart; MEMORY tables are named"),
    ),
    Part(
        name=say("rows of FEDERATED, SPIDER, CONNECT, S3 and SPHINX tables"), judged="not judged",
        words=fact("they-lie-elsewhere-not", "they lie elsewhere and are not opened"),
    ),
    Part(
        name=say("events that end by themselves"), judged="not judged",
        words=fact("server-drops-them-when", "the server drops them when their time is over, also while a dump is loaded"),
    ),
    Part(
        name=say("logs kept in tables"), judged="not judged", words=fact("made-by-server-while", "made by the server while it runs"),
        catalogue=("general_log", "slow_log"),
    ),
    Part(
        name=say("statistics of the optimizer"), judged="not judged", words=fact("made-anew-by-analyze", "made anew by ANALYZE"),
        catalogue=("column_stats", "index_stats", "table_stats", "innodb_index_stats", "innodb_table_stats"),
    ),
    Part(
        name=say("position of replication"), judged="not judged", words=fact("drill-replicates-nothing", "a drill replicates nothing"),
        catalogue=("gtid_slave_pos",),
    ),
    Part(
        name=say("transactions of versioned tables"), judged="not judged",
        words=fact("only-tables-versioned-by", "only tables versioned by transaction need it"), catalogue=("transaction_registry",),
    ),
    Part(
        name=say("help and spatial reference texts"), judged="not judged", words=fact("server-s-own", "the server's own"),
        catalogue=("help_category", "help_keyword", "help_relation", "help_topic", "SPATIAL_REF_SYS"),
    ),
    Part(name=say("definitions of tablespaces"), judged="not judged", words=fact("no-engine-mariadb-keeps", "no engine of MariaDB keeps any"), catalogue=("TABLESPACES", "FILES")),
    Part(
        name=say("settings of the server"), judged="not judged", words=fact("option-files-read-told", "its option files are read and told by the runbook"),
        catalogue=("SYSTEM_VARIABLES", "GLOBAL_VARIABLES"),
    ),
)  # fmt: skip
