"""Compares what a restored SQLite database holds with the facts of its backup. Pure; the census is untrusted data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, counted, fact, joined, quoted, say
from drp_verifiers.amounts import listed, rows, same_digests, tables
from drp_verifiers.counts import TableCounts, compare, expected_counts
from drp_verifiers.definitions import EARLIER, added, as_mapping, differences
from drp_verifiers.inside import texts_of
from drp_verifiers.kinds import kind_words
from drp_verifiers.statements import failed, judged, passed, undetermined

Answer = CheckResult | NotJudged


def table_counts(census: object) -> TableCounts:
    """Return the rows of the tables; one that could not be read has none."""
    data = as_mapping(census)
    found = {
        table: rows if isinstance(rows, int) and not isinstance(rows, bool) else None
        for table, rows in as_mapping(data.get("tables")).items()
    }
    return TableCounts(tables=found, errors=texts_of(data, "errors"))


def check_whole(path: str, census: object, facts: object, *, tolerance: float) -> Iterator[Answer]:
    """Yield whether there are rows at all, and how everything compares with the facts of the backup."""
    data, known = as_mapping(census), as_mapping(facts)
    found = table_counts(data)
    total = sum(rows or 0 for rows in found.tables.values())
    expected = expected_counts(known)
    yield _not_empty(found, total, had=None if expected is None else sum(expected.values()))
    for name, why in sorted(as_mapping(data.get("unopened")).items()):
        yield NotJudged(
            part=say("{path}: {name}", path=path, name=name),
            why=fact("needs-what-application-brings", "needs what the application brings: {why}", why=why),
        )
    if expected is None:
        yield undetermined(
            "row-counts",
            fact("every-table-holds-rows-held", "every table holds the rows it held at backup time"),
            observed=fact(
                "manifest-keeps-no-facts-about",
                "the manifest keeps no facts about {path}: see `drp verifier facts sqlite`",
                path=path,
            ),
        )
    else:
        unread = as_mapping(data.get("unread"))
        left_out = {*as_mapping(data.get("unopened")), *unread}
        here = {table: rows for table, rows in expected.items() if table not in left_out}
        for result in compare(path, found, here, tolerance=tolerance):
            yield _without(result, unread) if unread and result.outcome == "passed" else result
        yield from _objects(path, data, known)
    yield from _views(data, known, compared=expected is not None)
    yield from _counters(data, known)
    if expected is not None:
        yield from _settings(data, known)
        yield from _content(path, data, known)


def _without(result: CheckResult, unread: Mapping[str, object]) -> CheckResult:
    """Return what holds of all but some as what it is: not known."""
    named = listed([_of(name, why) for name, why in sorted(unread.items())])
    return undetermined(
        result.check,
        result.statement,
        observed=fact("some-not-read-here", "{n} could not be read here: {named}", n=len(unread), named=named),
        basis=result.basis,
    )


def _not_empty(found: TableCounts, total: int, *, had: int | None) -> CheckResult:
    """Judge whether there is anything; a database that held nothing at backup time need not hold more now."""
    observed = fact("tables-rows", "{tables}, {rows}", tables=tables(len(found.tables)), rows=rows(total))
    if had == 0:
        statement = fact("database-holds-no-row", "the database holds no row, as at backup time")
        return judged(
            "not-empty",
            statement,
            holds=not total,
            observed=observed,
            expected=fact("no-row", "no row"),
            basis="counted",
        )
    statement = fact("database-holds-data-not", "the database holds data, not only a schema")
    return judged(
        "not-empty", statement, holds=total > 0, observed=observed, expected=fact("least-one-row", "at least one row")
    )


def facts_of(census: object) -> dict[str, object]:
    """Return what the backup job keeps in the manifest. Raises ValueError when a table cannot be counted."""
    data = as_mapping(census)
    found = table_counts(data)
    unread = [table for table, rows in found.tables.items() if rows is None] + sorted(as_mapping(data.get("unread")))
    if found.errors or unread:
        raise ValueError(joined(found.errors) or say("{table} cannot be counted", table=unread[0]))
    definitions = as_mapping(data.get("definitions"))
    return {
        "tables": dict(found.tables),
        "objects": {kind: len(as_mapping(names)) for kind, names in definitions.items()},
        "definitions": definitions,
        "sequences": as_mapping(data.get("sequences")),
        "broken_views": sorted(as_mapping(data.get("broken_views"))),
        "settings": as_mapping(data.get("settings")),
        **({"digests": data["digests"]} if data.get("digests") else {}),
    }


def _objects(path: str, data: Mapping[str, object], known: Mapping[str, object]) -> Iterator[CheckResult]:
    statement = fact(
        "every-table-index-view",
        "every table, index, view and trigger of {path} is there, and as it was defined at backup time",
        path=path,
    )
    found = as_mapping(data.get("definitions"))
    if not isinstance(known.get("definitions"), Mapping):
        if found:
            yield undetermined("objects", statement, observed=EARLIER, basis="content")
        return
    wanted = as_mapping(known["definitions"])
    lost: list[Phrase] = []
    for kind in sorted({*wanted, *found}):
        before, here = as_mapping(wanted.get(kind)), as_mapping(found.get(kind))
        lost += [*differences(kind, before, here), *added(kind, before, here)]
    yield judged(
        "objects",
        statement,
        holds=not lost,
        observed=listed(lost) or _by_kind(found),
        expected=_by_kind(wanted),
        basis="content",
    )


def _by_kind(definitions: Mapping[str, object]) -> Phrase:
    """Return how many objects of each class there are."""
    numbers = {kind: len(as_mapping(names)) for kind, names in sorted(definitions.items())}
    return joined([say("{kind}: {n}", kind=kind_words(kind), n=number) for kind, number in numbers.items()], ", ")


def _of(name: str, why: object) -> Phrase:
    return fact("part-with-why", "{name}: {why}", name=name, why=why if isinstance(why, Phrase) else str(why))


def _views(data: Mapping[str, object], known: Mapping[str, object], *, compared: bool) -> Iterator[CheckResult]:
    broken, before = as_mapping(data.get("broken_views")), known.get("broken_views")
    views = as_mapping(as_mapping(data.get("definitions")).get("views"))
    if not views:
        return
    statement = fact("every-view-can-asked", "every view can be asked")
    new = [_of(name, why) for name, why in sorted(broken.items()) if not isinstance(before, list) or name not in before]
    if not new:
        numbers = {"n": len(views) - len(broken), "all": len(views)}
        observed = (
            fact("some-views-as-before", "{n} of {all}, as at backup time", **numbers)
            if broken
            else fact("so-many-of-all", "{n} of {all}", **numbers)
        )
        yield passed("views", statement, observed=observed)
    elif compared and isinstance(before, list):
        yield failed("views", statement, observed=listed(new), expected=fact("as-backup-time", "as at backup time"))
    else:
        yield undetermined(
            "views",
            statement,
            observed=fact(
                "whether-they-worked-before", "{new}; whether they worked before nobody knows", new=listed(new)
            ),
        )


def _counters(data: Mapping[str, object], known: Mapping[str, object]) -> Iterator[CheckResult]:
    """Judge the counters of AUTOINCREMENT: SQLite never gives a number in use, but those of deleted rows again."""
    found, before = as_mapping(data.get("sequences")), known.get("sequences")
    highest = {name: _number(number) for name, number in as_mapping(data.get("highest")).items()}
    statement = fact("no-counter-would-give", "no counter would give a number again")
    if not isinstance(before, Mapping):
        behind = [
            fact(
                "counter-behind-rows",
                "{table} counted to {counter}, and holds {number} already",
                table=name,
                counter=str(_number(found.get(name))),
                number=str(number),
            )
            for name, number in sorted(highest.items())
            if _number(found.get(name)) < number
        ]
        if behind:
            yield undetermined("counters", statement, observed=joined((listed(behind), EARLIER)), basis="counted")
        elif highest:
            yield passed(
                "counters",
                statement,
                observed=counted(
                    "counters-ahead-of-tables",
                    "{n} counter, ahead of its table",
                    "{n} counters, ahead of their tables",
                    len(highest),
                ),
            )
        return
    wrong = []
    for name, had in sorted(before.items()):
        number = _number(found.get(name))
        if number < _number(had):
            numbers = {"table": name, "counter": str(number), "had": str(had), "held": str(highest.get(name, 0))}
            wrong.append(
                fact(
                    "counter-behind-facts-and-rows",
                    "{table} counted to {counter}, had counted to {had}, and holds {held} already",
                    **numbers,
                )
                if number < highest.get(name, 0)
                else fact("counter-behind-facts", "{table} counted to {counter}, had counted to {had}", **numbers)
            )
    if before or highest:
        observed = listed(wrong) or counted(
            "no-counter-behind", "{n} counter, not behind", "{n} counters, none behind", len(found)
        )
        yield judged("counters", statement, holds=not wrong, observed=observed, basis="counted")


def _settings(data: Mapping[str, object], known: Mapping[str, object]) -> Iterator[CheckResult]:
    before, found = known.get("settings"), as_mapping(data.get("settings"))
    if not isinstance(before, Mapping):
        return
    observed, expected = (
        quoted(", ".join(f"{name} {told.get(name)}" for name in sorted(before))) for told in (found, before)
    )
    statement = fact(
        "encoding-version-schema-application", "encoding, version of the schema and application are what they were"
    )
    yield judged(
        "settings", statement, holds=observed == expected, observed=observed, expected=expected, basis="content"
    )


def _content(path: str, data: Mapping[str, object], known: Mapping[str, object]) -> Iterator[Answer]:
    before, found = known.get("digests"), as_mapping(data.get("digests"))
    if not isinstance(before, Mapping):
        if not any(table_counts(data).tables.values()):
            return  # no row that could say anything
        why = fact(
            "facts-hold-no-digests-equal",
            "the facts hold no digests: equal counts say nothing of what rows say; make facts with --digest",
        )
        yield NotJudged(part=say("content of rows, {path}", path=path), why=why)
        return
    here = [table for table in sorted(before) if as_mapping(data.get("tables")).get(table) is not None]
    other = [table for table in here if found.get(table) != before[table]]
    observed = (
        fact("other-content", "other content: {other}", other=listed(other)) if other else same_digests(len(here))
    )
    statement = fact("every-row-says-what", "every row of {name} says what it said at backup time", name=path)
    yield judged(
        "content",
        statement,
        holds=not other,
        observed=observed,
        expected=fact("same-digests", "the same digests"),
        basis="content",
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
