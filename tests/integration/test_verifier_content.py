"""files and sqlite on real trees and databases, healthy and damaged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.files import FilesVerifier
from tests.simulators.target import LocalTarget
from tests.support.scratch import scratch

pytestmark = pytest.mark.real


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield an empty folder that the unprivileged user can read (pytest's own is private)."""
    with scratch("drp-test-content") as place:
        yield place


def outcomes(results: dict[str, CheckResult]) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items()}


# --- files -----------------------------------------------------------------------------------------------------------

TEN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.fixture
def tree(folder: Path) -> Path:
    """Return a small document store, every file dated ten o'clock or before."""
    (folder / "a" / "b").mkdir(parents=True)
    contents = {
        "a/report.pdf": b"%PDF-1.7\n",
        "a/b/scan.jpg": b"\xff\xd8\xff\xe0",
        "a/b/image.dcm": b"\0" * 128 + b"DICM",
    }
    for number, (name, content) in enumerate(contents.items()):
        (folder / name).write_bytes(content)
        os.utime(folder / name, (TEN.timestamp() - number, TEN.timestamp() - number))
    (folder / "a" / "current").symlink_to("nowhere")
    return folder


def look(expectation: Expectation, root: Path, **options) -> dict[str, CheckResult]:
    chosen = FilesVerifier.Options(root=str(root), **options)
    return {result.check: result for result in FilesVerifier().read(LocalTarget(), chosen, expectation)}


FULL = {
    "files_at_least": 3,
    "bytes_at_least": 145,
    "must_exist": ("a/report.pdf", "a/b", "a/current"),
    "no_empty_files": True,
    "magic": True,
    "newest": True,
}


def test_a_healthy_tree_passes_every_statement(expectation, tree):
    results = look(expectation, tree, **FULL)
    assert set(outcomes(results).values()) == {"passed"}
    assert len(results) == 5
    assert results["newest"].watermark is not None
    assert results["newest"].watermark.at == TEN
    assert results["tree"].observed == "3 files, 145 bytes"


def remove(tree: Path) -> None:
    (tree / "a" / "report.pdf").unlink()


def empty(tree: Path) -> None:
    (tree / "a" / "report.pdf").write_bytes(b"")


def encrypt(tree: Path) -> None:
    (tree / "a" / "report.pdf").write_bytes(b"\x93\x1c\xee\x02\xaa")


def remove_all(tree: Path) -> None:
    shutil.rmtree(tree / "a")


@pytest.mark.parametrize(
    ("damage", "failing", "named"),
    [
        (remove, {"tree", "must-exist"}, "a/report.pdf"),
        (empty, {"tree", "empty"}, "a/report.pdf"),
        (encrypt, {"tree", "mismatched"}, "a/report.pdf"),
        (remove_all, {"tree", "must-exist", "newest"}, "a/b"),
    ],
)
def test_damage_to_a_tree_is_named(expectation, tree, damage, failing, named):
    damage(tree)
    results = look(expectation, tree, **{**FULL, "newest": damage is remove_all})
    assert {name for name, outcome in outcomes(results).items() if outcome == "failed"} == failing
    assert any(named in results[name].observed for name in failing)


def test_an_empty_or_missing_root_fails_without_any_option(expectation, folder):
    assert outcomes(look(expectation, folder)) == {"tree": "failed"}
    assert look(expectation, folder / "gone")["tree"].observed == "no such folder"
    assert outcomes(look(expectation, folder, files_at_least=0)) == {"tree": "failed"}


def test_a_file_written_after_the_disaster_gives_no_watermark(expectation, tree):
    """As when a restore does not keep modification times."""
    (tree / "a" / "report.pdf").touch()
    result = look(expectation, tree, newest=True)["newest"]
    assert (result.outcome, result.watermark) == ("undetermined", None)


def test_what_cannot_be_read_is_undetermined_and_named(expectation, tree):
    (tree / "a" / "b").chmod(0o700)
    results = look(expectation, tree)
    assert results["readable"].outcome == "undetermined"
    assert "a/b" in results["readable"].observed


def test_links_are_not_followed_and_names_are_only_shown(expectation, tree):
    (tree / "out").symlink_to("/usr")
    (tree / "loop").symlink_to(".")
    raw = os.fsencode(tree) + b"/\xff\x1b[2J\n.pdf"
    Path(os.fsdecode(raw)).write_bytes(b"no pdf")
    os.mkfifo(tree / "pipe.pdf")
    results = look(expectation, tree, magic=True)
    assert results["tree"].observed == "4 files, 151 bytes"
    assert results["mismatched"].observed == "1: \\xff\\u001b[2J\\u000a.pdf"


def test_a_heartbeat_file_dates_the_tree_as_a_canary(expectation, tree):
    (tree / "drp-canary").write_text("2026-11-20T10:30:00.000000+00:00\n")
    result = look(expectation, tree, canary="drp-canary")["canary"]
    assert result.watermark is not None
    assert (result.watermark.at, result.watermark.canary) == (TEN.replace(minute=30), True)
    assert look(expectation, tree, canary="a/absent")["canary"].outcome == "failed"
    for said, outcome in (("2036-11-20T10:30:00+00:00", "undetermined"), ("yesterday", "undetermined"), ("", "failed")):
        (tree / "drp-canary").write_text(said)
        assert look(expectation, tree, canary="drp-canary")["canary"].outcome == outcome


def test_a_heartbeat_behind_a_link_or_a_pipe_is_none(expectation, tree):
    (tree / "real").write_text("2026-11-20T10:30:00+00:00\n")
    (tree / "link").symlink_to("real")
    os.mkfifo(tree / "pipe")
    for name in ("link", "pipe", "a"):
        assert look(expectation, tree, canary=name)["canary"].outcome == "failed"


def test_an_absurd_modification_time_is_no_watermark(expectation, tree):
    os.utime(tree / "a" / "report.pdf", ns=(0, 2**62))
    assert look(expectation, tree, newest=True)["newest"].outcome == "undetermined"
