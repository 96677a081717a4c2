"""Facts instead of sentences: what is said has its values and its code, and nothing reads a sentence back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from tests.support.said import ROOT, codes_in, name_of, sources

CALLS = {"say": 1, "fact": 2, "count": 2, "counted": 3}
"""Where the values begin, but for the number of the last two."""
JOURNALLED = {"observed", "expected", "statement", "why"}
FILES = tuple(sources())


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield name_of(node.func), node


def asked(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_every_message_asks_for_the_values_that_it_is_given(path: Path) -> None:
    for name, call in calls(path):
        if name not in CALLS or not call.args or path.name == "phrase.py":
            continue
        first = CALLS[name] - 1 if name != "count" else 0
        first = 1 if name == "counted" else first
        forms = [
            each.value
            for each in call.args[first : first + 1 + (name in {"count", "counted"})]
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        if not forms or any(keyword.arg is None for keyword in call.keywords):
            continue
        given = {str(keyword.arg) for keyword in call.keywords} | ({"n"} if name in {"count", "counted"} else set())
        wanted = set().union(*map(asked, forms))
        assert wanted <= given, f"{named(path)}:{call.lineno}: {forms} asks for {wanted - given}"
        assert given - {"n"} <= wanted, f"{named(path)}:{call.lineno}: {forms} does not say {given - wanted}"


def test_a_code_says_one_thing() -> None:
    said: dict[str, tuple[str, str]] = {}
    for path in FILES:
        for code, message in codes_in(path):
            before = said.setdefault(code, (message, named(path)))
            assert before[0] == message, f"{code}: {before} and {named(path)} say different things"
    assert len(said) > 300


@pytest.mark.parametrize("path", FILES, ids=named)
def test_what_is_concluded_is_no_sentence_of_the_moment(path: Path) -> None:
    """An f-string with words, or words added to words, is English for ever."""
    for _, call in calls(path):
        for keyword in call.keywords:
            if keyword.arg in JOURNALLED:
                for node in ast.walk(keyword.value):
                    if isinstance(node, ast.JoinedStr):
                        words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                        assert not any(len(word) > 2 and word.isalpha() for word in words.split()), (
                            f"{named(path)}:{node.lineno}: {words!r}: say it with drp.domain.phrase.fact"
                        )


def test_no_report_reads_a_sentence_back() -> None:
    """The patterns of the reports: code in backticks, and what Markdown takes for more than text."""
    found = {
        named(path)
        for path in sorted((ROOT / "drp" / "reporting").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import) and any(alias.name == "re" for alias in node.names)
    }
    assert found <= {"drp/reporting/html.py", "drp/reporting/markdown.py"}
