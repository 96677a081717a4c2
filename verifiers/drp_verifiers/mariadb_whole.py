"""Compares what a restored MariaDB database holds with the facts of its backup. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, count, fact, joined, quoted, say
from drp_verifiers.amounts import listed, rows, same_digests, size_in_bytes, tables
from drp_verifiers.amounts import views as so_many_views
from drp_verifiers.clinical import whole_numbers
from drp_verifiers.definitions import EARLIER, as_mapping
from drp_verifiers.mariadb_census import Census
from drp_verifiers.mariadb_defined import objects
from drp_verifiers.mariadb_numbers import next_numbers, number_kept
from drp_verifiers.mariadb_objects import ADVISORY
from drp_verifiers.statements import Trouble, failed, judged, passed, undetermined

Answer = CheckResult | NotJudged


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the plan declares to be so by design; patterns as of shells over names."""

    history_lost: tuple[str, ...] = ()
    sequences_behind: tuple[str, ...] = ()
    accounts_elsewhere: bool = False


def facts_of(census: Census) -> dict[str, object]:
    """Return what the manifest keeps of one database."""
    return {
        "tables": dict(census.tables),
        "rule": "exact",
        "version": census.version,
        "objects": {kind: number for kind, number in census.counts.items() if kind not in ADVISORY},
        "definitions": census.objects,
        "hidden": sorted(census.unread),
        "sequences": {name: number_kept(one) for name, one in census.sequences.items()},
        "increments": {name: [number_kept(one) for one in both] for name, both in census.increments.items()},
        "text": census.text,
        "default_text": census.default_text,
        "memory": census.memory,
        **({"history": {"counts": census.history}} if census.history else {}),
        **({"orphans": len(census.orphans)} if census.orphans is not None else {}),
        **({"unusable": census.unusable} if census.unusable is not None else {}),
        **({"digests": census.digests} if census.digests else {}),
    }  # fmt: skip


def compare(name: str, census: Census, facts: Mapping[str, object], allowed: Allowed) -> Iterator[Answer]:
    """Yield what is to be said of one database besides the rows of its tables."""
    yield from objects(name, census, facts, accounts_elsewhere=allowed.accounts_elsewhere)
    yield from _definers(census, facts)
    yield from _views(name, census, facts)
    yield from _history(name, census, facts, allowed)
    yield from next_numbers(name, census, facts, behind=allowed.sequences_behind)
    yield from _text(name, census, facts)
    yield from content(name, census, facts)
    if census.memory:
        why = fact(
            "kept-memory-so-no",
            "{memory}: kept in memory, so that no physical backup holds them",
            memory=listed(census.memory),
        )
        yield NotJudged(part=say("rows of MEMORY tables, {name}", name=name), why=why)
    if census.elsewhere:
        yield NotJudged(
            part=say("rows of tables elsewhere, {name}", name=name),
            why=fact("not-opened", "{elsewhere}: not opened", elsewhere=listed(census.elsewhere)),
        )


def _definers(census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    statement = fact("who-defines-views-triggers", "who defines views, triggers, routines and events exists")
    most = facts.get("orphans")
    if not isinstance(most, int) or isinstance(most, bool):
        if census.orphans:
            yield NotJudged(part=say("definers that do not exist"), why=listed(census.orphans))
        return
    if census.orphans is None:
        yield undetermined(
            "definers", statement, observed=fact("accounts-or-definers-could", "accounts or definers could not be read")
        )
        return
    observed = listed(census.orphans) or fact("all-do", "all do")
    yield judged(
        "definers", statement, holds=len(census.orphans) <= most, observed=observed,
        expected=fact("at-most-do-not", "at most {most} do not", most=most), basis="counted",
    )  # fmt: skip


def _views(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    statement = fact("every-view-can-opened", "every view of {name} can be opened by those who define it", name=name)
    if not census.objects.get("views"):
        return
    if census.unusable is None:
        yield NotJudged(
            part=say("use of views, {name}", name=name),
            why=fact("there-tables-elsewhere-which", "there are tables elsewhere, which opening a view could reach"),
        )
        return
    known = facts.get("unusable")
    before = set(known) if isinstance(known, list) else set()
    new = [_broken(view, census.trouble.get(f"view {view}")) for view in census.unusable if view not in before]
    number = so_many_views(len(census.objects["views"]))
    if new and not isinstance(known, list):
        yield undetermined("views", statement, observed=joined((EARLIER, listed(new))))
    else:
        yield judged(
            "views", statement, holds=not new, observed=listed(new) or number, expected=fact("all-open", "all open")
        )


def _broken(view: str, trouble: Trouble | None) -> Phrase:
    return quoted(view) if trouble is None else fact("view-broken", "{view}: {why}", view=view, why=trouble.reason)


def _history(name: str, census: Census, facts: Mapping[str, object], allowed: Allowed) -> Iterator[Answer]:
    statement = fact(
        "system-versioned-tables-have", "system-versioned tables of {name} have the rows of their past", name=name
    )
    known = as_mapping(facts.get("history")).get("counts")
    had = whole_numbers(known)
    if not had and not census.history:
        return
    if not had and "definitions" not in facts:
        yield undetermined("history", statement, observed=EARLIER, basis="counted")
        return
    lost: list[Phrase] = []
    designed: list[Phrase] = []
    for table, number in sorted(had.items()):
        has = census.history.get(table, 0)
        if has < number:
            told = fact(
                "has-rows-past-had",
                "{table} has {has} rows of the past, had {had}",
                table=table,
                has=has,
                had=number,
            )
            (designed if any(fnmatchcase(table, one) for one in allowed.history_lost) else lost).append(told)
    if designed:
        yield NotJudged(
            part=say("rows of the past, {name}", name=name),
            why=fact("declared-as-lost-by", "declared as lost by design: {designed}", designed=listed(designed)),
        )
    observed = listed(lost) or fact(
        "past-rows-in-tables",
        "{rows} in {tables}",
        rows=rows(sum(census.history.values())),
        tables=tables(len(census.history)),
    )
    if lost:
        observed = fact(
            "dump-needs-dump-history",
            "{lost}: a dump needs --dump-history; where that is right, declare `history_lost`",
            lost=observed,
        )
    yield judged(
        "history", statement, holds=not lost, observed=observed, expected=fact("as-many", "as many"), basis="counted"
    )


def _text(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    statement = fact("text-has-as-many", "text in {name} has as many characters and bytes as it had", name=name)
    known = facts.get("text")
    if not isinstance(known, Mapping):
        if any(map(any, census.text.values())):
            yield NotJudged(part=say("characters of text, {name}", name=name), why=EARLIER)
        return
    if facts.get("rule") == "at-least":
        yield NotJudged(
            part=say("characters of text, {name}", name=name),
            why=fact("facts-lower-limits-system", "the facts are lower limits of a system in use"),
        )
        return
    off = []
    for table, had in sorted(known.items()):
        has = census.text.get(table)
        if has is not None and isinstance(had, list) and len(had) == 2 and has != had:
            off.append(
                fact(
                    "table-other-text",
                    "{table}: {characters} in {size}, had {had} in {had_size}",
                    table=table,
                    characters=_characters(has[0]),
                    size=size_in_bytes(has[1]),
                    had=had[0],
                    had_size=had[1],
                )
            )
    total = [sum(one[at] for one in census.text.values()) for at in (0, 1)]
    observed = listed(off) or fact(
        "characters-and-bytes", "{characters}, {size}", characters=_characters(total[0]), size=size_in_bytes(total[1])
    )
    yield judged(
        "text", statement, holds=not off, observed=observed, expected=fact("as-many", "as many"), basis="counted"
    )
    if (before := facts.get("default_text")) and before != census.default_text:
        why = fact(
            "dump-keeps-only-with",
            "{default_text}, was {before}: a dump keeps it only with --databases",
            default_text=census.default_text,
            before=before,
        )
        yield NotJudged(part=say("character set of new tables, {name}", name=name), why=why)


def _characters(number: int) -> Phrase:
    return count("{n} character", "{n} characters", number)


def content(name: str, census: Census, facts: Mapping[str, object]) -> Iterator[Answer]:
    """Yield whether every row says what it said, where the facts hold digests."""
    known = facts.get("digests")
    if not isinstance(known, Mapping) or facts.get("rule") == "at-least":
        why = fact(
            "facts-hold-no-digests",
            "the facts hold no digests: equal counts say nothing of what rows say; make facts "
            "with --option digest=true",
        )
        if isinstance(known, Mapping):
            why = fact("facts-lower-limits-system", "the facts are lower limits of a system in use")
        if census.tables:
            yield NotJudged(part=say("content of rows, {name}", name=name), why=why)
        return
    statement = fact("every-row-says-what", "every row of {name} says what it said at backup time", name=name)
    other = [table for table in sorted(known) if table in census.digests and census.digests[table] != known[table]]
    unread = [table for table in sorted(known) if table in census.tables and table not in census.digests]
    if other:
        yield failed(
            "content",
            statement,
            observed=fact("other-content", "other content: {other}", other=listed(other)),
            basis="content",
        )
    elif unread:
        yield undetermined(
            "content",
            statement,
            observed=fact("cannot-read", "cannot be read: {unread}", unread=listed(unread)),
            basis="content",
        )
    else:
        yield passed("content", statement, observed=same_digests(len(known)), basis="content")
