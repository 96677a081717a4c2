"""Words for the classes of objects that a database has besides rows, which facts and catalogues name in English."""

from __future__ import annotations

from drp.domain.phrase import Phrase, quoted, say

_WORDS = {
    str(one): one
    for one in (
        say("objects"),
        # of PostgreSQL
        say("schemas"),
        say("tables"),
        say("views"),
        say("materialized views"),
        say("sequences"),
        say("indexes"),
        say("constraints"),
        say("triggers"),
        say("rules"),
        say("policies"),
        say("statistics objects"),
        say("functions"),
        say("aggregates"),
        say("types"),
        say("casts"),
        say("operators"),
        say("operator classes"),
        say("operator families"),
        say("conversions"),
        say("languages"),
        say("transforms"),
        say("access methods"),
        say("collations"),
        say("text search configurations"),
        say("text search dictionaries"),
        say("text search parsers"),
        say("text search templates"),
        say("extensions"),
        say("foreign-data wrappers"),
        say("foreign servers"),
        say("user mappings"),
        say("event triggers"),
        say("publications"),
        say("publication tables"),
        say("publication schemas"),
        say("subscriptions"),
        say("comments"),
        say("security labels"),
        say("default privileges"),
        say("grants"),
        say("settings of the database"),
        say("roles"),
        say("memberships"),
        say("settings of roles"),
        say("tablespaces"),
        # of MariaDB
        say("columns"),
        say("keys and constraints"),
        say("foreign keys"),
        say("check constraints"),
        say("partitions"),
        say("routines"),
        say("events"),
        say("accounts"),
        say("accounts and roles"),
        say("grants on the database"),
        say("grants on tables"),
        say("grants on columns"),
        say("grants on routines"),
        say("members of roles"),
        say("loadable functions"),
        say("plugins"),
        say("time zones"),
        # of SQLite
        say("virtual tables"),
    )
}


def kind_words(kind: str) -> Phrase:
    """Return the words for a class of objects; one that drp does not know, as facts of others name it."""
    return _WORDS.get(kind) or quoted(kind)
