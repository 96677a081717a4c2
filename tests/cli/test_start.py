"""What a verb loads before it answers: held here by name, because time on a busy machine proves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drp.config.template import lay_site
from drp.hashing.tree import create_manifest

TELL = """
import json, os, sys
from drp.__main__ import run
out, sys.stdout = sys.stdout, open(os.devnull, "w")
run(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=out)
"""
FIRST = """
import json, sys
from drp.__main__ import run
said, err = [], sys.stderr
class Listener:
    def write(self, text):
        said.append([text, sorted(sys.modules)])
    def __getattr__(self, name):
        return getattr(err, name)
sys.stderr = Listener()
run(sys.argv[1:])
print(json.dumps(said[0]))
"""
COMMAND_LINE = {"typer", "shellingham", "annotated_doc"}
HASHING = {"blake3", "zstandard", "drp_hash_native"}
SITE = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "yaml", "cronsim"}
LATE = {
    "asyncio",
    "ctypes",
    "email",
    "http",
    "importlib.metadata",
    "logging",
    "multiprocessing",
    "sqlite3",
    "ssl",
    "xml",
}
"""Of the standard library: what takes long, and comes when it is needed."""
OF_PYDANTIC = {"email", "importlib.metadata"}
OTHERS = {"_distutils_hack", "_yaml", "cython_runtime", "a1_coverage", "coverage"}
"""Helpers of the packages, and of whoever runs the tests."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the example site that nobody ever drilled, a tree, and its manifest."""
    place = tmp_path_factory.mktemp("start")
    lay_site(place / "site")
    (place / "tree").mkdir()
    (place / "tree/file").write_text("content")
    create_manifest(place / "tree", place / "tree.drpm", application="ehr", workers=1)
    return place


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", TELL, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    """Return the top-level packages that are neither the standard library's nor ours."""
    tops = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"drp", "drp_verifiers", "__main__"}
    return {top for top in tops - OTHERS if not top.startswith(("_cython", "__editable__", "_sysconfigdata"))}


def rooms(modules: set[str]) -> set[str]:
    return {name.split(".")[1] for name in modules if name.startswith("drp.") and name != "drp.__main__"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("manifest", "--help"),
        ("manifest", "verify", "--help"),
        ("drill", "run", "--help"),
        ("canary", "--help"),
    ],
)
def test_help_loads_what_reads_the_command_line_and_nothing_else(arguments):
    modules = loaded(*arguments)
    assert packages(modules) <= COMMAND_LINE
    assert rooms(modules) <= {"cli", "errors", "domain"}
    assert not modules & LATE


def test_verifying_a_file_loads_what_hashes_and_nothing_of_a_site(place):
    modules = loaded("manifest", "verify", str(place / "tree"), "--manifest", str(place / "tree.drpm"))
    assert packages(modules) <= COMMAND_LINE | HASHING
    assert rooms(modules) == {"cli", "domain", "errors", "hashing", "manifests", "service"}
    assert {name for name in modules if name.startswith("drp.service.")} == {"drp.service.cancellation"}
    assert {name for name in modules if name.startswith("drp.domain.")} == {
        "drp.domain.duration",
        "drp.domain.manifest",
        "drp.domain.phrase",
        "drp.domain.phrase_form",
        "drp.domain.sample",
        "drp.domain.strict_json",
        "drp.domain.terms",
        "drp.domain.visible",
    }
    assert not modules & LATE


@pytest.mark.parametrize("arguments", [("repo", "list"), ("config", "check"), ("status",), ("app", "list")])
def test_verbs_that_read_a_site_load_neither_database_nor_s3_nor_processes(place, arguments):
    modules = loaded("--site", str(place / "site"), *arguments)
    assert packages(modules) <= COMMAND_LINE | SITE
    assert not rooms(modules) & {"journal", "runbooks", "hashing", "manifests", "engine", "canaries"}
    assert not [name for name in modules if name.startswith("drp.sandboxes.") and name != "drp.sandboxes.reaped"]
    if arguments[0] in {"app", "config"}:
        assert not rooms(modules) & {"service", "evidence", "drill"}
    assert not modules & (LATE - OF_PYDANTIC - {"logging", "ctypes"})


@pytest.mark.parametrize("tongue", ["en", "fr"])
def test_a_drill_says_something_before_what_it_needs_is_loaded(place, tongue):
    """What is loaded then takes a tenth of a second; all that a drill needs takes more than half of one."""
    arguments = ["--lang", tongue, "--site", str(place / "site"), "drill", "run", "no-such-drill"]
    done = subprocess.run(
        [sys.executable, "-c", FIRST, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    text, modules = json.loads(done.stdout.splitlines()[-1])
    assert text.startswith("drp")
    assert text.rstrip().endswith("…")
    assert packages(set(modules)) <= COMMAND_LINE
    assert rooms(set(modules)) <= {"cli", "errors", "domain", "share"}
    assert not set(modules) & LATE
