"""Time lines of a log: production's is followed where only one can be it, and told apart or asked for where not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postgres_bench import Bench, Failed, Production, of_kind
from tests.support.postgres_logs import with_rows

pytestmark = pytest.mark.real


def lay(
    bench: Bench, production: Production, line: str, base: str = "base", change: Callable[[Path], None] | None = None
) -> None:
    def mixed(root: Path) -> None:
        for path in (production.folder / line).iterdir():
            shutil.copy(path, root / "wal")
        if change is not None:
            change(root / "wal")

    bench.lay((production.folder / base, "pg"), (production.folder / "wal", "wal"), change=mixed)


def second_line(wal: Path) -> list[Path]:
    return sorted(path for path in wal.iterdir() if path.name.startswith("00000002") and len(path.name) == 24)


def test_a_fail_over_is_followed(postgres_bench: Bench, postgres_production: Production) -> None:
    """What the old primary still wrote behind it is its own housekeeping: nothing that anybody was told is safe."""
    lay(postgres_bench, postgres_production, "failover")
    told = postgres_bench.start(wal_archive="wal")
    assert (postgres_bench.rows(), told["timeline"], told["notices"]) == (500, 2, [])


def test_a_history_that_is_none_says_nothing_about_the_end(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    """Where recovery ended says the server: not a file that was restored under a name that looks like its own."""
    folder = postgres_production.folder

    def forged(root: Path) -> None:
        (root / "pg/pg_wal/zzzzzzzz.history").write_text("1\t0/FF00000\tno recovery target specified\n")
        with_rows(root / "wal", 1).unlink()

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=forged)
    with pytest.raises(Failed, match="the WAL archive has a gap"):
        postgres_bench.start(wal_archive="wal")
    junk = "pg/pg_wal/zzzzzzzz.history"
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=lambda r: (r / junk).touch())
    assert postgres_bench.start(wal_archive="wal")["notices"] == []
    assert postgres_bench.rows() == 400


def test_without_its_history_a_line_cannot_be_placed(postgres_bench: Bench, postgres_production: Production) -> None:
    lay(postgres_bench, postgres_production, "failover", change=lambda wal: (wal / "00000002.history").unlink())
    with pytest.raises(Failed) as failed:
        postgres_bench.start(wal_archive="wal")
    assert "the history of time line 2 is missing (00000002.history), so wal/00000002" in str(failed.value)
    told = postgres_bench.start(wal_archive="wal", timeline=1)
    assert (postgres_bench.rows(), told["timeline"]) == (400, 1)
    assert any("time line 2 has no history" in one for one in of_kind(told, "beside"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is empty"), ("1\tnowhere\n", "damaged in line 1"), ("1 0/3000000\n1 0/2000000\n", "damaged in line 2")],
)
def test_a_history_that_cannot_be_read_is_not_absent(
    postgres_bench: Bench, postgres_production: Production, text: str, said: str
) -> None:
    lay(
        postgres_bench,
        postgres_production,
        "failover",
        change=lambda wal: (wal / "00000002.history").write_text(text) and None,
    )
    with pytest.raises(Failed, match=r"the history wal/00000002\.history is") as failed:
        postgres_bench.start(wal_archive="wal")
    assert said in str(failed.value)


def test_a_restore_test_that_strayed_swallows_nothing(postgres_bench: Bench, postgres_production: Production) -> None:
    lay(postgres_bench, postgres_production, "stray")
    with pytest.raises(Failed) as failed:
        postgres_bench.start(wal_archive="wal")
    assert "the log holds commits on two time lines" in str(failed.value)
    assert "1 (wal/00000001" in str(failed.value)
    assert "2 (wal/00000002" in str(failed.value)
    told = postgres_bench.start(wal_archive="wal", timeline=1)
    assert (postgres_bench.rows(), told["timeline"]) == (400, 1)
    assert any(one.endswith("time line 2: 1 is declared") for one in of_kind(told, "beside"))


def test_the_line_that_is_declared_must_go_on_from_the_base(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    lay(postgres_bench, postgres_production, "stray")
    told = postgres_bench.start(wal_archive="wal", timeline=2)
    assert (postgres_bench.rows(), told["timeline"]) == (200, 2)
    lay(postgres_bench, postgres_production, "stray")
    with pytest.raises(Failed, match="time line 7 does not go on from the base, which is on 1"):
        postgres_bench.start(wal_archive="wal", timeline=7)


def test_a_line_that_parted_before_the_base_is_none_of_its(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    lay(postgres_bench, postgres_production, "stray", base="base2")
    told = postgres_bench.start(wal_archive="wal")
    assert (postgres_bench.rows(), told["timeline"]) == (400, 1)
    assert of_kind(told, "unused") == []


def test_a_line_of_which_nothing_was_kept_is_asked_for(postgres_bench: Bench, postgres_production: Production) -> None:
    """Its history alone: production may have gone on there, and nothing of it came back."""

    def change(wal: Path) -> None:
        for path in second_line(wal):
            path.unlink()

    lay(postgres_bench, postgres_production, "stray", change=change)
    told = postgres_bench.start(wal_archive="wal")
    assert (postgres_bench.rows(), told["timeline"]) == (400, 1)
    (said,) = of_kind(told, "unused")
    assert said.startswith("00000002.history: time line 2 holds no commit, while 1 goes on (wal/00000001")
    lay(postgres_bench, postgres_production, "stray", change=change)
    assert postgres_bench.start(wal_archive="wal", timeline=1)["notices"] == []


def test_two_servers_that_made_the_same_line_are_told_apart(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    folder = postgres_production.folder
    parts = ((folder / "base", "pg"), (folder / "stray", "stray"), (folder / "failover", "wal"))
    postgres_bench.lay(*parts)
    with pytest.raises(Failed, match="two servers made a time line 2"):
        postgres_bench.start(wal_archive="wal", wal_stream="stray")


def test_rot_on_the_line_before_a_fail_over_is_a_gap(postgres_bench: Bench, postgres_production: Production) -> None:
    def change(wal: Path) -> None:
        first = sorted(path for path in wal.iterdir() if path.name.startswith("00000001") and len(path.name) == 24)
        first[-4].unlink()

    lay(postgres_bench, postgres_production, "failover", change=change)
    with pytest.raises(Failed, match="the WAL archive has a gap"):
        postgres_bench.start(wal_archive="wal")


def test_an_instant_is_reached_and_no_other(postgres_bench: Bench, postgres_production: Production) -> None:
    folder, at = postgres_production.folder, postgres_production.at["300"].replace(" ", "T").replace("+00", "Z")
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"))
    told = postgres_bench.start(wal_archive="wal", target=at)
    assert (postgres_bench.rows(), told["notices"]) == (300, [])
    assert told["log"]["behind"] > 0
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"))
    with pytest.raises(
        Failed, match="2020-01-01T00:00:00Z cannot be reached: the base itself holds a checkpoint of 20"
    ):
        postgres_bench.start(wal_archive="wal", target="2020-01-01T00:00:00Z")
    with pytest.raises(Failed, match=r"2040-01-01T00:00:00Z cannot be reached; the newest transaction .* is of 20"):
        postgres_bench.start(wal_archive="wal", target="2040-01-01T00:00:00Z")
    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"))
    for text in ("2026-01-01T00:00:00", "yesterday", "2026-01-01T00:00:00+0100x", "2026-13-01T00:00:00Z"):
        with pytest.raises(Failed, match="no instant"):
            postgres_bench.start(wal_archive="wal", target=text)


def test_damage_behind_an_instant_does_not_keep_it_from_being_reached(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    folder, at = postgres_production.folder, postgres_production.at["300"].replace(" ", "T").replace("+00", "Z")

    def change(root: Path) -> None:
        last = max(path for path in (root / "wal").iterdir() if len(path.name) == 24)
        last.write_bytes(b"")

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=change)
    told = postgres_bench.start(wal_archive="wal", target=at)
    assert postgres_bench.rows() == 300
    assert [one.partition(": ")[2] for one in of_kind(told, "beside")] == ["is empty; it lies behind the target"]


def test_rot_before_an_instant_is_told_with_both_instants(
    postgres_bench: Bench, postgres_production: Production
) -> None:
    folder, at = postgres_production.folder, postgres_production.at["300"].replace(" ", "T").replace("+00", "Z")

    def change(root: Path) -> None:
        found = [path for path in sorted((root / "wal").iterdir()) if len(path.name) == 24]
        base = (root / "pg/backup_label").read_text().partition("file ")[2][:24]
        after = [path for path in found if path.name > base]
        subprocess.run(["truncate", "-s", "0", after[0]], check=True)

    postgres_bench.lay((folder / "base", "pg"), (folder / "wal", "wal"), change=change)
    with pytest.raises(Failed, match=r"cannot be reached; .*is empty"):
        postgres_bench.start(wal_archive="wal", target=at)
