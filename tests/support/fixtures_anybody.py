"""Runs drp as another user: an environment that anybody may read, whatever the one of this test run is."""

from __future__ import annotations

import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Anybody:
    """A folder that any user may enter, with a Python that has drp."""

    folder: Path
    python: Path

    def drp(
        self, *arguments: str, user: int = 0, cwd: Path | str = "/", before: Sequence[str] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run drp as a user, with nothing of our environment."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return subprocess.run(
            [*before, *become, str(self.python), "-P", "-m", "drp", *arguments],
            cwd=cwd, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def anybody() -> Iterator[Anybody]:
    with tempfile.TemporaryDirectory(prefix="drp-anybody-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", f"{folder}/venv"], check=True)
        (library,) = folder.glob("venv/lib/python*/site-packages")
        (library / "drp.pth").write_text(f"{ROOT}\n{ROOT}/verifiers\n{sysconfig.get_path('purelib')}\n")
        yield Anybody(folder, folder / "venv/bin/python3")
