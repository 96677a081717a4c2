"""Every page is short, is run as it stands, and shows what is then seen."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.docs import PAGES, ROOT, Told, absent, blocks, follow
from tests.support.scratch import scratch

GENERATED = {"site-reference.md"}
"""Written from the schema, see `test_site_reference`."""
ON_SERVERS = {"databases.md", "several-hosts.md", "worm.md"}
"""Run against servers, see `test_databases` and `test_worm`."""
KINDS = {"sh", "sh elsewhere", "text", "yaml", "json", "ini", "dockerfile"}
LENGTH = 150


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [each for each in PAGES if each.name not in GENERATED | ON_SERVERS], ids=lambda each: each.name
)
def test_a_page_works_as_it_stands(page: Path):
    with scratch("drp-test-page") as folder:
        told = follow(page, folder)
    assert told, "a page without a command proves nothing"
    for each in told:
        assert absent(each) is None, (
            f"{page.name}, block of line {each.block.line} did not print this; it said:\n{each.said}"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda each: each.name)
def test_a_page_is_short_and_its_blocks_are_known(page: Path):
    assert page.name in GENERATED or len(page.read_text().splitlines()) <= LENGTH
    assert {each.kind for each in blocks(page)} <= KINDS


@pytest.mark.parametrize("page", PAGES, ids=lambda each: each.name)
def test_what_only_runs_elsewhere_is_shell_and_calls_commands_that_there_are(page: Path):
    for block in (each for each in blocks(page) if each.kind == "sh elsewhere"):
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
        for words in re.findall(r"\bdrp((?: [a-z]+)+)", block.text):
            done = warm.drp(*words.split()[:2], "--help")
            assert done.returncode == 0, f"{page.name}, line {block.line}: drp{words}\n{done.stderr}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda each: each.name)
def test_links_lead_to_files(page: Path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readme_names_every_page():
    readme = (ROOT / "README.md").read_text()
    assert PAGES
    for page in PAGES:
        assert f"(docs/{page.name})" in readme, page.name


def test_what_a_page_shows_is_looked_for(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("```sh\necho one 17; echo two   words\nfalse # ends with 1\n```\nand\n```text\none 5\ntwo …\n```\n")
    (told,) = follow(page, tmp_path)
    assert absent(told) is None
    assert absent(Told(told.block, told.said, ("two words", "one 17"))) == "one 17"
    assert absent(Told(told.block, told.said, ("one",))) == "one"


@pytest.mark.parametrize("command", ["false", "true # ends with 1", "exit 3 # ends with 1", "false | true"])
def test_a_command_that_ends_otherwise_fails_the_page(tmp_path: Path, command: str):
    page = tmp_path / "page.md"
    page.write_text(f"```sh\n{command}\necho on\n```\n")
    with pytest.raises(AssertionError):
        follow(page, tmp_path)
