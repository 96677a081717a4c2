"""What a backup of an SQLite database can lose, by its own schema and header, and what is judged of it."""

from __future__ import annotations

from drp.domain.judged import Part
from drp.domain.phrase import fact, joined, quoted, say

_OBJECTS = fact("objects-by-name", "`objects`: every one by name, with a digest of its definition")
PARTS: tuple[Part, ...] = (
    Part(name=say("rows of tables"), judged="counted", words=quoted("`row-counts`"), catalogue=("shadow",)),
    Part(
        name=say("content of rows"),
        judged="content",
        words=fact("content-where-facts-made-with-digest", "`content`, where the facts were made with `--digest`"),
    ),
    Part(name=say("tables with columns and constraints"), judged="content", words=_OBJECTS, catalogue=("table",)),
    Part(name=say("indexes"), judged="content", words=joined((_OBJECTS, quoted("`integrity`"))), catalogue=("index",)),
    Part(
        name=say("views"),
        judged="content",
        words=fact("views-each-can-asked", "{objects}; `views`: each can be asked", objects=_OBJECTS),
        catalogue=("view",),
    ),
    Part(name=say("triggers"), judged="content", words=_OBJECTS, catalogue=("trigger",)),
    Part(
        name=say("virtual tables"),
        judged="content",
        words=fact(
            "their-rows-lie-tables",
            "{objects}; their rows lie in tables of their own; one whose module is not here is named",
            objects=_OBJECTS,
        ),
        catalogue=("virtual",),
    ),
    Part(
        name=say("counters"),
        judged="counted",
        words=fact("counters-ahead-facts", "`counters`: ahead of the facts"),
        catalogue=("sqlite_sequence",),
    ),
    Part(
        name=say("references between tables"),
        judged="observed",
        words=quoted("`foreign-keys`"),
        catalogue=("foreign_key_check",),
    ),
    Part(
        name=say("encoding, version of the schema, and application"),
        judged="content",
        words=quoted("`settings`"),
        catalogue=("encoding", "user_version", "application_id"),
    ),
    Part(
        name=say("changes that are not in the file yet"),
        judged="observed",
        words=fact("write-ahead-log-journal", "`write-ahead-log`; a journal is rolled back"),
        catalogue=("wal_checkpoint", "journal_mode"),
    ),
    Part(
        name=say("size and order of pages"),
        judged="not judged",
        words=fact("copy-made-by-vacuum", "a copy made by `VACUUM INTO` or from a dump has its own"),
        catalogue=("page_size", "auto_vacuum", "freelist_count", "page_count"),
    ),
    Part(
        name=say("statistics of the planner"),
        judged="not judged",
        words=fact("made-anew-by-analyze", "made anew by ANALYZE"),
        catalogue=("sqlite_stat1", "sqlite_stat4"),
    ),
    Part(
        name=say("functions, collations and modules of the application"),
        judged="not judged",
        words=fact("they-code-what-needs", "they are in its code: what needs them is named"),
        catalogue=("function_list", "collation_list", "module_list"),
    ),
)
