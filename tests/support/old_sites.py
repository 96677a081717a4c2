"""Sites of drp 0.1 as they were left: `tests/fixtures/old` says how they were made. Laid out anew for each test."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

OLD = Path(__file__).parents[1] / "fixtures" / "old"
VERDICTS = ["passed", "passed", "failed", "aborted"]
"""Of the sealed drills of each site; a fifth was cut off."""


def lay(name: str, directory: Path) -> Path:
    """Lay a site of then out, and return its directory."""
    site = directory / "site"
    shutil.copytree(OLD / name, site)
    state = site / "state"
    for packed in state.glob("*.gz"):
        (state / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    (site / "secrets").mkdir(mode=0o700)
    (site / "secrets" / "password").touch(mode=0o600)
    return site
