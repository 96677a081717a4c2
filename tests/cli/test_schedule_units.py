"""`drp schedule install`: units that systemd takes, and that leave room for sandboxes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from drp.errors import UsageError
from drp.schedule.units import Installation, timer_units, worker_unit
from tests.support import warm
from tests.support.sites import write_site

IMPLY_NO_NEW_PRIVILEGES = (
    "NoNewPrivileges", "SystemCallFilter", "SystemCallArchitectures", "RestrictAddressFamilies", "RestrictNamespaces",
    "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectClock",
    "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "ProtectHostname",
)  # fmt: skip
"""systemd.exec(5): each of these keeps setuid programs, and so newuidmap, from doing what they are for."""


def units(site: Path, *options: str) -> dict[str, str]:
    done = warm.drp(
        "schedule", "install", "--user", "daemon", *options, "--json",
        environment={**warm.ENVIRONMENT, "DRP_SITE": str(site)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {unit["name"]: unit["text"] for unit in json.loads(done.stdout)["items"]}


@pytest.mark.real
@pytest.mark.parametrize("options", [(), ("--timer",)], ids=["worker", "timer"])
def test_systemd_takes_them_without_a_word(tmp_path: Path, options: tuple[str, ...]) -> None:
    verifier = shutil.which("systemd-analyze")
    assert verifier, "install Debian's systemd: tests/setup/system.sh does"
    site = write_site(tmp_path / "site")
    written = units(site, *options)
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [verifier, "verify", "--recursive-errors=no", *(str(tmp_path / name) for name in written)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if str(tmp_path) in line], done.stderr
    broken = tmp_path / "broken.service"
    broken.write_text(next(iter(written.values())).replace("[Service]", "[Service]\nExecStart=nonsense"))
    assert subprocess.run([verifier, "verify", str(broken)], capture_output=True, check=False).returncode != 0


def test_units_name_the_site_and_leave_sandboxes_what_they_need(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    both = {**units(site), **units(site, "--timer")}
    assert set(both) == {"drp-worker.service", "drp-schedule.service", "drp-schedule.timer"}
    for name in ("drp-worker.service", "drp-schedule.service"):
        lines = both[name].splitlines()
        assert f"Environment=DRP_SITE={site}" in lines
        assert f"ReadWritePaths=-{site}/state" in lines
        assert {"User=daemon", "ProtectSystem=strict", "Delegate=yes"} <= set(lines)
        assert not [line for line in lines if line.startswith(IMPLY_NO_NEW_PRIVILEGES)]


def test_people_are_told_what_to_do_with_them_and_root_gets_none(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    environment = {**warm.ENVIRONMENT, "DRP_SITE": str(site)}
    done = warm.drp("schedule", "install", "--user", "drp", "--timer", environment=environment)
    assert "# /etc/systemd/system/drp-schedule.timer" in done.stdout
    assert "systemctl enable --now drp-schedule.timer" in done.stderr
    assert warm.drp("schedule", "install", "--user", "root", environment=environment).returncode == 2


@pytest.mark.parametrize("path", ["/srv/a site", "/srv/%h", "/srv/a;b", "/srv/$x", "/srv/hôpital", "/srv/a\nb"])
def test_a_path_that_a_unit_would_read_otherwise_is_refused(path: str) -> None:
    place = Installation(program=Path("/usr/bin/drp"), site=Path(path), account="drp", writable=())
    for make in (worker_unit, timer_units):
        with pytest.raises(UsageError):
            make(place)
