"""What the programs of drp's own runbooks say by themselves is in the table that makes it words of any language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from drp.domain.runbook_words import KNOWN, PLAIN, WITH_DATA

ROLES = Path(__file__).parents[2] / "runbooks" / "roles"
FILES = sorted(path for role in ("postgres", "mariadb") for path in (ROLES / role / "files").glob("*.py"))
SQL = re.compile(r"json_build_array\(\s*(?:CASE WHEN subenabled THEN )?'([^']*\{[^']*)'")


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in names:
                yield node


def literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*literals(node.body), *literals(node.orelse))


def with_data() -> Iterator[str]:
    for path in FILES:
        for call in calls(path, "said", "_named"):
            yield from literals(call.args[0])
        yield from SQL.findall(path.read_text())


def test_messages_with_data_are_known() -> None:
    known = WITH_DATA.keys() | {message.removeprefix("{database}: ") for message in WITH_DATA}
    found = set(with_data()) - {"{database}: ", "{message}"}
    assert len(found) > 40
    assert found - known == set()


def test_plain_words_are_known() -> None:
    found = {
        text
        for path in FILES
        for call in calls(path, "notice", "add")
        if len(call.args) == 3
        for text in literals(call.args[2])
    }
    assert len(found) > 20
    assert {text for text in found if "{" not in text} - PLAIN.keys() == set()
    assert {text for text in found if "{" in text} - WITH_DATA.keys() == set()


def test_why_a_program_fails_is_known() -> None:
    found = {text for path in FILES for call in calls(path, "Failure", "Limit") for text in literals(call.args[0])}
    assert len(found) > 90
    only_data = {text for text in found if not re.search(r"[a-z]", re.sub(r"\{\w+\}", "", text))}
    assert found - KNOWN.keys() - only_data == set()


def test_a_failure_is_told_as_it_is_written() -> None:
    """An f-string would be a sentence of the moment, which no table knows; what others said is quoted as it is."""
    for path in FILES:
        for call in calls(path, "Failure", "Limit"):
            assert not isinstance(call.args[0], ast.JoinedStr) or path.name in {"pg_timelines.py", "client.py"}, path
