"""Compares what a restored PostgreSQL holds besides the rows of its tables with the facts of its backup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import fact, say
from drp_verifiers.definitions import EARLIER, as_mapping, differences, listed
from drp_verifiers.postgres_census import Census
from drp_verifiers.postgres_objects import OF_THE_SERVER
from drp_verifiers.statements import failed, judged, passed, undetermined

_SHARED = frozenset(one.name for one in OF_THE_SERVER)
_MAINTENANCE = ("postgres", "template1")
"""Made by initdb, not by a dump: their encoding and settings are those of the server they are in."""

Answer = CheckResult | NotJudged


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the plan declares to be so by design; patterns as of shells over ``schema.name``."""

    unlogged_lost: tuple[str, ...] = ()
    sequences_behind: tuple[str, ...] = ()


def compare(
    name: str, census: Census, facts: Mapping[str, object], allowed: Allowed, *, same_version: bool
) -> Iterator[Answer]:
    """Yield what is to be said of one database besides the rows of its permanent tables."""
    yield from objects(f"objects {name}", name, census, facts, same_version=same_version)
    yield from _large(name, census, facts)
    yield from _unlogged(name, census, facts, allowed)
    yield from _materialized(name, census, facts)
    yield from sequences(name, census, facts, allowed)
    yield from _text(name, census, facts)
    yield from _content(name, census, facts)


def objects(
    check: str, of: str, census: Census, facts: Mapping[str, object], *, same_version: bool, shared: bool = False
) -> Iterator[Answer]:
    """Yield whether every object of the facts is there, and defined as it was."""
    statement = fact(
        "every-object-besides-rows",
        "every object of {of} besides rows is there, and as it was defined at backup time",
        of=of,
    )
    wanted = facts.get("definitions")
    found = {kind: names for kind, names in census.objects.items() if (kind in _SHARED) is shared}
    if not isinstance(wanted, Mapping):
        if any(found.values()):
            yield undetermined(check, statement, observed=EARLIER, basis="content")
        return
    lost: list[str] = []
    unasked = [kind for kind in census.unread if (kind in _SHARED) is shared]
    for kind in sorted({*wanted, *found} - {*unasked}):
        if kind not in wanted:
            if found[kind]:
                unasked.append(kind)
        elif of not in _MAINTENANCE or kind != "settings of the database":
            missing = "missing or not valid" if kind == "indexes" else "missing"
            before, here = as_mapping(wanted[kind]), found.get(kind, {})
            lost += differences(kind, before, here, compared=same_version, missing=missing)
    unasked += [kind for kind in as_mapping(wanted) if kind in census.unread and kind not in unasked]
    numbers = f"{sum(len(names) for names in found.values())} objects of {sum(map(bool, found.values()))} classes"
    expected = fact("objects", "{sum} objects", sum=sum(len(as_mapping(names)) for names in wanted.values()))
    if lost:
        yield failed(check, statement, observed=listed(lost), expected=expected, basis="content")
    elif unasked:
        observed = fact(
            "not-read-this-server",
            "{unasked}: not to be read in this server, or not in the facts",
            unasked=", ".join(unasked),
        )
        yield undetermined(check, statement, observed=observed, expected=expected, basis="content")
    else:
        numbers += _more(wanted, found)
        yield passed(
            check, statement, observed=numbers, expected=expected, basis="content" if same_version else "counted"
        )
    if not same_version:
        yield NotJudged(
            part=say("definitions of objects, {of}", of=of),
            why=fact("facts-another-major-version", "the facts are of another major version of PostgreSQL"),
        )


def _more(wanted: Mapping[str, object], found: Mapping[str, Mapping[str, str]]) -> str:
    """Return what came after the facts: no loss, and told."""
    extra = [
        f"{kind} {one}"
        for kind, names in sorted(found.items())
        for one in sorted(names.keys() - as_mapping(wanted.get(kind)).keys() - {"public", "postgres"})
    ]
    return fact("not-facts", "; not in the facts: {extra}", extra=listed(extra)) if extra else ""


def _large(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    check, statement = f"large-objects {name}", f"every large object of {name} is there, as long as it was"
    known = as_mapping(facts.get("large_objects"))
    wanted = as_mapping(known.get("counts"))
    if census.large is None:
        yield undetermined(
            check,
            statement,
            observed=fact("large-objects-could-not", "the large objects could not be counted"),
            basis="counted",
        )
        return
    if not wanted:
        if census.large[0]:
            yield undetermined(check, statement, observed=EARLIER, basis="counted")
        return
    had = (wanted.get("objects"), wanted.get("bytes"))
    if had == (0, 0) and census.large == (0, 0):
        return
    same = census.large == had
    observed = fact(
        "large-objects-bytes", "{large} large objects, {large2} bytes", large=census.large[0], large2=census.large[1]
    )
    expected = fact("postgres-whole-large-objects-bytes", "{had} large objects, {had2} bytes", had=had[0], had2=had[1])
    if same and census.large_owners != known.get("owners"):
        same = False
        observed = fact("owners", "owners: {owners}", owners=census.large_owners)
        expected = fact("owners", "owners: {owners}", owners=known.get("owners"))
    if same and known.get("digest") and census.large_digest:
        same = known["digest"] == census.large_digest
        observed = observed.then(
            fact("their-content-same", "; their content is the same")
            if same
            else fact("their-content-not-what", "; their content is not what it was")
        )
        yield judged(check, statement, holds=same, observed=observed, expected=expected, basis="content")
        return
    yield judged(check, statement, holds=same, observed=observed, expected=expected, basis="counted")


def _unlogged(name: str, census: Census, facts: Mapping[str, object], allowed: Allowed) -> Iterator[Answer]:
    check, statement = (
        f"unlogged {name}",
        f"unlogged tables of {name} hold their rows, or are declared to be lost by design",
    )
    known = facts.get("unlogged")
    if not isinstance(known, Mapping):
        if census.unlogged:
            yield undetermined(check, statement, observed=EARLIER, basis="counted")
        return
    if not known and not census.unlogged:
        return
    wrong: list[str] = []
    designed: list[str] = []
    for table, had in sorted(known.items()):
        has = census.unlogged.get(table)
        if has == had:
            continue
        told = (
            fact("postgres-whole-missing", "{table} is missing", table=table)
            if table not in census.unlogged
            else fact("postgres-whole-has-rows-had", "{table} has {has} rows, had {had}", table=table, has=has, had=had)
        )
        is_designed = has == 0 and any(fnmatchcase(table, one) for one in allowed.unlogged_lost)
        (designed if is_designed else wrong).append(told)
    if wrong:
        observed = fact(
            "base-backup-never-holds",
            "{wrong}: a base backup never holds them; where that is right, declare `unlogged_lost`",
            wrong=listed(wrong),
        )
        yield failed(check, statement, observed=observed, basis="counted")
    else:
        said = (
            fact("lost-by-design-as", "lost by design, as declared: {designed}", designed=listed(designed))
            if designed
            else fact("tables-as-they", "{n} tables as they were", n=len(known))
        )
        yield passed(check, statement, observed=said, basis="counted")
    if designed:
        yield NotJudged(
            part=say("rows of unlogged tables, {name}", name=name),
            why=fact("declared-as-lost-by", "declared as lost by design: {designed}", designed=listed(designed)),
        )


def _materialized(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    known = as_mapping(facts.get("materialized"))
    other = [
        f"{view} has {census.materialized[view]} rows, had {had}"
        for view, had in sorted(known.items())
        if view in census.materialized and census.materialized[view] != had
    ]
    if other:
        why = fact("load-dump-computes-them", "{other}: the load of a dump computes them anew", other=listed(other))
        yield NotJudged(part=say("rows of materialized views, {name}", name=name), why=why)


def sequences(name: str, census: Census, facts: Mapping[str, object], allowed: Allowed) -> Iterator[CheckResult]:
    """Yield whether any number would be issued again; also without facts, by the numbers that are in use."""
    check, statement = f"sequences {name}", f"no sequence of {name} would give a number again"
    known = as_mapping(facts.get("sequences"))
    if not census.sequences and not known:
        return
    wrong: list[str] = []
    unread: list[str] = []
    for sequence in sorted({*census.sequences, *known}):
        if any(fnmatchcase(sequence, one) for one in allowed.sequences_behind):
            continue
        following, step = census.sequences.get(sequence), census.steps.get(sequence, 1)
        if following is None:
            (unread if sequence in census.sequences else wrong).append(f"{sequence} is missing or cannot be read")
            continue
        had = known.get(sequence)
        if isinstance(had, int) and (following - had) * step < 0:
            wrong.append(f"{sequence} gives {following} next, would have given {had}")
        for column, last in census.uses.get(sequence, ()):
            if (following - last) * step <= 0:
                wrong.append(f"{sequence} gives {following} next, and {column} holds {last} already")
    if wrong:
        yield failed(
            check,
            statement,
            observed=listed(wrong),
            expected=fact("next-numbers-ahead-those", "next numbers ahead of those in use"),
            basis="counted",
        )
    elif unread:
        yield undetermined(check, statement, observed=listed(unread), basis="counted")
    else:
        used = sum(map(len, census.uses.values()))
        observed = fact(
            "sequences-ahead-columns-use",
            "{n} sequences, ahead of {used} columns that use them",
            n=len(census.sequences),
            used=used,
        )
        yield passed(check, statement, observed=observed, basis="counted" if known else "observed")


def _text(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[CheckResult]:
    known = facts.get("text")
    if name in _MAINTENANCE or not isinstance(known, list) or census.text is None:
        return
    statement = fact(
        "text-has-encoding-collation", "text in {name} has the encoding and collation that it had", name=name
    )
    observed, expected = ", ".join(census.text), ", ".join(map(str, known))
    yield judged(f"text {name}", statement, holds=observed == expected, observed=observed, expected=expected)


def _content(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    known = facts.get("digests")
    if not isinstance(known, Mapping):
        if census.tables:
            why = fact(
                "facts-hold-no-digests-equal",
                "the facts hold no digests: equal counts say nothing of what rows say; make facts with --digest",
            )
            yield NotJudged(part=say("content of rows, {name}", name=name), why=why)
        return
    # unlogged tables and materialized views are judged by their own statements
    compared = [table for table in sorted(known) if table in census.tables]
    other = [
        table for table in compared if census.tables[table] is not None and census.digests.get(table) != known[table]
    ]
    unread = [table for table in compared if census.tables[table] is None]
    check, statement = f"content {name}", f"every row of {name} says what it said at backup time"
    observed = fact("tables-have-digest-they", "{n} tables have the digest that they had", n=len(compared))
    if other:
        observed = fact("other-content", "other content: {other}", other=listed(other))
        yield failed(
            check, statement, observed=observed, expected=fact("same-digests", "the same digests"), basis="content"
        )
    elif unread:
        yield undetermined(
            check,
            statement,
            observed=fact("cannot-read", "cannot be read: {unread}", unread=listed(unread)),
            basis="content",
        )
    else:
        yield passed(check, statement, observed=observed, basis="content")
