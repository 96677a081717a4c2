"""Compares what a restored PostgreSQL holds besides the rows of its tables with the facts of its backup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, count, counted, fact, joined, quoted, say
from drp_verifiers.amounts import gives_again, gives_less, listed, rows, same_digests, size_in_bytes
from drp_verifiers.definitions import EARLIER, as_mapping
from drp_verifiers.postgres_census import Census
from drp_verifiers.postgres_defined import MAINTENANCE, objects
from drp_verifiers.statements import failed, judged, passed, undetermined

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


def _large(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    check = f"large-objects {name}"
    statement = fact("large-objects-there", "every large object of {name} is there, as long as it was", name=name)
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
    observed, expected = _so_large(*census.large), _so_large(*had)
    if same and census.large_owners != known.get("owners"):
        same = False
        observed = fact("large-object-owners", "owners: {owners}", owners=_owners(census.large_owners))
        expected = fact("large-object-owners", "owners: {owners}", owners=_owners(known.get("owners")))
    if same and known.get("digest") and census.large_digest:
        same = known["digest"] == census.large_digest
        told = (
            fact("large-content-same", "their content is the same")
            if same
            else fact("large-content-other", "their content is not what it was")
        )
        observed = joined((observed, told))
        yield judged(check, statement, holds=same, observed=observed, expected=expected, basis="content")
        return
    yield judged(check, statement, holds=same, observed=observed, expected=expected, basis="counted")


def _so_large(number: object, size: object) -> Phrase:
    """Return how many large objects there are, and how long they are together."""
    if not isinstance(number, int) or not isinstance(size, int):  # facts that nobody understands
        return quoted(f"{number}, {size}")
    of = count("{n} large object", "{n} large objects", number)
    return fact("large-objects-bytes", "{objects}, {size}", objects=of, size=size_in_bytes(size))


def _owners(owners: object) -> str:
    return ", ".join(f"{owner} {number}" for owner, number in sorted(as_mapping(owners).items()))


def _unlogged(name: str, census: Census, facts: Mapping[str, object], allowed: Allowed) -> Iterator[Answer]:
    check = f"unlogged {name}"
    statement = fact(
        "unlogged-tables-hold-rows",
        "unlogged tables of {name} hold their rows, or are declared to be lost by design",
        name=name,
    )
    known = facts.get("unlogged")
    if not isinstance(known, Mapping):
        if census.unlogged:
            yield undetermined(check, statement, observed=EARLIER, basis="counted")
        return
    if not known and not census.unlogged:
        return
    wrong: list[Phrase] = []
    designed: list[Phrase] = []
    for table, had in sorted(known.items()):
        has = census.unlogged.get(table)
        if has == had:
            continue
        told = (
            fact("table-missing", "{table} is missing", table=table)
            if table not in census.unlogged
            else _fewer(table, has, had)
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
            else counted("tables-as-they-were", "{n} table as it was", "{n} tables as they were", len(known))
        )
        yield passed(check, statement, observed=said, basis="counted")
    if designed:
        yield NotJudged(
            part=say("rows of unlogged tables, {name}", name=name),
            why=fact("declared-as-lost-by", "declared as lost by design: {designed}", designed=listed(designed)),
        )


def _fewer(table: str, has: object, had: object) -> Phrase:
    """Return how many rows a table has, and had; None: it cannot be read."""
    if not isinstance(has, int):
        return fact("table-cannot-be-read", "{table} cannot be read", table=table)
    return fact("table-has-rows-had", "{table} has {rows}, had {had}", table=table, rows=rows(has), had=had)


def _materialized(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    known = as_mapping(facts.get("materialized"))
    other = [
        _fewer(view, census.materialized[view], had)
        for view, had in sorted(known.items())
        if view in census.materialized and census.materialized[view] != had
    ]
    if other:
        why = fact("load-dump-computes-them", "{other}: the load of a dump computes them anew", other=listed(other))
        yield NotJudged(part=say("rows of materialized views, {name}", name=name), why=why)


def sequences(name: str, census: Census, facts: Mapping[str, object], allowed: Allowed) -> Iterator[CheckResult]:
    """Yield whether any number would be issued again; also without facts, by the numbers that are in use."""
    check = f"sequences {name}"
    statement = fact("no-sequence-gives-again", "no sequence of {name} would give a number again", name=name)
    known = as_mapping(facts.get("sequences"))
    if not census.sequences and not known:
        return
    wrong: list[Phrase] = []
    unread: list[Phrase] = []
    for sequence in sorted({*census.sequences, *known}):
        if any(fnmatchcase(sequence, one) for one in allowed.sequences_behind):
            continue
        following, step = census.sequences.get(sequence), census.steps.get(sequence, 1)
        if following is None:
            told = fact("sequence-missing-or-unread", "{sequence} is missing or cannot be read", sequence=sequence)
            (unread if sequence in census.sequences else wrong).append(told)
            continue
        had = known.get(sequence)
        if isinstance(had, int) and (following - had) * step < 0:
            wrong.append(gives_less(sequence, following, had))
        for column, last in census.uses.get(sequence, ()):
            if (following - last) * step <= 0:
                wrong.append(gives_again(sequence, following, column, last))
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
        observed = fact(
            "sequences-ahead-of-columns",
            "{sequences}, ahead of {columns}",
            sequences=count("{n} sequence", "{n} sequences", len(census.sequences)),
            columns=count(
                "{n} column that uses them", "{n} columns that use them", sum(map(len, census.uses.values()))
            ),
        )
        yield passed(check, statement, observed=observed, basis="counted" if known else "observed")


def _text(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[CheckResult]:
    known = facts.get("text")
    if name in MAINTENANCE or not isinstance(known, list) or census.text is None:
        return
    statement = fact(
        "text-has-encoding-collation", "text in {name} has the encoding and collation that it had", name=name
    )
    found, wanted = ", ".join(census.text), ", ".join(map(str, known))
    yield judged(f"text {name}", statement, holds=found == wanted, observed=quoted(found), expected=quoted(wanted))


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
    check = f"content {name}"
    statement = fact("every-row-says-what", "every row of {name} says what it said at backup time", name=name)
    observed = same_digests(len(compared))
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
