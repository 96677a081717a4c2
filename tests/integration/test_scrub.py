"""The keyless scrub on real restic repositories: every damage is seen, nothing healthy is accused, nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drp.config.site import load_site
from drp.domain.worm.facts import PointsNoted, Scrubbed
from drp.domain.worm.points import NotedPoint
from drp.domain.worm.scrub import exit_status
from drp.errors import RepositoryError
from drp.service.wiring import Wiring
from tests.support.fixtures_scrub import RESTIC, Vault, codes, named
from tests.support.restic_tools import Restic, flip


def test_a_whole_repository_is_read_without_the_key_and_written_down(scrubbed: Vault) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in scrubbed.place.rglob("*")}
    scrub = scrubbed.scrub()  # there is no password at all
    objects = [path for part in ("data", "index", "keys", "snapshots", "locks") for path in scrubbed.files(part)]
    assert (codes(scrub), exit_status(scrub.findings)) == ([], 0)
    assert (scrub.objects, scrub.population, scrub.complete) == (len(objects), len(objects), True)
    assert scrub.size == sum(path.stat().st_size for path in objects)
    assert scrub.draw is not None
    assert (scrub.draw.drawn, scrub.draw.chance) == (len(objects), 1.0)
    assert scrub.coverage is not None
    assert scrub.coverage.objects_ever == len(objects)
    assert scrub.coverage.oldest_at is not None
    assert "config: its name says nothing" in " ".join(scrub.not_judged)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in scrubbed.place.rglob("*")} == before
    wiring = Wiring(load_site(scrubbed.site))
    (entry,) = wiring.register_to_read().entries()
    assert isinstance(entry.event, Scrubbed)
    assert entry.event.scrub == scrub
    wiring.close()
    kept = scrubbed.site / "state" / "scrub" / "vault.sqlite"
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept.parent.iterdir())


def appended(path: Path) -> None:
    path.chmod(0o600)
    with path.open("ab") as stream:
        stream.write(b"\0")


def emptied(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, 0)


def shortened(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize(
    "damage",
    [lambda path: flip(path, 0), lambda path: flip(path, -1), shortened, appended, emptied],
    ids=["first-byte", "last-byte", "shortened", "appended", "emptied"],
)
def test_every_damage_of_every_part_is_seen(scrubbed: Vault, damage: Callable[[Path], None]) -> None:
    broken = [scrubbed.files(part)[0] for part in ("data", "index", "keys", "snapshots")]
    for path in broken:
        damage(path)
    scrub = scrubbed.scrub()
    assert {each.key for each in scrub.damaged} == {str(path.relative_to(scrubbed.place)) for path in broken}
    assert codes(scrub) == ["DRP-L040"] * 4
    assert exit_status(scrub.findings) == 1
    assert scrub.coverage is not None
    assert scrub.coverage.objects_ever == scrub.population - 4


def test_two_packs_that_changed_places_are_both_damaged(scrubbed: Vault) -> None:
    one, other = scrubbed.files("data")[:2]
    one.rename(scrubbed.place / "aside")
    other.rename(one)
    (scrubbed.place / "aside").rename(other)
    assert scrubbed.scrub().damaged_total == 2


def test_a_hard_link_is_read_under_both_names_and_is_one_of_them(scrubbed: Vault) -> None:
    one = scrubbed.files("data")[0]
    other = one.parent / (one.parent.name + "0" * 62)
    other.hardlink_to(one)
    scrub = scrubbed.scrub()
    assert [each.key for each in scrub.damaged] == [str(other.relative_to(scrubbed.place))]


def test_what_is_not_the_repositorys_own_is_told_and_left_alone(scrubbed: Vault, tmp_path: Path) -> None:
    pack = scrubbed.files("data")[0]
    (pack.parent / pack.name.upper()).write_bytes(b"case")
    (scrubbed.place / "index" / "ab").mkdir()
    (scrubbed.place / "index" / "ab" / named(b"elsewhere")).write_bytes(b"elsewhere")
    (scrubbed.place / "data" / "zz").mkdir()
    (scrubbed.place / "data" / "zz" / named(b"x")).write_bytes(b"x")
    (scrubbed.place / "data" / "00" / (pack.name + "-tmp-1")).write_bytes(b"left over")
    (tmp_path / "outside").write_bytes(b"outside")
    (scrubbed.place / "snapshots" / named(b"outside")).symlink_to(tmp_path / "outside")
    os.mkfifo(scrubbed.place / "keys" / named(b""))
    scrub = scrubbed.scrub()
    assert scrub.damaged == ()
    (finding,) = scrub.findings
    assert (finding.code, exit_status(scrub.findings)) == ("DRP-L045", 0)
    assert str(finding.observed).startswith("6 names")


def test_odd_repositories_are_healthy(scrubbed: Vault, tmp_path: Path) -> None:
    fresh = Restic(RESTIC, str(tmp_path / "fresh")).init()
    scrubbed.at("{directory: ../fresh}")
    assert codes(scrubbed.scrub()) == []
    scrubbed.place = Path(fresh.repository)
    (scrubbed.place / "locks" / named(b"left over")).write_bytes(b"left over")
    (scrubbed.place / "data" / named(b"1")[:2] / named(b"1")).write_bytes(b"1")
    (scrubbed.place / "data" / named(b"2")).write_bytes(b"2")
    empty = named(b"")
    (scrubbed.place / "data" / empty[:2] / empty).write_bytes(b"")
    scrub = scrubbed.scrub()
    assert (codes(scrub), scrub.objects) == ([], 5)
    (scrubbed.place / "locks" / named(b"left over")).unlink()
    assert codes(scrubbed.scrub()) == []


def test_a_pack_that_is_gone_is_told_until_it_is_accounted_for(scrubbed: Vault) -> None:
    scrubbed.scrub()
    pack = scrubbed.files("data")[0]
    kept = pack.read_bytes()
    pack.unlink()
    for _ in range(2):
        scrub = scrubbed.scrub()
        assert (codes(scrub), exit_status(scrub.findings)) == (["DRP-L043"], 3)
        assert scrub.missing == (str(pack.relative_to(scrubbed.place)),)
    Restic(RESTIC, str(scrubbed.place)).run("backup", str(scrubbed.place.parent / "site"))
    assert codes(scrubbed.scrub()) == ["DRP-L043"]  # more indexes came, and none went
    pack.write_bytes(kept)
    assert codes(scrubbed.scrub()) == []


def test_what_retention_removes_is_accounted_for(scrubbed: Vault) -> None:
    restic = Restic(RESTIC, str(scrubbed.place))
    scrubbed.scrub()
    restic.run("forget", restic.snapshots()[-1]["id"])
    assert codes(scrubbed.scrub()) == []
    restic.run("prune", "--max-unused", "0")
    scrub = scrubbed.scrub()
    assert (codes(scrub), scrub.missing) == ([], ())
    assert scrub.gone > 0


@pytest.mark.parametrize("part", ["config", "keys", "snapshots", "index", "data"])
def test_a_part_that_is_emptied_is_critical(scrubbed: Vault, part: str) -> None:
    scrubbed.scrub()
    if part == "config":
        (scrubbed.place / "config").unlink()
    else:
        for path in scrubbed.files(part):
            path.unlink()
    for _ in range(2):
        scrub = scrubbed.scrub()
        assert "DRP-L042" in codes(scrub)
        assert exit_status(scrub.findings) == 1


def test_an_emptied_directory_is_not_clean_and_an_unknown_one_is_no_repository(scrubbed: Vault, tmp_path: Path) -> None:
    scrubbed.scrub()
    shutil.rmtree(scrubbed.place)
    with pytest.raises(RepositoryError):
        scrubbed.scrub()
    scrubbed.place.mkdir()
    assert exit_status(scrubbed.scrub().findings) == 1
    (tmp_path / "new").mkdir()
    other = Vault(tmp_path / "new", "{directory: ../vault}")
    other.place.mkdir()
    with pytest.raises(RepositoryError, match="is not there"):
        other.scrub()


def test_the_ledger_misses_a_point_that_no_scrub_ever_saw(scrubbed: Vault) -> None:
    wiring = Wiring(load_site(scrubbed.site))
    point, now = "ab" * 32, datetime.now(UTC)
    there = scrubbed.files("snapshots")[0].name
    noted = [
        NotedPoint(application="ehr", point=each, consistent_at=now - timedelta(hours=hours))
        for hours, each in ((1, point), (2, there))
    ]
    wiring.register().append(PointsNoted(repository="vault", host="here", new=tuple(noted)))
    wiring.close()
    scrub = scrubbed.scrub()
    assert codes(scrub) == ["DRP-L049"]
    assert scrub.missing == (f"snapshots/{point}",)
