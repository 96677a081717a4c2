"""Compares the numbers that a restored MariaDB database gives next with those in use, and with the facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from drp.domain.check import CheckResult
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase, counted, fact, say
from drp_verifiers.amounts import gives_again, gives_less, listed
from drp_verifiers.definitions import as_mapping
from drp_verifiers.mariadb_census import Census
from drp_verifiers.statements import judged, undetermined

_LONGEST_NUMBER = 70
_SAFE = 2**53
"""Whole numbers from here on are no JSON numbers that every reader keeps (RFC 7493 §2.2): text instead."""


def number_kept(number: int) -> int | str:
    """Return a whole number as facts keep it."""
    return number if abs(number) < _SAFE else str(number)


def _read(value: object) -> int | None:
    """Return a number of the facts; None: it is none."""
    text = str(value)
    return int(text) if text.removeprefix("-").isdigit() and len(text) < _LONGEST_NUMBER else None


def next_numbers(
    name: str, census: Census, facts: Mapping[str, object], *, behind: Sequence[str]
) -> Iterator[CheckResult | NotJudged]:
    """Yield whether a number would be given again; ``behind``: patterns of those that the plan declares to be so."""
    statement = fact(
        "no-sequence-no-auto", "no sequence and no AUTO_INCREMENT of {name} would give a number again", name=name
    )
    known, before = as_mapping(facts.get("sequences")), as_mapping(facts.get("increments"))
    if not census.sequences and not census.increments and not known and not before:
        return
    again, aside = _increments_behind(census, before)
    found = (*_sequences_behind(census, known), *again)
    wrong = [told for one, told in found if not any(fnmatchcase(one, each) for each in behind)]
    unread = [
        trouble.partition(" ")[2] for trouble in census.trouble if trouble.startswith(("sequence ", "increment "))
    ]
    unread += [one for one, number in known.items() if _read(number) is None]
    number = len(census.sequences) + len(census.increments)
    observed = listed(wrong) or counted("next-numbers", "{n} next number", "{n} next numbers", number)
    if not wrong and unread:
        yield undetermined(
            "sequences",
            statement,
            observed=fact("cannot-read", "cannot be read: {unread}", unread=listed(unread)),
            basis="counted",
        )
    else:
        yield judged(
            "sequences",
            statement,
            holds=not wrong,
            observed=observed,
            expected=fact("ahead-those-use", "ahead of those in use"),
            basis="counted" if known or before else "observed",
        )
    if aside:
        why = fact(
            "server-sets-numbers-aside",
            "{aside}: a server sets numbers aside, and whether they were given nobody can tell",
            aside=listed(aside),
        )
        yield NotJudged(part=say("numbers of rows that were deleted, {name}", name=name), why=why)


def _sequences_behind(census: Census, known: Mapping[str, object]) -> Iterator[tuple[str, Phrase]]:
    """Yield sequences that would give a number again, each with what is told of it."""
    for one in sorted({*census.sequences, *known}):
        following, step = census.sequences.get(one), census.steps.get(one, 1)
        had = _read(known.get(one))
        if following is None:
            yield (
                one,
                fact(
                    "sequence-missing", "{name} is missing, would have given {had}", name=one, had=str(known.get(one))
                ),
            )
            continue
        if had is not None and (following - had) * step < 0:
            yield one, gives_less(one, following, had)
        for column, last in census.uses.get(one, ()):
            if (following - last) * step <= 0 and step:
                yield one, gives_again(one, following, column, last)


def _increments_behind(census: Census, before: Mapping[str, object]) -> tuple[list[tuple[str, Phrase]], list[Phrase]]:
    """Return tables that would give the number of a row again, and those that give less than they would have given."""
    behind: list[tuple[str, Phrase]] = []
    aside: list[Phrase] = []
    for table, (following, highest) in sorted(census.increments.items()):
        had = before.get(table)
        would, held = (_read(had[0]), _read(had[1])) if isinstance(had, list) and len(had) == 2 else (None, None)
        used = max(highest, held or 0)
        if following <= used:
            told = fact(
                "gives-a-number-that-was-in-use",
                "{name} gives {number} next, and {used} was in use",
                name=table,
                number=str(following),
                used=str(used),
            )
            behind.append((table, told))
        elif would is not None and following < would:
            aside.append(gives_less(table, following, would))
    return behind, aside
