"""The entries of many drills at once are those of each, wherever a statement ends; what is missing is seen as well."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from drp.clock import SystemClock
from drp.drill.declare import states
from drp.errors import Tampered
from drp.journal import SqlJournal
from tests.support.sample_journal import tale, tell

DRILLS = tuple(f"drill-{number:02d}" for number in range(70))
LONG = "drill-33"
"""It alone has more entries than one statement reads."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    events = [entry.event for entry in tell(tale())]
    with closing(SqlJournal(path, SystemClock())) as journal:
        for drill in reversed(DRILLS):
            journal.append(drill, *events)
        journal.append(LONG, *(events[1:-1] * 40))
    return path


def test_many_drills_read_at_once_tell_what_each_does(filled: Path) -> None:
    with closing(SqlJournal(filled, SystemClock(), reads_only=True)) as journal:
        asked = ("nobody", *DRILLS, DRILLS[0])
        found = [(drill, list(entries)) for drill, entries in journal.entries_of(asked)]
        assert sorted(drill for drill, _ in found) == sorted({"nobody", *DRILLS})
        assert dict(found) == {drill: list(journal.entries(drill)) for drill in {"nobody", *DRILLS}}
        assert len(dict(found)[LONG]) > 500
        wanted = (DRILLS[5], DRILLS[60], DRILLS[1])
        assert tuple(state.drill for state in states(journal, wanted)) == wanted
        assert list(journal.entries_of(())) == []


@pytest.mark.parametrize("drill", [DRILLS[0], DRILLS[31], DRILLS[69], LONG])
@pytest.mark.parametrize("sequence", [0, 3, 12])
def test_an_entry_that_is_missing_or_changed_is_seen(filled: Path, tmp_path: Path, drill: str, sequence: int) -> None:
    for number, change in enumerate(("DELETE FROM drp_journal", "UPDATE drp_journal SET body = body || ' '")):
        path = Path(shutil.copy(filled, tmp_path / f"{number}.sqlite"))
        with closing(SqlJournal(path, SystemClock(), reads_only=True)) as journal:
            with closing(sqlite3.connect(path)) as connection:
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    connection.execute(f"DROP TRIGGER {name}")
                changed = connection.execute(f"{change} WHERE drill = ? AND sequence = ?", (drill, sequence))
                assert changed.rowcount == 1
                connection.commit()
            with pytest.raises(Tampered, match=drill):
                states(journal, DRILLS)
