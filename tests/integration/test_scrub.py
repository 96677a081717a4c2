"""The keyless scrub on real restic repositories: every damage is seen, nothing healthy is accused, nothing is lost."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drp.config.site import load_site
from drp.domain.worm.facts import PointsNoted, Scrubbed
from drp.domain.worm.points import NotedPoint
from drp.domain.worm.scrub import Scrub, exit_status
from drp.errors import Busy, Interrupted, MediaNeeded, RepositoryError
from drp.service.wiring import Wiring
from drp.service.worm.scrubbing import Wish, scrub_repository
from tests.support import warm
from tests.support.restic_tools import PASSWORD, Restic, executable, flip, make_tree

RESTIC = executable("current")
KEYLESS = Wish(keyless=True)
APPLICATION = """name: ehr
title: EHR
tier: 1
objectives: {rto: 4h, rpo: 1h}
backup: {repositories: [vault], points: {tags: [ehr]}}
runbook: {kind: files}
checks: [{name: tree, verifier: files}]
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of two points, which tests copy."""
    folder = tmp_path_factory.mktemp("made")
    restic = Restic(RESTIC, str(folder / "vault")).init()
    source = make_tree(folder / "source", files=30, size=200_000)
    restic.backup(source, tags=("ehr",))
    make_tree(folder / "source" / "more", files=3, seed=2)
    restic.backup(source, tags=("ehr",))
    return folder / "vault"


class Vault:
    """A site with one repository."""

    def __init__(self, folder: Path, location: str) -> None:
        self.site, self.place = folder / "site", folder / "vault"
        (self.site / "inventory" / "applications").mkdir(parents=True)
        (self.site / "drp.yml").write_text("version: 1\nname: scrubbed\n")
        (self.site / "inventory" / "applications" / "ehr.yml").write_text(APPLICATION)
        self.at(location)

    def at(self, location: str) -> None:
        (self.site / "inventory" / "repositories.yml").write_text(
            f"repositories:\n  vault: {{kind: restic, executable: {RESTIC}, password: {{file: password}}, location: {location}}}\n"
        )

    def give_key(self) -> None:
        (self.site / "password").write_text(PASSWORD + "\n")
        (self.site / "password").chmod(0o600)

    def scrub(self, wish: Wish = KEYLESS, **how: Any) -> Scrub:
        wiring = Wiring(load_site(self.site))
        try:
            return scrub_repository(wiring, "vault", wish, **how)
        finally:
            wiring.close()

    def files(self, part: str) -> list[Path]:
        """The objects of a part, largest first."""
        found = [path for path in (self.place / part).rglob("*") if path.is_file()]
        return sorted(found, key=lambda path: -path.stat().st_size)


@pytest.fixture
def vault(made: Path, tmp_path: Path) -> Vault:
    shutil.copytree(made, tmp_path / "vault")
    return Vault(tmp_path, "{directory: ../vault}")


def codes(scrub: Scrub) -> list[str]:
    return [finding.code for finding in scrub.findings]


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_whole_repository_is_read_without_the_key_and_written_down(vault: Vault) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in vault.place.rglob("*")}
    scrub = vault.scrub()  # there is no password at all
    objects = [path for part in ("data", "index", "keys", "snapshots", "locks") for path in vault.files(part)]
    assert (codes(scrub), exit_status(scrub.findings)) == ([], 0)
    assert (scrub.objects, scrub.population, scrub.complete) == (len(objects), len(objects), True)
    assert scrub.size == sum(path.stat().st_size for path in objects)
    assert scrub.draw is not None
    assert (scrub.draw.drawn, scrub.draw.chance) == (len(objects), 1.0)
    assert scrub.coverage is not None
    assert scrub.coverage.objects_ever == len(objects)
    assert scrub.coverage.oldest_at is not None
    assert "config: its name says nothing" in " ".join(scrub.not_judged)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in vault.place.rglob("*")} == before
    wiring = Wiring(load_site(vault.site))
    (entry,) = wiring.register_to_read().entries()
    assert isinstance(entry.event, Scrubbed)
    assert entry.event.scrub == scrub
    wiring.close()
    kept = vault.site / "state" / "scrub" / "vault.sqlite"
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
def test_every_damage_of_every_part_is_seen(vault: Vault, damage: Callable[[Path], None]) -> None:
    broken = [vault.files(part)[0] for part in ("data", "index", "keys", "snapshots")]
    for path in broken:
        damage(path)
    scrub = vault.scrub()
    assert {each.key for each in scrub.damaged} == {str(path.relative_to(vault.place)) for path in broken}
    assert codes(scrub) == ["DRP-L040"] * 4
    assert exit_status(scrub.findings) == 1
    assert scrub.coverage is not None
    assert scrub.coverage.objects_ever == scrub.population - 4


def test_two_packs_that_changed_places_are_both_damaged(vault: Vault) -> None:
    one, other = vault.files("data")[:2]
    one.rename(vault.place / "aside")
    other.rename(one)
    (vault.place / "aside").rename(other)
    assert vault.scrub().damaged_total == 2


def test_a_hard_link_is_read_under_both_names_and_is_one_of_them(vault: Vault) -> None:
    one = vault.files("data")[0]
    other = one.parent / (one.parent.name + "0" * 62)
    other.hardlink_to(one)
    scrub = vault.scrub()
    assert [each.key for each in scrub.damaged] == [str(other.relative_to(vault.place))]


def test_what_is_not_the_repositorys_own_is_told_and_left_alone(vault: Vault, tmp_path: Path) -> None:
    pack = vault.files("data")[0]
    (pack.parent / pack.name.upper()).write_bytes(b"case")
    (vault.place / "index" / "ab").mkdir()
    (vault.place / "index" / "ab" / named(b"elsewhere")).write_bytes(b"elsewhere")
    (vault.place / "data" / "zz").mkdir()
    (vault.place / "data" / "zz" / named(b"x")).write_bytes(b"x")
    (vault.place / "data" / "00" / (pack.name + "-tmp-1")).write_bytes(b"left over")
    (tmp_path / "outside").write_bytes(b"outside")
    (vault.place / "snapshots" / named(b"outside")).symlink_to(tmp_path / "outside")
    os.mkfifo(vault.place / "keys" / named(b""))
    scrub = vault.scrub()
    assert scrub.damaged == ()
    (finding,) = scrub.findings
    assert (finding.code, exit_status(scrub.findings)) == ("DRP-L045", 0)
    assert str(finding.observed).startswith("6 names")


def test_odd_repositories_are_healthy(vault: Vault, tmp_path: Path) -> None:
    fresh = Restic(RESTIC, str(tmp_path / "fresh")).init()
    vault.at("{directory: ../fresh}")
    assert codes(vault.scrub()) == []
    vault.place = Path(fresh.repository)
    (vault.place / "locks" / named(b"left over")).write_bytes(b"left over")
    (vault.place / "data" / named(b"1")[:2] / named(b"1")).write_bytes(b"1")
    (vault.place / "data" / named(b"2")).write_bytes(b"2")
    empty = named(b"")
    (vault.place / "data" / empty[:2] / empty).write_bytes(b"")
    scrub = vault.scrub()
    assert (codes(scrub), scrub.objects) == ([], 5)
    (vault.place / "locks" / named(b"left over")).unlink()
    assert codes(vault.scrub()) == []


def test_a_pack_that_is_gone_is_told_until_it_is_accounted_for(vault: Vault) -> None:
    vault.scrub()
    pack = vault.files("data")[0]
    kept = pack.read_bytes()
    pack.unlink()
    for _ in range(2):
        scrub = vault.scrub()
        assert (codes(scrub), exit_status(scrub.findings)) == (["DRP-L043"], 3)
        assert scrub.missing == (str(pack.relative_to(vault.place)),)
    Restic(RESTIC, str(vault.place)).run("backup", str(vault.place.parent / "site"))
    assert codes(vault.scrub()) == ["DRP-L043"]  # more indexes came, and none went
    pack.write_bytes(kept)
    assert codes(vault.scrub()) == []


def test_what_retention_removes_is_accounted_for(vault: Vault) -> None:
    restic = Restic(RESTIC, str(vault.place))
    vault.scrub()
    restic.run("forget", restic.snapshots()[-1]["id"])
    assert codes(vault.scrub()) == []
    restic.run("prune", "--max-unused", "0")
    scrub = vault.scrub()
    assert (codes(scrub), scrub.missing) == ([], ())
    assert scrub.gone > 0


@pytest.mark.parametrize("part", ["config", "keys", "snapshots", "index", "data"])
def test_a_part_that_is_emptied_is_critical(vault: Vault, part: str) -> None:
    vault.scrub()
    if part == "config":
        (vault.place / "config").unlink()
    else:
        for path in vault.files(part):
            path.unlink()
    for _ in range(2):
        scrub = vault.scrub()
        assert "DRP-L042" in codes(scrub)
        assert exit_status(scrub.findings) == 1


def test_an_emptied_directory_is_not_clean_and_an_unknown_one_is_no_repository(vault: Vault, tmp_path: Path) -> None:
    vault.scrub()
    shutil.rmtree(vault.place)
    with pytest.raises(RepositoryError):
        vault.scrub()
    vault.place.mkdir()
    assert exit_status(vault.scrub().findings) == 1
    (tmp_path / "new").mkdir()
    other = Vault(tmp_path / "new", "{directory: ../vault}")
    other.place.mkdir()
    with pytest.raises(RepositoryError, match="is not there"):
        other.scrub()


def test_the_ledger_misses_a_point_that_no_scrub_ever_saw(vault: Vault) -> None:
    wiring = Wiring(load_site(vault.site))
    point, now = "ab" * 32, datetime.now(UTC)
    there = vault.files("snapshots")[0].name
    noted = [
        NotedPoint(application="ehr", point=each, consistent_at=now - timedelta(hours=hours))
        for hours, each in ((1, point), (2, there))
    ]
    wiring.register().append(PointsNoted(repository="vault", host="here", new=tuple(noted)))
    wiring.close()
    scrub = vault.scrub()
    assert codes(scrub) == ["DRP-L049"]
    assert scrub.missing == (f"snapshots/{point}",)


def test_a_budget_is_kept_and_the_rotation_goes_on(vault: Vault) -> None:
    read: list[int] = []
    for _ in range(20):
        scrub = vault.scrub(Wish(keyless=True, size=3_000_000))
        assert scrub.size <= 3_000_000 or scrub.objects == 1
        assert scrub.coverage is not None
        read.append(scrub.coverage.objects_ever)
        if scrub.coverage.objects_ever == scrub.population:
            break
        assert not scrub.complete
        assert scrub.coverage.oldest_at is None
    assert read == sorted(read)
    assert read[-1] == scrub.population
    assert vault.scrub(Wish(keyless=True, duration=timedelta(0))).objects == 0


def test_a_draw_can_be_drawn_again(vault: Vault) -> None:
    wish = Wish(keyless=True, seed="s")
    first, second = vault.scrub(wish), vault.scrub(wish)
    assert first.draw == second.draw
    assert first.draw is not None
    assert first.draw.seed == "s"


def test_damage_that_was_found_is_read_first_and_its_mending_told(vault: Vault) -> None:
    pack = vault.files("data")[0]
    seen = pack.stat()
    flip(pack, 5)
    os.utime(pack, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert codes(vault.scrub()) == ["DRP-L040"]
    one = vault.scrub(Wish(keyless=True, size=1))
    assert (codes(one), one.objects) == (["DRP-L040"], 1)
    flip(pack, 5)
    os.utime(pack, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    mended = vault.scrub()
    assert (codes(mended), exit_status(mended.findings)) == (["DRP-L044"], 0)
    assert codes(vault.scrub()) == []


def test_a_medium_that_is_pulled_is_away_and_not_damaged(vault: Vault, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / ".drp-medium").write_text("weekly-1\n")
    vault.place.rename(mount / "restic")
    vault.at("{medium: {mount: ../mount, label: weekly-1, path: restic}}")
    asked: list[int] = []

    def pull() -> bool:
        asked.append(1)
        if len(asked) == 2:
            mount.rename(tmp_path / "pulled")
        return False

    scrub = vault.scrub(cancelled=pull)
    assert set(codes(scrub)) <= {"DRP-L047"}
    assert scrub.damaged == ()
    if scrub.objects < scrub.population:
        assert (codes(scrub), exit_status(scrub.findings)) == (["DRP-L047"], 3)
    with pytest.raises(MediaNeeded):
        vault.scrub()
    (tmp_path / "pulled").rename(mount)
    again = vault.scrub()
    assert (codes(again), again.coverage and again.coverage.objects_ever) == ([], again.population)


def test_with_the_key_the_config_is_judged_and_a_wrong_one_is_refused(vault: Vault) -> None:
    vault.give_key()
    scrub = vault.scrub(Wish(decode=True))
    assert (codes(scrub), scrub.not_judged, scrub.decoded) == ([], (), True)
    pack = vault.files("data")[0]
    flip(pack, 100)
    scrub = vault.scrub(Wish(decode=True))
    assert codes(scrub)[0] == "DRP-L040"
    assert any(each.code == "DRP-L048" and pack.name in str(each.observed) for each in scrub.findings)
    (vault.site / "password").write_text("wrong\n")
    with pytest.raises(RepositoryError):
        vault.scrub(Wish())
    assert vault.scrub().damaged_total == 1


def test_only_one_scrub_at_a_time(vault: Vault) -> None:
    def meanwhile() -> bool:
        with pytest.raises(Busy):
            vault.scrub()
        return True

    with pytest.raises(Interrupted):
        vault.scrub(cancelled=meanwhile)


def test_a_scrub_that_is_killed_is_taken_up_where_it_was(vault: Vault, tmp_path: Path) -> None:
    """The child reads through a folder of FIFO-free files and is killed once something of it is durable."""
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(vault.site)],
        cwd=warm.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    noted = int(line)
    assert noted > 0
    scrub = vault.scrub()
    assert codes(scrub) == []
    assert scrub.objects == scrub.population
    assert scrub.draw is not None
    assert scrub.draw.seed == "of-the-killed"
    assert vault.scrub().draw != scrub.draw


_KILLED = """
import sys, time
from pathlib import Path
from drp.config.site import load_site
from drp.service.wiring import Wiring
from drp.service.worm import scrub_reading
from drp.service.worm.scrubbing import Wish, scrub_repository
scrub_reading._BATCH = 2
def tell(objects, size):
    if objects >= 4:
        print(objects, flush=True)
        time.sleep(60)
scrub_repository(Wiring(load_site(Path(sys.argv[1]))), "vault", Wish(keyless=True, seed="of-the-killed"), tell=tell)
"""


def drp(vault: Vault, *words: str) -> subprocess.CompletedProcess[str]:
    done = warm.drp(*words, environment={**warm.ENVIRONMENT, "DRP_SITE": str(vault.site)})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_command_line_tells_it_and_ends_as_it_should(vault: Vault) -> None:
    done = drp(vault, "repo", "scrub", "vault", "--keyless")
    assert done.returncode == 0
    assert "one would have been found with 100 % confidence" in done.stdout
    assert "not judged   config" in done.stdout
    flip(vault.files("data")[0], 7)
    done = drp(vault, "repo", "scrub", "vault", "--keyless", "--json", "--budget", "30m", "--budget", "1GB")
    document = json.loads(done.stdout)
    assert (document["schema"], document["exit"], done.returncode) == ("drp/scrub/1", 1, 1)
    assert document["damaged_total"] == 1
    assert drp(vault, "repo", "scrub", "vault", "--budget", "soon").returncode == 2
    assert drp(vault, "repo", "scrub", "vault", "--full", "--keyless").returncode == 2
    assert drp(vault, "repo", "scrub", "vaul").returncode == 10


def test_copies_are_not_judged_by_name(vault: Vault) -> None:
    (vault.site / "inventory" / "repositories.yml").write_text(
        "repositories:\n  vault: {kind: copies, location: {directory: ../vault}, folders: ['%Y-%m-%dT%H%M%SZ']}\n"
    )
    (vault.site / "inventory" / "applications" / "ehr.yml").unlink()
    done = drp(vault, "repo", "scrub", "vault")
    assert done.returncode == 3
    assert "DRP-L046" in done.stdout
    assert "drp manifest verify" in done.stdout
