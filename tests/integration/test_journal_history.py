"""Which drills to read: told from tables or from entries it is the same; tables that were changed mislead nobody long."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.domain.events import DrillDeclared, EvidenceSealed, SandboxDestroyed, SandboxKept
from drp.domain.fold import fold
from drp.domain.journal import History
from drp.domain.sandbox import Residue
from drp.domain.standing import standings
from drp.domain.summary import DrillSummary
from drp.errors import Tampered
from drp.journal import SqlJournal
from drp.journal.summaries import instant
from tests.simulators.history import MemoryHistory
from tests.support.fixtures_journal import PostgresServer
from tests.support.fixtures_records import hash_failure_journal
from tests.support.sample_journal import tale, tell
from tests.support.sample_outputs import T0, application

SEALED = EvidenceSealed(record_digest="d" * 64, location="/evidence")
LATER = T0 + timedelta(days=400)


def hold(journal: SqlJournal, drill: str, *, failed: bool = False, cut: bool = False, kept: bool = False) -> None:
    """Journal a drill of one application, all at once."""
    events = [entry.event for entry in (hash_failure_journal() if failed else tell(tale()))][: 6 if cut else None]
    if kept:
        keeping = SandboxKept(recovery="ehr", sandbox="sbx-01", until=T0)
        events = [*(event for event in events if not isinstance(event, SandboxDestroyed)), keeping]
    if not cut:
        events.append(SEALED)
    journal.append(drill, *events)


def fill(journal: SqlJournal) -> None:
    hold(journal, "a-1")
    hold(journal, "a-2", failed=True)
    hold(journal, "b-1")
    hold(journal, "a-3", cut=True)
    hold(journal, "b-2", kept=True)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    with closing(SqlJournal(path, SystemClock())) as journal:
        fill(journal)
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "journal.sqlite"))


@pytest.fixture
def journal(path: Path) -> Iterator[SqlJournal]:
    with closing(SqlJournal(path, SystemClock())) as opened:
        yield opened


def told(history: History, journal: SqlJournal) -> dict[str, object]:
    """Return every answer."""
    baselines = {
        (until, counted, but): history.baselines("ehr", before=LATER, until=until, counted=counted, but=but)
        for until in (T0 - timedelta(days=9), LATER)
        for counted in (False, True)
        for but in ("", "b-2")
    }
    states = [fold(journal.entries(drill)) for drill in history.telling(["ehr", "nobody"])]
    return {
        "count": history.count(),
        "newest": [history.newest(most) for most in (0, 1, 3, 9)],
        "beginning": [history.beginning(prefix, 2) for prefix in ("", "a-", "b-2", "c", "%", "_")],
        "unsettled": [history.unsettled(), history.unsettled("a-3")],
        "baselines": baselines,
        "rta": [history.rta_ms("ehr"), history.rta_ms("nobody")],
        "durations": [
            history.durations_ms(name, level, most, plan=plan)
            for name, level in (("ehr", "full"), ("ehr", "hash"), ("nobody", "full"))
            for most, plan in ((1, ""), (20, ""), (20, "nightly"), (20, "quarterly-ransomware"))
        ],
        "passed": [history.passed(plan, most) for plan in ("nightly", "quarterly-ransomware") for most in (1, 20)],
        "standings": standings({"ehr": application()}, states, LATER),
    }


class ReadOnce(MemoryHistory):
    """Reads every drill once, which is enough while nobody writes."""

    def __init__(self, journal: SqlJournal) -> None:
        super().__init__(journal)
        self._summaries = {drill: super(ReadOnce, self)._in_short(drill) for drill in journal.drills()}

    def _in_short(self, drill: str) -> DrillSummary:
        return self._summaries[drill]


def agree(journal: SqlJournal) -> None:
    assert told(journal.history, journal) == told(ReadOnce(journal), journal)


def test_tables_and_entries_tell_the_same(journal: SqlJournal) -> None:
    agree(journal)  # no table is filled
    assert [one.drill for one in journal.history.unsettled()] == ["a-3", "b-2"]
    assert journal.history.baselines("ehr", before=LATER, until=LATER, counted=False, but="") != ()
    journal.verify()
    agree(journal)  # all are
    hold(journal, "a-4", failed=True)
    journal.append("a-3", SEALED)
    agree(journal)  # some drills went on
    journal.verify(whole=False)
    agree(journal)
    assert journal.history.misfit() == ""


@pytest.mark.real
def test_a_server_tells_the_same(postgres_server: PostgresServer) -> None:
    url = postgres_server.url(postgres_server.new_database())
    with closing(SqlJournal(url, SystemClock(), password=postgres_server.password)) as journal:
        fill(journal)
        journal.verify()
        hold(journal, "a-4", failed=True)
        agree(journal)
        assert (journal.verify(whole=False), journal.verify(whole=False)) == (17, 0)
        agree(journal)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


CHANGES = {
    "a duration": "UPDATE drp_journal_durations SET took_ms = took_ms + 1",
    "a duration of another": "UPDATE drp_journal_durations SET plan = 'other'",
    "a pass of a plan gone": "DELETE FROM drp_journal_passed",
    "a pass of another plan": "UPDATE drp_journal_passed SET plan = 'other'",
    "a duration gone": "DELETE FROM drp_journal_durations",
    "a summary": "UPDATE drp_journal_drills SET summary = replace(summary, 'failed', 'passed') WHERE drill = 'a-2'",
    "a verdict": "UPDATE drp_journal_recoveries SET verdict = 'passed' WHERE verdict = 'failed'",
    "a flag": "UPDATE drp_journal_recoveries SET passed = 1 WHERE verdict = 'failed'",
    "a pass hidden": "UPDATE drp_journal_recoveries SET passed = 0 WHERE passed = 1",
    "a state made younger": "UPDATE drp_journal_recoveries SET restored_state = restored_state + 9000000000000000",
    "a day made younger": "UPDATE drp_journal_recoveries SET declared_at = declared_at + 9000000000000000",
    "a drill gone": "DELETE FROM drp_journal_drills WHERE drill = 'a-2'",
    "a recovery gone": "DELETE FROM drp_journal_recoveries WHERE verdict = 'failed'",
    "a drill more": "INSERT INTO drp_journal_drills SELECT 999, 'z-1', settled, summary, digest FROM drp_journal_drills WHERE drill = 'a-2'",
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_changed_tables_are_found_and_made_again(path: Path, case: str) -> None:
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.verify()
    change(path, CHANGES[case])
    with closing(SqlJournal(path, SystemClock(), reads_only=True)) as reader:
        agree(reader)  # nobody is misled
        assert reader.history.misfit() != ""
        reader.history.forget()
        assert reader.verify() == reader.head().position + 1, "no entry was changed"
    with closing(SqlJournal(path, SystemClock())) as journal:
        assert journal.history.misfit() != ""
        journal.history.forget()
        journal.verify()
        assert journal.history.misfit() == ""
        agree(journal)


MARKS = {
    "another place": "UPDATE drp_journal_marks SET position = position - 1",
    "another link": "UPDATE drp_journal_marks SET link = iif(link LIKE '0%', '1', '0') || substr(link, 2)",
    "another value": "UPDATE drp_journal_marks SET value = '2 0.0.0'",
    "gone": "DELETE FROM drp_journal_marks",
    "beyond the end": "UPDATE drp_journal_marks SET position = position + 9",
}


@pytest.mark.parametrize("case", MARKS)
def test_a_mark_that_does_not_fit_is_none(path: Path, case: str) -> None:
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.verify()
    change(path, MARKS[case])
    with closing(SqlJournal(path, SystemClock(), reads_only=True)) as reader:
        agree(reader)
        assert reader.history.verified() is None
        assert reader.verify(whole=False) == reader.head().position + 1, "all of it again"
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.verify(whole=False)
        assert (journal.history.verified() is not None, journal.history.misfit()) == (True, "")
        agree(journal)


def test_what_was_verified_is_no_reason_to_believe_a_row(path: Path) -> None:
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.verify()
        verified = journal.history.verified()
        assert verified is not None
        assert verified.entries == journal.head().position + 1
    tampered = (
        "UPDATE drp_journal SET body = replace(body, 'ransomware', 'holidays') WHERE drill = 'a-2' AND sequence = 0"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(tampered)
        for _, sql in guards:
            connection.execute(sql)
    with closing(SqlJournal(path, SystemClock(), reads_only=True)) as reader:
        assert reader.verify(whole=False) == 0, "that looks at what is new"
        for look in (lambda: fold(reader.entries("a-2")), reader.verify):
            with pytest.raises(Tampered, match="drill a-2, entry 0"):
                look()
        assert reader.history.misfit() == "a-2"


def test_entries_since_are_verified_and_so_is_where_they_begin(path: Path) -> None:
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.verify()
        journal.append("a-3", SEALED)
        hold(journal, "a-4")
        assert journal.verify(whole=False) == 18
        assert journal.verify(whole=False) == 0
        when = journal.history.verified()
        journal.append("a-4", SandboxDestroyed(recovery="ehr", sandbox="sbx-01", residue=Residue(processes=0)))
        assert journal.verify(whole=False) == 1
        after = journal.history.verified()
        assert when is not None
        assert after is not None
        assert (after.at, after.entries) == (when.at, when.entries + 1), "all of it was looked at when it was"


@pytest.mark.parametrize("statement", ["write_summary", "write_mark"])
def test_cut_off_anywhere_the_tables_are_made_by_the_next(
    path: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from drp.journal import history as upkeep

    monkeypatch.setattr(upkeep.queries, "_WINDOW", 20)
    real, calls = getattr(upkeep, statement), []

    def dying(*arguments: object) -> None:
        real(*arguments)
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(upkeep, statement, dying)
    with closing(SqlJournal(path, SystemClock())) as journal:
        with pytest.raises(KeyboardInterrupt):
            journal.verify()
        agree(journal)
        journal.verify(whole=False)
        assert journal.history.misfit() == ""
        agree(journal)


def test_an_older_drp_goes_on_with_it_and_what_it_wrote_is_told(path: Path) -> None:
    with closing(SqlJournal(path, SystemClock())) as journal:
        journal.verify()
        before = journal.history.count()
    with closing(SqlJournal(path, SystemClock())) as journal:
        hold(journal, "c-1")  # an older one knows no tables, and leaves them as they are
    change(path, "ALTER TABLE drp_journal_marks RENAME TO older")
    with closing(SqlJournal(path, SystemClock(), reads_only=True)) as reader:
        assert reader.history.count() == before + 1
        agree(reader)
    change(path, "ALTER TABLE older RENAME TO drp_journal_marks")
    with closing(SqlJournal(path, SystemClock(), reads_only=True)) as reader:
        agree(reader)


def test_a_drill_that_does_not_begin_as_one_is_told_as_trouble(journal: SqlJournal) -> None:
    journal.append("odd", SEALED)
    declared = next(iter(journal.entries("a-1"))).event
    assert isinstance(declared, DrillDeclared)
    journal.append("strange", declared, SandboxKept(recovery="nobody", sandbox="x", until=T0))
    trouble = {one.drill: one.trouble for one in journal.history.unsettled() if one.trouble}
    assert set(trouble) == {"odd", "strange"}
    journal.verify()
    assert {one.drill: one.trouble for one in journal.history.unsettled() if one.trouble} == trouble
    assert journal.history.misfit() == ""


def test_instants_are_ordered_as_time_is() -> None:
    moments = [T0, T0 + timedelta(microseconds=1), T0 + timedelta(seconds=1)]
    assert sorted(map(instant, reversed(moments))) == list(map(instant, moments))
