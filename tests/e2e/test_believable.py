"""Passes that were none, on the real thing: impossible dates, manifests of another origin, retries, a journal rolled back.

Each is followed by its sound twin: what is odd and healthy passes.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.airgap import backed_up, drilled, manifest_of, site
from tests.support.processes import left, processes_left
from tests.support.rig import APPLICATION, Rig, wait
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_a_row_younger_than_the_backup_hides_no_loss(stage: Rig):
    """As a row that is dated ahead does: the newest datum says nothing then of how old the others are."""
    root = stage.ehr.stage()
    instant = stage.ehr.sql(
        "select to_char(max(recorded_at) - interval '5 minutes', 'YYYY-MM-DD\"T\"HH24:MI:SSOF') from encounter"
    )
    with backed_up(stage, root, f"consistent_at={instant}:00", manifest=manifest_of(stage, root)) as point:
        verdict, found, recovery = drilled(stage, "run", "ehr-airgap", "--point", point)
        assert verdict == "inconclusive"
        assert "later than the backup can hold any" in found["DRP-C002"]["observed"]
        assert recovery["measurement"]["rpo_attainment"] == "undetermined"
        assert recovery["measurement"]["rpa_upper_ms"] is None
        with site(stage, APPLICATION.replace("  points:", "  duration: 10m\n  points:")):
            verdict, found, _ = drilled(
                stage, "run", "ehr-airgap", "--point", point
            )  # a job that reads for ten minutes can hold such a row
        assert (verdict, set(found)) == ("passed", {"DRP-H007"})


def test_the_older_of_two_stores_bounds_the_loss_and_both_are_shown(stage: Rig, tmp_path: Path):
    second = """  - name: laboratory
    verifier: postgres
    options:
      database: ehr
      newest: {query: select max(recorded_at) - interval '30 hours' from encounter}
"""
    with site(stage, APPLICATION + second):
        verdict, found, recovery = drilled(stage)
    assert verdict == "inconclusive"
    assert "DRP-T003" in found
    shown = {check["check"]: check["watermark"]["at"] for check in recovery["verify"]["checks"] if check["watermark"]}
    assert len(shown) == 2
    assert recovery["verify"]["watermark"]["at"] == min(shown.values())
    page = tmp_path / "report.html"
    stage.drp("report", "latest", "--format", "html", "-o", str(page))
    text = page.read_text(encoding="utf-8")
    assert text.count("Newest datum seen") == 2
    assert text.count("It bounds the loss") == 1


def test_a_manifest_made_after_the_backup_proves_nothing(stage: Rig):
    root = stage.ehr.stage()
    with backed_up(stage, root) as point:
        (root / "documents" / "00" / "letter-00000.pdf").write_bytes(b"")  # damage, after it was backed up
        late = manifest_of(stage, root)
        stage.air_gap().run("tag", "--add", f"drp-manifest={late}", point)
        verdict, found, recovery = drilled(stage)
        assert verdict == "inconclusive"
        assert found["DRP-H012"]["subject"] == late[:12]
        assert recovery["hash"]["difference"] is None, "and it accuses nobody"
        with site(stage, APPLICATION.replace("  points:", "  clock_skew: 1h\n  points:")):
            verdict, found, _ = drilled(stage)
        assert verdict == "failed", "declared to be in time, it is compared: and the tree differs"
        assert "DRP-H001" in found


def test_a_manifest_of_another_root_proves_nothing_unless_the_root_is_declared_to_have_moved(stage: Rig):
    root = stage.ehr.stage()
    snapshot = root.parent / "lvm-snapshot"
    shutil.rmtree(snapshot, ignore_errors=True)
    root.rename(snapshot)
    shutil.copytree(snapshot, root, symlinks=True)
    with backed_up(stage, snapshot, manifest=manifest_of(stage, root)):
        declared = APPLICATION.replace("  points:", f"  moved_roots: {{{root}: {snapshot}}}\n  points:")
        verdict, found, _ = drilled(stage)
        assert verdict == "inconclusive"
        assert found["DRP-H013"]["observed"] == f"made of {root}"
        with site(stage, declared):
            verdict, found, _ = drilled(stage)
        # a copy of a tree has owners of its own where several are mapped, and is compared all the same
        assert "DRP-H013" not in found
        assert verdict == "passed", found
    shutil.rmtree(snapshot)


@pytest.mark.parametrize(
    "tags", [("drp-manifest=0123",), ("drp-manifests={id}",), ("drp-manifest={id}", "drp-manifest={other}")]
)
def test_a_tag_that_names_no_manifest_is_quoted_and_never_waived(stage: Rig, tags: tuple[str, ...]):
    root = stage.ehr.stage()
    known = stage.points["manifest"]
    written = [tag.format(id=known, other=known[::-1]) for tag in tags]
    with backed_up(stage, root, *written), site(stage, drill="require_manifest: false\n"):
        verdict, found, _ = drilled(stage)
    assert verdict == "inconclusive"
    assert all(tag in found["DRP-H010"]["observed"] for tag in written)
    assert "DRP-H009" not in found


def test_a_manifest_swapped_while_it_is_compared_with_changes_nothing(stage: Rig):
    """Opened once: what takes its name meanwhile is not read. Here another takes it as soon as hashing begins."""
    place = stage.site / "manifests" / "ehr" / f"{stage.points['manifest']}.drpm"
    kept = place.read_bytes()
    other = place.with_name("other.drpm")
    other.write_bytes(kept[:-3] + b"not")
    process = subprocess.Popen(
        [sys.executable, "-m", "drp", "drill", "run", "ehr-airgap", "--json"],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DRP_SITE": str(stage.site)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = in_words(json.loads(line))["event"]
            if event["type"] == "progressed" and event["message"].startswith("hashing"):
                other.replace(place)
                break
        process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
        place.write_bytes(kept)
        other.unlink(missing_ok=True)
    record = in_words(json.loads(stage.drp("report", "latest", "--format", "json").stdout))
    assert record["verdict"] == "passed"
    assert record["recoveries"][0]["hash"]["difference"]["manifest_id"] == stage.points["manifest"]


def test_a_finding_survives_a_kill_a_corrected_runbook_and_a_resumption(stage: Rig):
    shipped = Path("runbooks/postgres")
    folder = stage.site / "runbooks" / "ward"
    shutil.copytree(shipped, folder)
    sound = (folder / "restore.yml").read_text()
    slip = "    - name: A slip\n      drp_exec:\n        argv: [/usr/bin/find, /data/files, -name, letter-00001.pdf, -delete]\n"
    (folder / "restore.yml").write_text(sound.rstrip() + "\n" + slip)
    application = APPLICATION.replace("kind: postgres", "kind: ward", 1)
    try:
        with site(stage, application, "on_interrupt: resume\n"):
            drill = _killed_in_verify(stage)
            (folder / "restore.yml").write_text(sound)
            verdict, found, recovery = drilled(stage, "resume", drill)
    finally:
        shutil.rmtree(stage.site / "runbooks")
    assert verdict == "failed"
    assert found["DRP-H002"]["subject"].endswith("letter-00001.pdf")
    assert "runbooks/ward/restore.yml" in found["DRP-X005"]["observed"]
    assert recovery["residue"]["processes"] == 0
    assert not left(stage.site)


def _killed_in_verify(stage: Rig) -> str:
    process = subprocess.Popen(
        [sys.executable, "-m", "drp", "drill", "run", "ehr-airgap", "--json"],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DRP_SITE": str(stage.site)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            entry = in_words(json.loads(line))
            if entry["event"]["type"] == "phase-started" and entry["event"]["phase"] == "verify":
                process.kill()
                assert wait(lambda: not processes_left(stage.site))
                return str(entry["drill"])
    raise AssertionError("it never came to verify")


def test_no_drill_begins_on_a_journal_that_was_rolled_back_and_records_are_read_all_the_same(
    stage: Rig, tmp_path: Path
):
    verdict, _, _ = drilled(stage)
    assert verdict == "passed"
    journal, kept = stage.site / "state" / "journal.sqlite", tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(kept)) as target:
        source.backup(target)
    newest = in_words(json.loads(stage.drp("report", "latest", "--format", "json").stdout))["drill"]
    try:
        _forget_drill(journal, newest)
        refused = stage.drp("drill", "run", "ehr-airgap", check=False)
        assert refused.returncode == 14, refused.stderr
        assert newest in refused.stderr
        assert stage.drp("status", check=False).returncode == 2
        assert newest in stage.drp("doctor", check=False).stdout
        read = stage.drp("report", newest, "--format", "md")
        assert "NOT CHECKED AGAINST THE JOURNAL" in read.stderr
        assert "nothing confirms that this record is the one that was sealed" in read.stdout
    finally:
        for part in journal.parent.glob("journal.sqlite*"):
            part.unlink()
        shutil.copy(kept, journal)
    assert stage.drp("drill", "show", newest).returncode == 0


def _forget_drill(journal: Path, drill: str) -> None:
    """Take the newest drill out of the journal as somebody would who brings an older copy back."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        guards = connection.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"drop trigger {name}")
        (first,) = connection.execute("select min(position) from drp_journal where drill = ?", (drill,)).fetchone()
        connection.execute("delete from drp_journal where position >= ?", (first,))
        (link,) = connection.execute("select link from drp_journal where position = ?", (first - 1,)).fetchone()
        connection.execute("update drp_journal_head set position = ?, link = ?", (first - 1, link))
        for _, sql in guards:
            connection.execute(sql)
        connection.execute("pragma wal_checkpoint(truncate)")
