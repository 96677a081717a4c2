"""What each option of a verifier means: the docstring below it, as whoever wrote the verifier left it there."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any


def documented(kind: type) -> Mapping[str, str]:
    """Return option → its docstring in one line; those without one, and classes without a source, are left out."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError, SyntaxError):  # made by a program, or installed without its source
            continue
        body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
        for field, below in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = _docstring(below)
                if text:
                    found[field.target.id] = text
    return found


def parts_of(kind: type) -> Iterator[type]:
    """Yield the dataclasses that options are made of, the options themselves first, each once."""
    seen, ahead = {kind}, [kind]
    while ahead:
        each = ahead.pop(0)
        yield each
        for hint in typing.get_type_hints(each).values():
            for part in _dataclasses_in(hint):
                if part not in seen:
                    seen.add(part)
                    ahead.append(part)


def _dataclasses_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        yield hint
    for inside in typing.get_args(hint):
        yield from _dataclasses_in(inside)


def _docstring(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.replace("``", "`").split())
    return ""
