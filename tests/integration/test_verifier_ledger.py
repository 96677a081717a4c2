"""The ledger verifier on real databases: what is lost is counted and named, and a log that says nothing proves nothing."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.ledger import IdForm, LedgerOptions, LedgerVerifier, PostgresSource
from tests.simulators.target import LocalTarget
from tests.support.fixtures_verifiers import Cluster

BACKUP = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DISASTER = BACKUP + timedelta(hours=2)


def at(minutes: float) -> str:
    """Return an instant so many minutes after the backup."""
    return (BACKUP + timedelta(minutes=minutes)).isoformat()


def line(minutes: float, key: str, kind: str = "order", application: str = "ehr", **more: str) -> str:
    return json.dumps({"at": at(minutes), "application": application, "kind": kind, "id": key, **more})


def deleted(minutes: float, key: str) -> str:
    return line(minutes, key, operation="delete")


@pytest.fixture
def restored() -> Iterator[Path]:
    """A folder that the reader, another user, can look into: pytest closes its own whenever one more of it starts."""
    with tempfile.TemporaryDirectory(prefix="drp-test-ledger-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def database(restored: Path) -> Path:
    """A database with the orders 1 to 4, in its write-ahead log only, as a hot copy holds it."""
    path = restored / "index"
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table orders (number int)")
    connection.executemany("insert into orders values (?)", [(1,), (2,), (3,), (4,)])
    connection.commit()
    for suffix in ("", "-wal"):
        (restored / f"copy{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    connection.close()
    return restored / "copy"


def judge(restored: Path, options: LedgerOptions, *lines: str, log: str = "log.jsonl") -> dict[str, CheckResult]:
    (restored / "log.jsonl").write_text("".join(f"{one}\n" for one in lines))
    expectation = Expectation(
        disaster_at=DISASTER,
        declared_at=DISASTER,
        consistent_at=BACKUP,
        timeout_seconds=60,
        restored_root=str(restored),
        ground_truth=str(restored / log) if log else "",
    )
    return {one.check: one for one in LedgerVerifier().verify(LocalTarget(), options, expectation)}


ORDERS = LedgerOptions(kinds={"order": "select number from orders"}, application="ehr", sqlite="copy")


def test_what_came_after_the_recovery_point_is_counted_and_listed(restored: Path, database: Path) -> None:
    lines = [line(-2, "1"), line(-1, "2"), line(3, "3"), line(60, "5"), line(61, "6"), line(121, "7")]
    found = judge(restored, ORDERS, *lines, line(1, "9", application="lis"))
    assert found["before-recovery-point"].outcome == found["since-recovery-point"].outcome == "passed"
    told = found["since-recovery-point"]
    assert told.observed.startswith("2 of 3 acknowledged writes since the recovery point are lost, the first 1 h")
    assert told.observed.endswith(": order 5, 6")
    assert told.loss is not None
    assert (told.loss.acknowledged, told.loss.lost, told.loss.named) == (3, 2, ("order 5", "order 6"))
    assert told.loss.first_at == BACKUP + timedelta(minutes=60)


def test_a_write_from_before_the_recovery_point_that_is_gone_fails(restored: Path, database: Path) -> None:
    found = judge(restored, ORDERS, line(-5, "8"), line(-1, "2"), line(1, "3"))
    assert found["before-recovery-point"].outcome == "failed"
    assert found["before-recovery-point"].observed == "1 of 2 are lost: order 8"
    assert found["since-recovery-point"].observed.startswith("0 of 1")


def test_clock_skew_moves_the_border(restored: Path, database: Path) -> None:
    found = judge(restored, replace(ORDERS, clock_skew_seconds=10), line(-0.1, "8"), line(-1, "2"))
    assert found["before-recovery-point"].outcome == "passed"
    assert found["since-recovery-point"].loss is not None


def test_many_losses_are_counted_whole_and_listed_in_part(restored: Path, database: Path) -> None:
    found = judge(restored, ORDERS, line(-1, "1"), *(line(1 + n / 100, str(1000 + n)) for n in range(500)))
    told = found["since-recovery-point"]
    assert told.observed.startswith("500 of 500")
    assert told.observed.endswith("and 460 more")
    assert told.loss is not None
    assert len(told.loss.named) == 40


@pytest.mark.parametrize(
    ("lines", "log", "said"),
    [
        (["{"], "log.jsonl", "line 1: is no JSON object"),
        (["[]"], "log.jsonl", "line 1: is no JSON object"),
        (["[" * 4000], "log.jsonl", "line 1: is no JSON object"),
        (['{"at": "2026-11-20T10:00:00", "kind": "order", "id": "1"}'], "log.jsonl", "instant with its zone"),
        (['{"at": "today", "kind": "order", "id": "1"}'], "log.jsonl", "instant with its zone"),
        (['{"at": "2026-11-20T10:00:00Z", "kind": "order", "id": 1}'], "log.jsonl", "must be texts"),
        ([line(-1, "1"), "x" * 5000], "log.jsonl", "line 2"),
        ([line(-1, "1", application="lis")], "log.jsonl", "names no write"),
        ([line(200, "1")], "log.jsonl", "names no write before the disaster"),
        ([], "log.jsonl", "names no write"),
        ([line(-1, "1")], "elsewhere.jsonl", "No such file"),
        ([line(-1, "1")], "", "names no ground_truth"),
    ],
)
def test_a_log_that_cannot_be_judged_is_undetermined(
    restored: Path, database: Path, lines: list[str], log: str, said: str
) -> None:
    found = judge(restored, ORDERS, *lines, log=log)
    assert set(found) == {"log"}
    assert found["log"].outcome == "undetermined"
    assert said in found["log"].observed


def test_a_log_that_begins_after_the_recovery_point_proves_nothing_before_it(restored: Path, database: Path) -> None:
    found = judge(restored, ORDERS, line(1, "1"))
    assert found["before-recovery-point"].outcome == "undetermined"


def test_a_kind_of_write_that_nobody_looks_for_is_undetermined(restored: Path, database: Path) -> None:
    found = judge(restored, ORDERS, line(-1, "1"), line(-1, "55", kind="letter"))
    assert found["kinds"].outcome == "undetermined"
    assert "letter" in found["kinds"].observed


@pytest.mark.parametrize(
    ("query", "path", "outcome"),
    [
        ("select number from lost_table", "copy", "failed"),
        ("selekt", "copy", "undetermined"),
        ("select number from orders", "nowhere", "failed"),
        ("select number from orders", "log.jsonl", "failed"),
    ],
)
def test_a_database_that_does_not_answer(restored: Path, database: Path, query: str, path: str, outcome: str) -> None:
    found = judge(restored, LedgerOptions(kinds={"order": query}, sqlite=path), line(-1, "1"))
    assert found["survivors order"].outcome == outcome
    assert found["before-recovery-point"].outcome == "undetermined"
    assert "since-recovery-point" not in found


@pytest.mark.real
def test_ids_in_postgresql(tmp_path: Path, healthy: Cluster) -> None:
    source = PostgresSource(database="ehr", host=healthy.host)
    options = LedgerOptions(kinds={"patient": "select id from patient;"}, postgres=source)
    expected = [line(-1, "1", "patient"), line(1, "3000", "patient"), line(1, "3001", "patient")]
    (tmp_path / "log.jsonl").write_text("\n".join(expected))
    expectation = Expectation(
        disaster_at=DISASTER, consistent_at=BACKUP, timeout_seconds=60, ground_truth=str(tmp_path / "log.jsonl")
    )
    found = {one.check: one for one in LedgerVerifier().verify(LocalTarget("postgres"), options, expectation)}
    assert found["before-recovery-point"].outcome == "passed"
    assert found["since-recovery-point"].observed.endswith("patient 3001")
    away = replace(options, postgres=replace(source, port=1))
    found = {one.check: one for one in LedgerVerifier().verify(LocalTarget("postgres"), away, expectation)}
    assert found["survivors patient"].outcome == "failed"


@pytest.mark.parametrize("options", [{}, {"sqlite": "a", "postgres": PostgresSource(database="a")}])
def test_one_source_must_be_named(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="name one of"):
        LedgerOptions(kinds={"a": "b"}, **options)  # type: ignore[arg-type]


def test_what_was_deleted_on_purpose_is_no_loss(restored: Path, database: Path) -> None:
    found = judge(restored, ORDERS, line(-9, "1"), line(-8, "77"), deleted(-7, "77"), deleted(5, "88"))
    assert found["before-recovery-point"].outcome == "passed"
    assert found["before-recovery-point"].observed == "1 of 1 are there"
    assert found["since-recovery-point"].observed.startswith("0 of 1")


def test_what_was_deleted_and_is_there_again_fails(restored: Path, database: Path) -> None:
    found = judge(restored, ORDERS, line(-9, "1"), line(-8, "2"), deleted(-7, "2"))
    assert found["before-recovery-point"].outcome == "failed"
    assert "1 that were deleted before it are there again: order 2" in found["before-recovery-point"].observed


def test_a_deletion_after_the_recovery_point_is_lost_like_a_write(restored: Path, database: Path) -> None:
    lines = [line(-9, "1"), line(-8, "2"), deleted(5, "2"), line(-7, "66"), deleted(6, "66")]
    found = judge(restored, ORDERS, *lines)
    assert found["before-recovery-point"].outcome == "passed"
    assert found["since-recovery-point"].observed.startswith("1 of 2")
    assert found["since-recovery-point"].loss is not None
    assert found["since-recovery-point"].loss.named == ("order 2",)


def test_what_was_deleted_and_written_again_is_to_be_there(restored: Path, database: Path) -> None:
    lines = [line(-9, "1"), deleted(-8, "1"), line(-7, "1"), line(-6, "55"), deleted(-5, "55"), line(-4, "55")]
    found = judge(restored, ORDERS, *lines)
    assert found["before-recovery-point"].observed == "1 of 2 are lost: order 55"


@pytest.mark.parametrize(("form", "ids"), [
    (IdForm(strip="0123456789"), ("1", "99")),
    (IdForm(strip="*"), ("1", "2", "***")),
    (IdForm(zeros="strip", prefix=("12", "13", "9")), ("121", "131", "91")),
])  # fmt: skip
def test_a_form_in_which_ids_cannot_be_told_apart_proves_nothing(
    restored: Path, database: Path, form: IdForm, ids: tuple[str, ...]
) -> None:
    found = judge(restored, replace(ORDERS, normalise={"order": form}), *(line(-5, name) for name in ids))
    assert {one.outcome for one in found.values()} == {"undetermined"}
    assert "cannot be told apart" in found["log"].observed


def test_a_single_id_keeps_its_own_form(restored: Path, database: Path) -> None:
    found = judge(restored, replace(ORDERS, normalise={"order": IdForm(zeros="strip")}), line(-5, "0001"))
    assert found["before-recovery-point"].observed == "1 of 1 are there"
    with pytest.raises(ValueError, match="say 0 to 64"):
        IdForm(pad=10**9)


def test_of_one_instant_the_order_of_the_log_counts(restored: Path, database: Path) -> None:
    corrected = judge(restored, ORDERS, line(-9, "1"), line(-8, "2"), deleted(-7, "2"), line(-7, "2"))
    assert corrected["before-recovery-point"].observed == "2 of 2 are there"
    removed = judge(restored, ORDERS, line(-9, "1"), line(-7, "2"), deleted(-7, "2"))
    assert removed["before-recovery-point"].outcome == "failed"


@pytest.mark.parametrize("operation", ["remove", "", "DELETE"])
def test_an_unknown_operation_makes_the_log_unreadable(restored: Path, database: Path, operation: str) -> None:
    found = judge(restored, ORDERS, line(-9, "1", operation=operation))
    assert found["log"].outcome == "undetermined"


def test_ids_are_compared_in_their_declared_form(restored: Path, database: Path) -> None:
    lines = [line(-9, "ord-0001"), line(-8, " ORD-2 "), line(-7, "3")]
    assert judge(restored, ORDERS, *lines)["before-recovery-point"].outcome == "failed"
    form = IdForm(case="upper", prefix=("ORD-",), zeros="strip")
    assert (
        judge(restored, replace(ORDERS, normalise={"order": form}), *lines)["before-recovery-point"].outcome == "passed"
    )
    with pytest.raises(ValueError, match="there is no kind report"):
        replace(ORDERS, normalise={"report": form})


def test_a_form_that_makes_most_ids_one_hides_losses(restored: Path, database: Path) -> None:
    lines = [line(-9, f"{letter}{number}") for letter in "ABC" for number in range(10)]
    assert "log" not in judge(restored, replace(ORDERS, normalise={"order": IdForm(case="lower")}), *lines)
    found = judge(restored, replace(ORDERS, normalise={"order": IdForm(strip="0123456789")}), *lines)
    assert found["log"].outcome == "undetermined"
    assert "cannot be told apart in their form" in found["log"].observed
