"""Compares what a restored SQLite database holds with the facts of its backup. Pure; the census is untrusted data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import fact, say
from drp_verifiers.counts import TableCounts, compare, expected_counts
from drp_verifiers.definitions import EARLIER, added, as_mapping, differences, listed
from drp_verifiers.inside import texts_of
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
    named = listed([f"{name}: {why}" for name, why in sorted(unread.items())])
    return undetermined(
        result.check,
        result.statement,
        observed=fact("could-not-read-here", "{n} could not be read here: {named}", n=len(unread), named=named),
        basis=result.basis,
    )


def _not_empty(found: TableCounts, total: int, *, had: int | None) -> CheckResult:
    """Judge whether there is anything; a database that held nothing at backup time need not hold more now."""
    observed = fact("sqlite-whole-tables-rows", "{n} tables, {total} rows", n=len(found.tables), total=total)
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
        raise ValueError("; ".join(found.errors) or say("{unread} cannot be counted", unread=unread[0]))
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
    lost: list[str] = []
    for kind in sorted({*wanted, *found}):
        before, here = as_mapping(wanted.get(kind)), as_mapping(found.get(kind))
        lost += [*differences(kind, before, here), *added(kind, before, here)]
    observed = ", ".join(f"{len(as_mapping(names))} {kind}" for kind, names in sorted(found.items()))
    expected = ", ".join(f"{len(as_mapping(names))} {kind}" for kind, names in sorted(wanted.items()))
    yield judged(
        "objects", statement, holds=not lost, observed=listed(lost) or observed, expected=expected, basis="content"
    )


def _views(data: Mapping[str, object], known: Mapping[str, object], *, compared: bool) -> Iterator[CheckResult]:
    broken, before = as_mapping(data.get("broken_views")), known.get("broken_views")
    views = as_mapping(as_mapping(data.get("definitions")).get("views"))
    if not views:
        return
    statement = fact("every-view-can-asked", "every view can be asked")
    new = [
        f"{name}: {why}" for name, why in sorted(broken.items()) if not isinstance(before, list) or name not in before
    ]
    if not new:
        observed = f"{len(views) - len(broken)} of {len(views)}" + (", as at backup time" if broken else "")
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
            f"{name} counted to {_number(found.get(name))}, and holds {number} already"
            for name, number in sorted(highest.items())
            if _number(found.get(name)) < number
        ]
        if behind:
            yield undetermined("counters", statement, observed=f"{listed(behind)}; {EARLIER}", basis="counted")
        elif highest:
            yield passed(
                "counters",
                statement,
                observed=fact("counters-ahead-their-tables", "{n} counters, ahead of their tables", n=len(highest)),
            )
        return
    wrong = []
    for name, had in sorted(before.items()):
        number = _number(found.get(name))
        if number < _number(had):
            held = f", and holds {highest[name]} already" if number < highest.get(name, 0) else ""
            wrong.append(f"{name} counted to {number}, had counted to {had}{held}")
    if before or highest:
        observed = listed(wrong) or fact("counters-none-behind", "{n} counters, none behind", n=len(found))
        yield judged("counters", statement, holds=not wrong, observed=observed, basis="counted")


def _settings(data: Mapping[str, object], known: Mapping[str, object]) -> Iterator[CheckResult]:
    before, found = known.get("settings"), as_mapping(data.get("settings"))
    if not isinstance(before, Mapping):
        return
    observed, expected = (", ".join(f"{name} {said.get(name)}" for name in sorted(before)) for said in (found, before))
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
        fact("other-content", "other content: {other}", other=listed(other))
        if other
        else fact("tables-have-digest-they", "{n} tables have the digest that they had", n=len(here))
    )
    statement = fact("every-row-says-what-said", "every row of {path} says what it said at backup time", path=path)
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
