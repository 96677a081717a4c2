"""What a site keeps of a whole drill is nobody's but its owner's and group's, with a umask that closes nothing."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.small_site import ENGINE, SmallSite

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]
OPEN = {
    "drp.prom": "node_exporter reads it as a user of its own; it names applications and no patients",
    "state/run": "users of sandboxes walk through it, and cannot list it",
}


def drp(small: SmallSite, *arguments: str) -> str:
    """Run drp as somebody whose umask closes nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "drp", "--site", str(small.site), *arguments],
        cwd=small.folder,
        umask=0,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def open_to_others(folder: Path, before: set[Path]) -> dict[str, str]:
    """Return what others may read, list, walk through or write of all that was not there before."""
    found = {}
    for place in folder.rglob("*"):
        mode = place.lstat().st_mode
        if place not in before and not stat.S_ISLNK(mode) and mode & 0o007:
            found[str(place.relative_to(folder))] = oct(stat.S_IMODE(mode))
    return found


def test_nothing_that_a_drill_leaves_is_open_to_everybody(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    small = SmallSite(tmp_path).make(application=ENGINE, tree={"routes.json": "[]"})
    before = set(small.site.rglob("*"))
    drp(small, "drill", "run", "quarterly-drill")
    drp(small, "report", "latest", "--format", "html", "--output", str(small.site / "report.html"))
    drp(small, "report", "latest", "--format", "json", "--output", str(small.site / "report.json"))
    drp(small, "metrics", "--textfile", str(small.site / "drp.prom"))
    kept = small.site / "manifests"
    drp(small, "manifest", "create", str(small.folder / "srv/engine"), "--application", "engine", "--into", str(kept))
    made = {each.name for each in small.site.rglob("*") if each not in before}
    assert {"report.html", "report.json", "drp.prom", "state", "evidence", "manifests"} <= made
    found = open_to_others(small.site, before)
    restic = small.site / "state/cache/vault"  # its files are as restic makes them, in a folder that is closed
    assert stat.S_IMODE(restic.stat().st_mode) == 0o700
    found = {name: mode for name, mode in found.items() if not (small.site / name).is_relative_to(restic)}
    assert set(found) <= set(OPEN), found
    assert found["drp.prom"] == "0o644"
    assert found.get("state/run", "0o711") == "0o711"
    assert stat.S_IMODE((small.site / "report.html").stat().st_mode) == 0o640
    assert "owner and group alone" in closed(small)

    record = next(each for each in (small.site / "evidence").rglob("*.json"))
    for place in (small.site / "evidence", record.parent):
        place.chmod(0o751)
    record.chmod(0o444)
    assert f"everybody may read {record}; " in closed(small)
    (small.site / "evidence").chmod(0o755)
    assert f"chmod -R o-rwx {small.site / 'evidence'}" in closed(small)


def closed(small: SmallSite) -> str:
    """Return what doctor says about it, without what else it tries."""
    from drp.cli.doctor_closed import closed_to_others
    from drp.config.site import load_site

    need = closed_to_others(load_site(small.site))
    assert need.met
    return need.detail
