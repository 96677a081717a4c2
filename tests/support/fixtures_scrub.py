"""A site whose one repository is scrubbed: restic made it, and each test has a copy to ruin."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from drp.config.site import load_site
from drp.domain.worm.scrub import Scrub
from drp.service.wiring import Wiring
from drp.service.worm.scrubbing import Wish, scrub_repository
from tests.support.restic_tools import PASSWORD, Restic, executable, make_tree

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
def made_by_restic(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def scrubbed(made_by_restic: Path, tmp_path: Path) -> Vault:
    shutil.copytree(made_by_restic, tmp_path / "vault")
    return Vault(tmp_path, "{directory: ../vault}")


def codes(scrub: Scrub) -> list[str]:
    return [finding.code for finding in scrub.findings]


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
