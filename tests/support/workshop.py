"""A copy of the product in which a recipe is carried out: what it touches is counted, what it gives is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("drp", "inventory", "reports", "runbooks", "verifiers", "tests/simulators", "tests/support")
_FILES = ("pyproject.toml", "tests/__init__.py")


class Workshop:
    """The copy. Entry points are those of its own ``pyproject.toml``, as if it had been installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.touched: set[str] = set()
        """Every file that was made or changed, from the product's root."""
        for folder in _COPIED:
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        for file in _FILES:
            shutil.copyfile(ROOT / file, root / file)

    def write(self, path: str, text: str) -> None:
        """Make a file, or write it anew."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")
        self.touched.add(path)

    def edit(self, path: str, *changes: tuple[str, str]) -> None:
        """Put text in place of text that stands there exactly once."""
        text = (self.root / path).read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, (path, before, text.count(before))
            text = text.replace(before, after)
        self.write(path, text)

    def run(self, *words: str) -> str:
        """Run Python there and return what it prints."""
        self._install()
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": f"{self.root}:{self.root / 'verifiers'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.root),
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [sys.executable, *words], cwd=self.root, env=environment, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def drp(self, *words: str) -> str:
        """Run ``drp`` there and return what it prints."""
        return self.run("-m", "drp", *words)

    def _install(self) -> None:
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        groups = {**project["entry-points"], "console_scripts": project["scripts"]}
        said = "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in groups.items()
        )
        home = self.root / f"{project['name']}-0.dist-info"
        home.mkdir(exist_ok=True)
        (home / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n", encoding="utf-8"
        )
        (home / "entry_points.txt").write_text(said, encoding="utf-8")
