"""What the code says: the messages of every call of `drp.domain.phrase`, and of errors and lines that have no values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from drp.errors import walk

ROOT = Path(__file__).resolve().parents[2]
_ELSEWHERE = ("payload", "native", "standalone", "__pycache__")
"""Folders of programs that run without drp, or inside sandboxes: they say codes and data, or English alone."""
_FIRST = {
    "_": 0,
    "gettext": 0,
    "say": 0,
    "fact": 1,
    "_n": 0,
    "ngettext": 0,
    "count": 0,
    "counted": 1,
    "several": 1,
    "joined": 1,
    "worded": 1,
}
"""Where the message stands among the arguments."""
_TWO = {"_n", "ngettext", "count", "counted"}
_SAYING = {"line", "note", "labelled", "spoken_line"}
"""What shows a text on the terminal."""
_HEADINGS = {"headings", "_HEADINGS"}
_LITERAL = {"help"}
_ERRORS = {error.__name__ for error in walk()} | {"ValueError", "Malformed", "BadParameter"}
_PLACE = re.compile(r"\{\w+\}")
_WORD = re.compile(r"[A-Za-z]")
"""A message of placeholders and signs alone is the same in every language."""


def sources() -> Iterator[Path]:
    """Yield every file of the product that says something to people."""
    for folder in ("drp", "verifiers/drp_verifiers"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not set(path.parts) & set(_ELSEWHERE):
                yield path


def said_in(path: Path) -> Iterator[str | tuple[str, str]]:
    """Yield the messages of one file, also of constants and variables that errors and hints are given by name."""
    tree = ast.parse(path.read_text())
    named = {"message", "hint"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
            named |= {each.id for each in _told_by(node) if isinstance(each, ast.Name)}
            yield from _literals(_told_by(node))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from _literals(node.exc.args[:1])
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        if name_of(node.targets[0]) in _HEADINGS and isinstance(node.value, ast.Tuple):
            yield from _literals(node.value.elts)
        if {name_of(each) for each in node.targets} & named:
            yield from _literals([node.value])


def _told_by(node: ast.Call) -> list[ast.expr]:
    """Return what an error of drp, or a hint, is made of."""
    told = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
    return told + (node.args[:1] if name_of(node.func) in _ERRORS else [])


def codes_in(path: Path) -> Iterator[tuple[str, str]]:
    """Yield code and message of every fact of one file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and name_of(node.func) in {"fact", "counted"}:
            texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
            if len(texts) == 2:
                yield str(texts[0]), str(texts[1])


def task_names(path: Path) -> Iterator[str]:
    """Yield the names of the tasks and handlers of a playbook or a role."""
    for name in re.findall(r"^ *- name: (.+)$", path.read_text(), re.MULTILINE):
        plain = str(yaml.safe_load(name))
        if "{{" not in plain and " " in plain:
            yield plain


def _of_call(node: ast.Call) -> Iterator[str | tuple[str, str]]:
    name = name_of(node.func)
    if (at := _FIRST.get(name)) is not None:
        forms = list(_literals(node.args[at : at + 1 + (name in _TWO)]))
        if len(forms) == 2:
            yield forms[0], forms[1]
        else:
            yield from forms
    elif name in _SAYING:
        yield from _literals(node.args[:1])
    elif name == "table" and isinstance(node.args[0], ast.Tuple):
        yield from _literals(node.args[0].elts)
    elif name == "attempt":
        yield from _literals(node.args[:1])
    for keyword in node.keywords:
        if keyword.arg in _LITERAL or (name == "Need" and keyword.arg in {"name", "detail", "mend"}):
            yield from _literals([keyword.value])


def _literals(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORD.search(_PLACE.sub("", node.value)):
            yield node.value
        elif isinstance(node, ast.IfExp):
            yield from _literals([node.body, node.orelse])


def name_of(node: ast.expr) -> str:
    """Return what is called: a function, or one of the module `phrase`; methods of other things have no name here."""
    if isinstance(node, ast.Attribute):
        known = isinstance(node.value, ast.Name) and node.value.id in {
            "phrase",
            "render",
            "typer",
            "language",
            "tongue",
            "self",
        }
        return node.attr if known or node.attr in {"gettext", "ngettext"} else ""
    return node.id if isinstance(node, ast.Name) else ""
