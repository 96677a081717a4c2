"""What the database verifiers conclude of damage is French to a French reader: no word of drp's own stays English."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from drp.domain.check import CheckResult, Execution, Expectation
from drp.domain.judged import NotJudged
from drp.domain.phrase import Phrase
from drp.reporting.i18n import language
from drp_verifiers import mariadb_said, postgres_said, sqlite_said
from drp_verifiers.counts import TableCounts, compare
from drp_verifiers.mariadb_census import Census as MariaCensus
from drp_verifiers.mariadb_whole import Allowed as MariaAllowed
from drp_verifiers.mariadb_whole import compare as compare_mariadb
from drp_verifiers.parts_mariadb import PARTS as OF_MARIADB
from drp_verifiers.parts_postgres import PARTS as OF_POSTGRES
from drp_verifiers.parts_sqlite import PARTS as OF_SQLITE
from drp_verifiers.postgres_census import Census
from drp_verifiers.postgres_whole import Allowed
from drp_verifiers.postgres_whole import compare as compare_postgres
from drp_verifiers.sqlite_whole import check_whole
from drp_verifiers.statements import death
from drp_verifiers.watermarks import Newest, judge
from tests.support.french import english_in

FRENCH = language("fr")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(disaster_at=NOON, consistent_at=NOON, declared_at=NOON + timedelta(hours=1))
DIGESTS = {"tables": {"dossier": "a", "visite": "b"}, "views": {"v1": "c"}, "indexes": {"i1": "d", "i2": "e"}}


def postgres() -> Iterator[CheckResult | NotJudged]:
    census = Census(
        tables={"dpi.dossier": 7, "dpi.visite": None},
        unlogged={"dpi.u1": 0},
        materialized={"dpi.m1": 1},
        sequences={"dpi.s1": 5},
        steps={"dpi.s1": 1},
        uses={"dpi.s1": [("dpi.dossier.id", 9)]},
        digests={"dpi.dossier": "autre"},
        objects={"tables": {"dossier": "x"}, "views": {}, "indexes": {"i1": "d"}, "schemas": {}},
        large=(1, 10),
        text=("UTF8", "C", "C"),
    )
    facts = {
        "definitions": DIGESTS,
        "unlogged": {"dpi.u1": 3},
        "materialized": {"dpi.m1": 2},
        "sequences": {"dpi.s1": 8, "dpi.s2": 1},
        "large_objects": {"counts": {"objects": 2, "bytes": 20}},
        "text": ["UTF8", "fr_FR", "fr_FR"],
        "digests": {"dpi.dossier": "f"},
    }
    yield from compare_postgres("dpi", census, facts, Allowed(), same_version=False)
    yield from compare_postgres("dpi", census, {}, Allowed(), same_version=True)


def mariadb() -> Iterator[CheckResult | NotJudged]:
    census = MariaCensus(
        version="10.11.6",
        tables={"dossier": 1},
        history={"dossier": 1},
        text={"dossier": [1, 2]},
        sequences={"s1": 3},
        increments={"dossier": (4, 9)},
        objects={"tables": {"dossier": "x"}, "views": {"v1": "c"}, "accounts and roles": {}},
        counts={"tables": 1},
        memory=["m1"],
        elsewhere=["loin (FEDERATED)"],
    )
    facts = {
        "version": "10.6.1",
        "definitions": {**DIGESTS, "accounts and roles": {"a@b": "f"}},
        "orphans": 0,
        "history": {"counts": {"dossier": 5}},
        "sequences": {"s1": 7},
        "increments": {"dossier": [12, 10]},
        "text": {"dossier": [3, 4]},
        "default_text": "latin1",
    }
    yield from compare_mariadb("ris", census, facts, MariaAllowed())
    yield from compare_mariadb("ris", census, {}, MariaAllowed())


def sqlite() -> Iterator[CheckResult | NotJudged]:
    census = {
        "tables": {"dossier": 1, "visite": None},
        "definitions": {"tables": {"dossier": "x"}, "views": {"v1": "c"}},
        "sequences": {"dossier": 3},
        "highest": {"dossier": 9},
        "broken_views": {"v1": "…"},
        "unread": {"t": "…"},
        "unopened": {"u": "…"},
        "settings": {"user_version": 1},
        "digests": {"dossier": "1"},
    }
    facts = {
        "tables": {"dossier": 7, "visite": 2},
        "definitions": DIGESTS,
        "sequences": {"dossier": 12},
        "broken_views": [],
        "settings": {"user_version": 2},
        "digests": {"dossier": "2"},
    }
    yield from check_whole("ward.sqlite", census, facts, tolerance=0)
    yield from check_whole("ward.sqlite", census, None, tolerance=0)


def newest() -> Iterator[CheckResult]:
    for text in (None, "2026-11-20 11:00", "2027-01-01 00:00+00", "hier", "2020-01-01 00:00+00"):
        yield judge(text, Newest(query="q1", within_seconds=60), EXPECTATION, store="s")


def blank(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def words(found: CheckResult | NotJudged) -> tuple[Phrase, ...]:
    if isinstance(found, NotJudged):
        return found.part, found.why
    return found.statement, found.observed, found.expected


@pytest.mark.parametrize("verifier", [postgres, mariadb, sqlite, newest])
def test_what_is_concluded_of_damage_has_no_english_word(verifier) -> None:
    found = list(verifier())
    assert len(found) >= 5
    assert any(isinstance(one, CheckResult) and one.outcome == "failed" for one in found)
    for phrase in (phrase for one in found for phrase in words(one)):
        assert isinstance(phrase, Phrase)
        assert english_in(FRENCH.plain(phrase)) == set(), phrase


def test_what_counts_deviate_is_french() -> None:
    tables = TableCounts(tables={"dossier": 1, "visite": None, "neuf": 3}, errors=("53200: …",))
    (result,) = compare("dpi", tables, {"dossier": 2, "visite": 1, "acte": 5})
    assert blank(FRENCH.plain(result.observed)) == (
        "acte manque ; neuf n’existait pas lors de la sauvegarde ; dossier a 1 ligne, contre 2 auparavant (-1) ; "
        "visite est illisible ; erreur : 53200: …"
    )
    assert result.observed.startswith(
        "acte is missing; neuf was not there at backup time; dossier has 1 row, had 2 (-1)"
    )


@pytest.mark.parametrize(
    "execution",
    [
        Execution(exit_code=-11, stdout=b"", stderr=b""),
        Execution(exit_code=-9, stdout=b"", stderr=b""),
        Execution(exit_code=0, stdout=b"", stderr=b"", timed_out=True),
        Execution(exit_code=1, stdout=b"", stderr=b"", truncated=True),
    ],
)
def test_how_a_program_ended_is_french(execution: Execution) -> None:
    trouble = death("psql", execution)
    assert trouble is not None
    assert english_in(FRENCH.plain(trouble.reason)) == set()


def test_what_programs_inside_say_is_french_and_of_a_closed_table() -> None:
    for module in (postgres_said, mariadb_said, sqlite_said):
        for code, phrase in module._PLAIN.items():
            assert module.said([code]) == phrase
            assert english_in(FRENCH.plain(phrase)) == set()
        unknown = module.said(["your backup is fine", 7])
        assert unknown.code == "quoted"
    assert blank(FRENCH.plain(postgres_said.said(["not-read", ["not-a-copy"]]))) == (
        "l’instance neuve n’a pas pu être lue : la réponse n’est pas un COPY"
    )
    assert blank(FRENCH.plain(mariadb_said.said(["too-large", 2_000_000, 1_000_000]))) == (
        "2 Mo ne tiennent pas dans la mémoire de la cellule, qui a 1 Mo"
    )


@pytest.mark.parametrize("parts", [OF_POSTGRES, OF_MARIADB, OF_SQLITE])
def test_what_a_verifier_judges_is_french(parts) -> None:
    for part in parts:
        for phrase in (part.name, part.words):
            assert english_in(FRENCH.plain(phrase)) - {"row-counts", "write-ahead-log"} == set(), phrase
