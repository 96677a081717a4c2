"""Compares the objects of a restored PostgreSQL, and how they are defined, with the facts of its backup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import NOTHING, Phrase, count, fact, joined, say, several
from drp_verifiers.amounts import listed
from drp_verifiers.amounts import objects as so_many_objects
from drp_verifiers.definitions import EARLIER, as_mapping, differences
from drp_verifiers.kinds import kind_words
from drp_verifiers.postgres_census import Census
from drp_verifiers.postgres_objects import OF_THE_SERVER
from drp_verifiers.statements import failed, passed, undetermined

_SHARED = frozenset(one.name for one in OF_THE_SERVER)
MAINTENANCE = ("postgres", "template1")
"""Made by initdb, not by a dump: their encoding and settings are those of the server they are in."""


def objects(
    check: str,
    of: str | Phrase,
    census: Census,
    facts: Mapping[str, object],
    *,
    same_version: bool,
    shared: bool = False,
) -> Iterator[CheckResult | NotJudged]:
    """Yield whether every object of the facts is there, and defined as it was."""
    statement = _statement(of, shared=shared)
    wanted = facts.get("definitions")
    found = {kind: names for kind, names in census.objects.items() if (kind in _SHARED) is shared}
    if not isinstance(wanted, Mapping):
        if any(found.values()):
            yield undetermined(check, statement, observed=EARLIER, basis="content")
        return
    lost: list[Phrase] = []
    unasked = [kind for kind in census.unread if (kind in _SHARED) is shared]
    for kind in sorted({*wanted, *found} - {*unasked}):
        if kind not in wanted:
            if found[kind]:
                unasked.append(kind)
        elif of not in MAINTENANCE or kind != "settings of the database":
            before, here = as_mapping(wanted[kind]), found.get(kind, {})
            lost += differences(kind, before, here, compared=same_version, only_valid=kind == "indexes")
    unasked += [kind for kind in as_mapping(wanted) if kind in census.unread and kind not in unasked]
    expected = so_many_objects(sum(len(as_mapping(names)) for names in wanted.values()))
    if lost:
        yield failed(check, statement, observed=listed(lost), expected=expected, basis="content")
    elif unasked:
        observed = fact(
            "not-read-this-server",
            "{unasked}: not to be read in this server, or not in the facts",
            unasked=several(map(kind_words, unasked)),
        )
        yield undetermined(check, statement, observed=observed, expected=expected, basis="content")
    else:
        observed = fact(
            "objects-of-classes",
            "{objects} of {classes}",
            objects=so_many_objects(sum(map(len, found.values()))),
            classes=count("{n} class", "{n} classes", sum(map(bool, found.values()))),
        )
        observed = joined((observed, _more(wanted, found)))
        yield passed(
            check, statement, observed=observed, expected=expected, basis="content" if same_version else "counted"
        )
    if not same_version:
        yield NotJudged(
            part=say("definitions of objects, {of}", of=of),
            why=fact("facts-another-major-version", "the facts are of another major version of PostgreSQL"),
        )


def _statement(of: str, *, shared: bool) -> Phrase:
    if shared:
        return fact(
            "every-object-of-server",
            "every object of the server besides rows is there, and as it was defined at backup time",
        )
    return fact(
        "every-object-besides-rows",
        "every object of {database} besides rows is there, and as it was defined at backup time",
        database=of,
    )


def _more(wanted: Mapping[str, object], found: Mapping[str, Mapping[str, str]]) -> Phrase:
    """Return what came after the facts: no loss, and told."""
    extra = [
        say("{kind} {name}", kind=kind_words(kind), name=one)
        for kind, names in sorted(found.items())
        for one in sorted(names.keys() - as_mapping(wanted.get(kind)).keys() - {"public", "postgres"})
    ]
    return fact("more-than-facts", "not in the facts: {extra}", extra=listed(extra)) if extra else NOTHING
