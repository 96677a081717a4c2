"""A drill is begun where there is room for it: else nothing is declared, unless somebody says why, and that is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.many_site import ManySite
from tests.support.scratch import scratch
from tests.support.waiting import eventually
from tests.support.words import in_words

pytestmark = pytest.mark.real
LITTLE = 320 << 20
"""Enough for drp, and not for what a recovery takes."""
REASON = "the last host that is left"


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    """Return a site of two small applications."""
    with scratch("drp-room") as folder:
        yield ManySite(folder).make(2, files=2, file_bytes=1000).site


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """Return a control group whose processes have little memory together, of whichever version."""
    root, name = Path("/sys/fs/cgroup"), f"drp-test-room-{os.getpid()}"
    group = root / "memory" / name if (root / "memory").is_dir() else root / name
    limit = group / ("memory.limit_in_bytes" if (root / "memory").is_dir() else "memory.max")
    group.mkdir()
    try:
        limit.write_text(str(LITTLE))
        yield group
    finally:
        group.rmdir()


def drp(site: Path, *arguments: str, group: Path | None = None) -> subprocess.CompletedProcess[str]:
    def enter() -> None:
        if group is not None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    environment = {"PATH": os.environ["PATH"], "DRP_SITE": str(site), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, "-m", "drp", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env=environment, preexec_fn=enter, timeout=300,
    )  # fmt: skip


def held(site: Path) -> int:
    return len(in_words(json.loads(drp(site, "drill", "list", "--json").stdout))["items"])


def test_in_a_container_without_memory_nothing_is_declared(site: Path, little_memory: Path) -> None:
    shown = in_words(json.loads(drp(site, "drill", "plan", "all", "--json", group=little_memory).stdout))["room"]
    assert (shown["state"], shown["reasons"][0]["code"]) == ("blocked", "memory-lacking")
    assert 0 <= shown["memory_bytes"] < LITTLE, "less what others on this host were promised"
    before = held(site)
    refused = drp(site, "drill", "run", "all", group=little_memory)
    assert refused.returncode == 11, refused.stderr
    assert "it takes at least 537 MB of memory" in refused.stderr
    assert "--despite REASON" in refused.stderr
    assert held(site) == before
    assert drp(site, "drill", "plan", "all").stdout.splitlines()[-1].startswith("room: admissible; ")


def test_volumes_that_fit_alone_and_not_together_are_refused_as_no_space(site: Path) -> None:
    profiles = site / "inventory/sandboxes.yml"
    before, there = profiles.read_text(), os.statvfs(site)
    quota = there.f_bavail * there.f_frsize * 2 // 3
    profiles.write_text(f"version: 1\nsandboxes: {{default: {{data_bytes: {quota}, data_backing: disk}}}}\n")
    try:
        refused = drp(site, "drill", "run", "all")
        assert refused.returncode == 15, refused.stderr
        assert "its volumes take" in refused.stderr
        alone = in_words(json.loads(drp(site, "drill", "plan", "all", "--json").stdout))
        assert [each["code"] for each in alone["room"]["reasons"] if each["weight"] == "blocked"] == ["volume-space"]
    finally:
        profiles.write_text(before)


def test_why_a_drill_was_begun_all_the_same_is_in_its_record(site: Path) -> None:
    done = drp(site, "drill", "run", "--app", "app-000", "--despite", REASON)
    assert done.returncode in {0, 3}, done.stderr
    record = in_words(json.loads(drp(site, "report", "latest", "--format", "json").stdout))
    assert record["admitted"]["despite"] == REASON
    assert record["admitted"]["needs"]["memory_least_bytes"] == 512 << 20
    assert drp(site, "journal", "verify").returncode == 0


def test_what_the_site_allows_is_shared_and_recorded(site: Path) -> None:
    settings = site / "drp.yml"
    before = settings.read_text()
    settings.write_text(before + "limits: {download: 1MiB/s}\n")
    try:
        planned = in_words(json.loads(drp(site, "drill", "plan", "all", "--json").stdout))
        assert [each["bytes_per_second"] for wave in planned["waves"] for each in wave] == [512 << 10] * 2
        assert drp(site, "drill", "plan", "all").stdout.count("reads at most 524 kB/s") == 2
        done = drp(site, "drill", "run", "all", "--app", "app-000")
        assert done.returncode == 0, done.stderr
    finally:
        settings.write_text(before)
    (recovery,) = in_words(json.loads(drp(site, "report", "latest", "--format", "json").stdout))["recoveries"]
    assert recovery["restore"]["bytes_per_second"] == 1 << 20
    assert 0 < recovery["measurement"]["capped_ms"] <= recovery["measurement"]["rta_ms"]
    assert "restoring with its speed capped" in drp(site, "drill", "show", "latest").stdout
    report = drp(site, "report", "latest", "--format", "html")
    assert "the site let it read" in " ".join(report.stdout.split()), report.stderr


def holders(site: Path) -> list[str]:
    """Return the workers of the site that hold a promise: their open files in a ledger."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode("utf-8", "replace")
            files = [os.readlink(each) for each in (process / "fd").iterdir()]
        except OSError:
            continue
        if "drp.service.worker" in line and str(site) in line and any("ledger" in file for file in files):
            found.append(process.name)
    return found


def test_a_kept_sandbox_keeps_what_it_was_promised(site: Path) -> None:
    done = drp(site, "drill", "run", "all", "--app", "app-000", "--keep-sandbox")
    assert done.returncode == 0, done.stderr
    assert holders(site)
    assert in_words(json.loads(drp(site, "drill", "plan", "all", "--json").stdout))["room"]["drills_at_work"] >= 1
    assert drp(site, "drill", "clean").returncode == 0
    assert not eventually_none(site)


def eventually_none(site: Path) -> list[str]:
    """Return who still holds a promise of the site once its keeper has had time to end."""
    eventually(lambda: not holders(site))
    return holders(site)
