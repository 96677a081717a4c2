"""One YAML file as plain data with the position of every key and value.

The safe part of YAML 1.2: ``no``, ``off`` and ``4:30`` are text, ``007`` stays text, and what a key says twice, an
alias (the way to a file that explodes) or a tag (the way to code) is a problem, not a value.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from drp.config.problems import START, Position, Problem, Step, dotted
from drp.domain.phrase import Phrase, quoted, say

_LARGEST = 1 << 20
_DEEPEST = 32
Place = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file's data, and where each part of it stands."""

    file: str
    """Relative to the site directory."""
    data: Any
    values: Mapping[Place, Position] = field(default_factory=dict)
    keys: Mapping[Place, Position] = field(default_factory=dict)
    digest: str = ""
    """SHA-256 of the bytes that were read, hex."""

    def problem(self, place: Place, message: Phrase, *, key: bool = False) -> Problem:
        """Return a problem at a value, or at its key; at the nearest place above where there is none."""
        known = self.keys if key else self.values
        for length in range(len(place), -1, -1):
            if (position := known.get(place[:length], self.values.get(place[:length]))) is not None:
                return Problem(self.file, position, dotted(place), message)
        return Problem(self.file, START, dotted(place), message)


class Unreadable(Exception):
    """The file is no YAML that drp takes; ``problems`` says why."""

    def __init__(self, *problems: Problem) -> None:
        """Keep the problems."""
        super().__init__(*problems)
        self.problems = problems


class _Loader(yaml.SafeLoader):
    """Composes nodes only: the core schema of YAML 1.2, no aliases, bounded depth."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base has it
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node, refusing aliases and depth."""
        events: Any = self
        if events.check_event(yaml.AliasEvent):
            mark = events.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem=say("aliases are not used here: write it out"), problem_mark=mark)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=say("too deeply nested"), problem_mark=events.peek_event().start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)


def read_document(path: Path, file: str, opened: Callable[[Path], int] = _open) -> Document:
    """Return the document in ``path``, called ``file`` in problems; ``opened`` gives its descriptor.

    Raises ``Unreadable``, and whatever else ``opened`` raises.
    """
    raw = _content(path, file, opened)
    text = _text(raw, file)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        raise Unreadable(
            Problem(file, _at(text, error.position), "", say("holds a character that no text file has"))
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1) if mark is not None else START
        raise Unreadable(Problem(file, position, "", _explain(error))) from None
    if node is None:
        raise Unreadable(Problem(file, START, "", say("is empty")))
    builder = _Builder(file)
    data = builder.build(node, ())
    if builder.problems:
        raise Unreadable(*builder.problems)
    return Document(file, data, builder.values, builder.keys, hashlib.sha256(raw).hexdigest())


def _content(path: Path, file: str, opened: Callable[[Path], int]) -> bytes:
    try:
        with os.fdopen(opened(path), "rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except ValueError as error:
        raise Unreadable(Problem(file, START, "", quoted(str(error)))) from None
    except OSError as error:
        raise Unreadable(Problem(file, START, "", say("cannot be read: {why}", why=error.strerror))) from None
    if len(raw) > _LARGEST:
        raise Unreadable(Problem(file, START, "", say("is larger than 1 MiB")))
    return raw


def _text(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        position = _at(raw[: error.start].decode("utf-8", "replace"), error.start)
        raise Unreadable(Problem(file, position, "", say("is not UTF-8: save it as UTF-8"))) from None


def _at(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _explain(error: yaml.MarkedYAMLError) -> Phrase:
    if isinstance(error.problem, Phrase):
        return error.problem
    problem, context = (error.problem or "").rstrip("."), error.context or ""
    if "expected a single document" in context:
        return say("one document a file: remove the second `---`")
    if "'\\t'" in problem:
        return say("a tab cannot indent YAML: use spaces")
    if "mapping values are not allowed here" in problem:
        return say("`: ` is not allowed here: check the indentation, or quote the text")
    return quoted(" ".join(filter(None, (problem, context)))) if problem else say("is not YAML")


class _Builder:
    """Turns nodes into data, noting positions and everything that drp does not take."""

    def __init__(self, file: str) -> None:
        self.values: dict[Place, Position] = {}
        self.keys: dict[Place, Position] = {}
        self.problems: list[Problem] = []
        self._file = file

    def build(self, node: yaml.Node, place: Place) -> Any:
        self.values[place] = _position(node)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in _KINDS:
            self._refuse(node, place, say("tags (`!…`) are not used here"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*place, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                message = say("a key must be text; quote `{{…}}` and `[…]` where they are meant as text")
                self._refuse(key, place, message)
                continue
            name = str(key.value)
            if name in data:
                first = self.keys[*place, name]
                self._refuse(key, (*place, name), say("is said twice, first in line {line}", line=first.line))
                continue
            self.keys[*place, name] = _position(key)
            data[name] = self.build(value, (*place, name))
        return data

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        kind, text = node.tag.rpartition(":")[2], str(node.value)
        try:
            return _KINDS[kind](text)
        except (ValueError, KeyError):
            self._refuse(node, place, say("is not a valid {kind}", kind=kind))
            return None

    def _refuse(self, node: yaml.Node, place: Place, message: Phrase) -> None:
        self.problems.append(Problem(self._file, _position(node), dotted(place), message))


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_KINDS: dict[str, Any] = {
    "map": None,
    "seq": None,
    "str": str,
    "int": lambda text: int(text, 0),
    "float": _finite,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "null": lambda _text: None,
}
