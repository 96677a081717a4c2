"""Fixtures around the hospital: one for the whole run, healthy at all times; tests damage copies and backups of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hospital.hospital import Hospital
from tests.hospital.install import install, installed
from tests.hospital.rig import HospitalRig
from tests.support.scratch import roomy, scratch

LOSSES: list[tuple[str, ...]] = []
"""Backup kind, acknowledged writes, lost writes, reach of the loss."""
DAMAGES: list[tuple[str, ...]] = []
"""Damage, checks that failed."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what each kind of backup lost and which checks caught which damage, where such tests ran."""
    tables = {
        "lost, against the log of acknowledged writes": (("backup", "acknowledged", "lost", "reaches back"), LOSSES),
        "damage of restored clinical applications": (("damage", "failed checks"), DAMAGES),
    }
    for title, (head, rows) in tables.items():
        if rows:
            terminalreporter.section(title)
            widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
            for row in (head, *rows):
                terminalreporter.write_line("  ".join(map(str.ljust, row, widths)).rstrip())


@pytest.fixture(scope="session")
def hospital_folder() -> Iterator[Path]:
    """A folder in memory if there is room, or below /var/tmp, for software of the hospital, which is there.

    pytest's own are closed to other users, and the databases do not run as root.
    """
    if not installed():
        install()
    with scratch("drp-hospital", roomy(4 << 30)) as folder:
        yield folder


@pytest.fixture(scope="session")
def hospital(hospital_folder: Path) -> Iterator[Hospital]:
    """Four patients; a WAL segment is archived only when it is full or closed by hand."""
    with Hospital(hospital_folder / "production", archive_timeout=0) as built:
        built.seed(4)
        yield built


@pytest.fixture(scope="session")
def lost_hospital(hospital_folder: Path) -> Iterator[HospitalRig]:
    """A hospital after its disaster, with every kind of backup in its repositories and a site that drills them.

    ``DRP_HOSPITAL_STAGE`` names a folder that keeps it from one run of the tests to the next.
    """
    folder = Path(os.environ.get("DRP_HOSPITAL_STAGE", hospital_folder / "stage"))
    with HospitalRig(folder, every_kind=True) as rig:
        yield rig
