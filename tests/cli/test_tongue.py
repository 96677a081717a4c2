"""The language of the terminal: who decides it, that help and completion are whole in it, and what it costs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from babel.messages.pofile import read_po
from typer.testing import CliRunner

from drp.cli.catalogue import translations
from drp.cli.main import app
from drp.cli.tongue import ENGLISH, Chosen, choose, speak, told
from drp.share import catalogue, languages
from tests.cli.test_start import COMMAND_LINE, LATE, loaded, packages, rooms
from tests.support.help_texts import commands, help_texts


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Chosen(ENGLISH))


def drp(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drp", *arguments], cwd="/", env={"PATH": "/usr/bin:/bin", "LC_CTYPE": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "environment", "chosen"),
    [
        ([], {}, Chosen("en")),
        ([], {"LANG": "fr_FR.UTF-8"}, Chosen("fr")),
        ([], {"LANG": "fr"}, Chosen("fr")),
        ([], {"LANG": "fr_CA@euro"}, Chosen("fr")),
        ([], {"LANG": "fr_FR.UTF-8", "LC_ALL": "C.UTF-8"}, Chosen("en")),
        ([], {"LANG": "fr_FR.UTF-8", "LC_ALL": ""}, Chosen("fr")),
        ([], {"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_FR.UTF-8"}, Chosen("fr")),
        ([], {"LANG": "C", "LANGUAGE": "fr"}, Chosen("en")),
        ([], {"LANG": "de_DE.UTF-8", "LANGUAGE": "de:fr:en"}, Chosen("fr")),
        ([], {"LANG": "de_DE.UTF-8"}, Chosen("en", missing="de_DE.UTF-8")),
        ([], {"LANG": "/etc/passwd"}, Chosen("en", missing="/etc/passwd")),
        ([], {"LANG": "../../etc"}, Chosen("en")),
        (["--lang", "fr", "status"], {"LANG": "de_DE.UTF-8"}, Chosen("fr", said=True)),
        (["--lang=fr"], {}, Chosen("fr", said=True)),
        (["--lang", "en"], {"LANG": "fr_FR.UTF-8"}, Chosen("en", said=True)),
        (["-q", "--site", "--lang", "--lang", "fr"], {}, Chosen("fr", said=True)),
        (["--site", "--lang", "fr"], {}, Chosen("en")),
        (["report", "latest", "--lang", "fr"], {}, Chosen("en")),
        (["--lang"], {}, Chosen("en")),
        (["--lang", "xx"], {"LANG": "fr_FR.UTF-8"}, Chosen("fr")),
        ([], {"_DRP_COMPLETE": "complete_bash", "COMP_WORDS": "drp --lang fr dr"}, Chosen("fr", said=True)),
    ],
)
def test_the_command_line_decides_and_else_the_locale(arguments, environment, chosen):
    assert choose(arguments, environment) == chosen


@pytest.mark.parametrize("tag", languages())
def test_a_catalogue_is_read_as_babel_reads_it(tag):
    with catalogue(tag).open("rb") as stream:
        known = read_po(stream, abort_invalid=True)
    singular = {each.id: each.string for each in known if each.id and isinstance(each.id, str) and each.string}
    assert translations(tag) == singular


def test_a_fuzzy_translation_is_none(tmp_path, monkeypatch):
    entries = '#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c \\"d\\" \\\\"\nmsgstr ""\n"e \\"f\\""\n" \\n"\n'
    (tmp_path / "x.po").write_text(f'msgid ""\nmsgstr ""\n"Language: x\\n"\n\n{entries}')
    monkeypatch.setattr("drp.cli.catalogue.catalogue", lambda _: tmp_path / "x.po")
    assert translations.__wrapped__("x") == {'c "d" \\': 'e "f" \n'}


FRENCH_TOO = {
    "[OPTIONS]",
    "`schema.table`.",
    "code",
    "application",
    "A",
    "B",
    "site, application, drill, repositories, sandboxes, …",
}
"""What reads the same in both."""


def test_every_text_of_help_has_its_french_words():
    speak(Chosen("fr"))
    untold = {
        text for text, _ in list(help_texts()) if text not in FRENCH_TOO and translations("fr").get(text, text) == text
    }
    assert not untold


def test_no_help_page_has_a_line_of_the_english_one_or_is_too_wide():
    """Every page, by what it shows: no English word that only English has."""
    english = re.compile(r"\b(the|of|and|with|which|this|that|is|are|default|required|commands|exit|file|or)\b")
    quoted = re.compile(r"`[^`]*`|--?[\w-]+|<[^>]*>|\[1<=.*?\]|\S*/\S*|\S*_\S*")
    for words, _ in commands():
        done = _page([*words, "--help"])
        shown = [quoted.sub("", line) for line in done.splitlines()]
        assert not [line for line in shown if english.search(line)], words
        assert max(map(len, done.splitlines())) <= 80


def _page(arguments: list[str]) -> str:
    speak(Chosen("fr"))
    return CliRunner().invoke(app, arguments, prog_name="drp", terminal_width=80).output


def test_a_locale_without_words_is_said_once_to_people_alone():
    done = drp("explain", "DRP-E002", LANG="de_DE.UTF-8")
    assert (done.returncode, done.stderr.count("de_DE.UTF-8")) == (0, 1)
    assert done.stdout == drp("explain", "DRP-E002").stdout
    for quiet in (("--quiet", "explain", "DRP-E002"), ("explain", "DRP-E002", "--json")):
        assert drp(*quiet, LANG="de_DE.UTF-8").stderr == ""
    assert drp("explain", "DRP-E002", LANG="\x1b[31m_evil").stderr.count("\x1b") == 0


def test_a_language_that_is_not_there_is_refused_where_it_is_said():
    done = drp("--lang", "xx", "explain")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'xx'" in done.stderr
    assert "en, fr" in done.stderr


def test_completion_speaks_the_readers_language():
    asked = {"_DRP_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "drp dr"}
    assert "exercices" in drp(**asked, LC_ALL="fr_FR.UTF-8").stdout
    assert "drills" in drp(**asked, LC_ALL="C.UTF-8").stdout


def test_french_help_loads_the_catalogue_and_nothing_else():
    modules = loaded("--lang", "fr", "drill", "run", "--help")
    assert packages(modules) <= COMMAND_LINE
    assert rooms(modules) <= {"cli", "errors", "domain", "share"}
    assert not modules & LATE


def test_paragraphs_are_told_one_by_one():
    speak(Chosen("fr"))
    assert told("The manifest.\n\nThe\n  proof.\n\nnot known") == "Le manifeste.\n\nLa preuve.\n\nnot known"
