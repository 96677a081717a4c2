"""Scrubs one after the other: budgets, rotations, draws, kills, media that are pulled, keys, and the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from drp.domain.worm.scrub import exit_status
from drp.errors import Busy, Interrupted, MediaNeeded, RepositoryError
from drp.service.worm.scrubbing import Wish
from tests.support import warm
from tests.support.fixtures_scrub import Vault, codes
from tests.support.restic_tools import flip


def test_a_budget_is_kept_and_the_rotation_goes_on(scrubbed: Vault) -> None:
    read: list[int] = []
    for _ in range(20):
        scrub = scrubbed.scrub(Wish(keyless=True, size=3_000_000))
        assert scrub.size <= 3_000_000 + scrubbed.files("data")[0].stat().st_size
        assert scrub.coverage is not None
        read.append(scrub.coverage.objects_ever)
        if scrub.coverage.objects_ever == scrub.population:
            break
        assert not scrub.complete
        assert scrub.coverage.oldest_at is None
    assert read == sorted(read)
    assert read[-1] == scrub.population
    assert scrubbed.scrub(Wish(keyless=True, duration=timedelta(0))).objects == 0


def test_a_draw_can_be_drawn_again(scrubbed: Vault) -> None:
    wish = Wish(keyless=True, seed="s")
    first, second = scrubbed.scrub(wish), scrubbed.scrub(wish)
    assert first.draw == second.draw
    assert first.draw is not None
    assert first.draw.seed == "s"


def test_damage_that_was_found_is_read_first_and_its_mending_told(scrubbed: Vault) -> None:
    pack = scrubbed.files("data")[0]
    seen = pack.stat()
    flip(pack, 5)
    os.utime(pack, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert codes(scrubbed.scrub()) == ["DRP-L040"]
    one = scrubbed.scrub(Wish(keyless=True, size=1))
    assert codes(one) == ["DRP-L040"]
    assert one.objects <= 2
    flip(pack, 5)
    os.utime(pack, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    mended = scrubbed.scrub()
    assert (codes(mended), exit_status(mended.findings)) == (["DRP-L044"], 0)
    assert codes(scrubbed.scrub()) == []


def test_a_medium_that_is_pulled_is_away_and_not_damaged(scrubbed: Vault, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / ".drp-medium").write_text("weekly-1\n")
    scrubbed.place.rename(mount / "restic")
    scrubbed.at("{medium: {mount: ../mount, label: weekly-1, path: restic}}")
    asked: list[int] = []

    def pull() -> bool:
        asked.append(1)
        if len(asked) == 2:
            mount.rename(tmp_path / "pulled")
        return False

    scrub = scrubbed.scrub(cancelled=pull)
    assert set(codes(scrub)) <= {"DRP-L047"}
    assert scrub.damaged == ()
    if scrub.objects < scrub.population:
        assert (codes(scrub), exit_status(scrub.findings)) == (["DRP-L047"], 3)
    with pytest.raises(MediaNeeded):
        scrubbed.scrub()
    (tmp_path / "pulled").rename(mount)
    again = scrubbed.scrub()
    assert (codes(again), again.coverage and again.coverage.objects_ever) == ([], again.population)


def test_with_the_key_the_config_is_judged_and_a_wrong_one_is_refused(scrubbed: Vault) -> None:
    scrubbed.give_key()
    scrub = scrubbed.scrub(Wish(decode=True))
    assert (codes(scrub), scrub.not_judged, scrub.decoded) == ([], (), True)
    pack = scrubbed.files("data")[0]
    flip(pack, 100)
    scrub = scrubbed.scrub(Wish(decode=True))
    points = {path.name for path in scrubbed.files("snapshots")}
    assert {point for each in scrub.damaged for point in each.points or ()} <= points
    assert scrub.damaged[0].points
    assert codes(scrub)[0] == "DRP-L040"
    assert any(each.code == "DRP-L048" and pack.name in str(each.observed) for each in scrub.findings)
    (scrubbed.site / "password").write_text("n0t-this-password\n")
    with pytest.raises(RepositoryError):
        scrubbed.scrub(Wish())
    assert scrubbed.scrub().damaged_total == 1


def test_only_one_scrub_at_a_time(scrubbed: Vault) -> None:
    def meanwhile() -> bool:
        with pytest.raises(Busy):
            scrubbed.scrub()
        return True

    with pytest.raises(Interrupted):
        scrubbed.scrub(cancelled=meanwhile)


def test_a_scrub_that_is_killed_is_taken_up_where_it_was(scrubbed: Vault, tmp_path: Path) -> None:
    """The child reads through a folder of FIFO-free files and is killed once something of it is durable."""
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(scrubbed.site)],
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
    scrub = scrubbed.scrub()
    assert codes(scrub) == []
    assert scrub.objects == scrub.population
    assert scrub.draw is not None
    assert scrub.draw.seed == "of-the-killed"
    assert scrubbed.scrub().draw != scrub.draw


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


def drp(scrubbed: Vault, *words: str) -> subprocess.CompletedProcess[str]:
    done = warm.drp(*words, environment={**warm.ENVIRONMENT, "DRP_SITE": str(scrubbed.site)})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_command_line_tells_it_and_ends_as_it_should(scrubbed: Vault) -> None:
    done = drp(scrubbed, "repo", "scrub", "vault", "--keyless")
    assert done.returncode == 0
    assert "one would have been found with 100 % confidence" in done.stdout
    assert "not judged   config" in done.stdout
    flip(scrubbed.files("data")[0], 7)
    done = drp(scrubbed, "repo", "scrub", "vault", "--keyless", "--json", "--budget", "30m", "--budget", "1GB")
    document = json.loads(done.stdout)
    assert (document["schema"], document["exit"], done.returncode) == ("drp/scrub/1", 1, 1)
    assert document["damaged_total"] == 1
    assert drp(scrubbed, "repo", "scrub", "vault", "--budget", "soon").returncode == 2
    assert drp(scrubbed, "repo", "scrub", "vault", "--full", "--keyless").returncode == 2
    assert drp(scrubbed, "repo", "scrub", "vaul").returncode == 10


def test_copies_are_not_judged_by_name(scrubbed: Vault) -> None:
    (scrubbed.site / "inventory" / "repositories.yml").write_text(
        "repositories:\n  vault: {kind: copies, location: {directory: ../vault}, folders: ['%Y-%m-%dT%H%M%SZ']}\n"
    )
    (scrubbed.site / "inventory" / "applications" / "ehr.yml").unlink()
    done = drp(scrubbed, "repo", "scrub", "vault")
    assert done.returncode == 3
    assert "DRP-L046" in done.stdout
    assert "drp manifest verify" in done.stdout
