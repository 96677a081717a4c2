"""The shape of the house: sizes, docstrings, forbidden words and habits."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
PYTHON = [ROOT / name for name in TRACKED if name.endswith(".py") and (ROOT / name).is_file()]
PRODUCT = [path for path in PYTHON if path.is_relative_to(ROOT / "drp") or path.is_relative_to(ROOT / "verifiers")]
MAX_LINES, MEDIAN_LINES, MAX_FUNCTION_LINES = 300, 120, 50


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_longer_than_300_lines(path: Path):
    assert lines_of(path) <= MAX_LINES


def test_the_median_module_is_short():
    assert statistics.median(lines_of(path) for path in PRODUCT) <= MEDIAN_LINES


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are_and_functions_are_short(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring, "a module says what it is and is not"
    if path.name != "errors.py":  # draws the tree of exceptions
        assert len(docstring.splitlines()) <= 20
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body  # a contract may be as long as it needs
            length = (node.body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert length <= MAX_FUNCTION_LINES, f"{node.name} is too long"


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_hides_or_stubs(path: Path):
    text = path.read_text(encoding="utf-8")
    for pattern in (r"\bTODO\b", r"\bFIXME\b", r"NotImplementedError", r"TYPE_CHECKING", r"^\s*print\("):
        if path.is_relative_to(ROOT / "drp/sandboxes/payload") or "payload" in path.parts:
            continue
        assert not re.search(pattern, text, re.MULTILINE), pattern


def test_the_domain_imports_the_standard_library_only():
    import sys

    for path in (ROOT / "drp/domain").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names | {"drp"}, f"{path.name} imports {name}"
                assert not name.startswith("drp.") or name.startswith(("drp.domain", "drp.errors"))


def test_no_index_host_nor_machine_path_is_tracked():
    hosts = re.compile(rb"(pypi|pythonhosted|npmjs|debian)\.(org|com)|/wor[k]/|/roo[t]/")
    for name in TRACKED:
        path = ROOT / name
        if name and path.is_file() and path.suffix not in {".png", ".po"}:
            found = hosts.search(path.read_bytes())
            assert found is None, f"{name}: {found.group(0)!r}"


def test_there_is_no_lock_file_with_addresses():
    assert not [name for name in TRACKED if Path(name).name in {"uv.lock", "package-lock.json", "poetry.lock"}]
    for number, text in enumerate((ROOT / "requirements.lock").read_text().splitlines(), start=1):
        assert "://" not in text, f"requirements.lock:{number}"


def calls_of(path: Path) -> set[str]:
    """Return the names of all that a module calls, such as ``signal.signal`` or ``journal.append``."""
    found = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return {ast.unparse(node.func).rpartition("self.")[2].lstrip("_") for node in found}


@pytest.mark.parametrize("path", sorted((ROOT / "drp" / "service").glob("*.py")), ids=lambda path: path.name)
def test_the_service_prints_nothing_and_handles_no_signal(path: Path):
    calls = calls_of(path)
    assert not calls & {"print", "signal.signal", "signal.set_wakeup_fd", "input"}
    if path.name != "worker.py":  # a process of its own, whose standard error its supervisor reads
        assert not {call for call in calls if call.startswith(("sys.stdout", "sys.stderr"))}


def test_nothing_but_the_drill_appends_to_a_journal():
    elsewhere = [path for path in PRODUCT if not path.is_relative_to(ROOT / "drp" / "drill")]
    found = {
        str(path.relative_to(ROOT))
        for path in elsewhere
        if any(call.rpartition(".")[0].endswith("journal") and call.endswith(".append") for call in calls_of(path))
    }
    assert found == {"drp/service/worker.py"}, "it hands on what the drill appends, and tells who watches"
