"""Writes `docs/site-reference.md` from the schema of a site's files: `python -m tests.support.site_reference`.

What a key means is the docstring below its field. Examples are the values that stand in the shipped example hospital, then in
`tests/support/site_examples/`, whose files are checked as a site's are: `tests/docs/test_site_reference.py` holds that every key has
its meaning and an example, and that the page is up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from drp.config.descriptions import models_in
from drp.config.json_schema import KINDS, file_schema
from drp.config.locations import LOCATIONS, configured_location
from drp.config.repository_kinds import described_file
from drp.config.sandbox_drivers import described_file as described_sandboxes
from drp.config.values import parse_duration, show_duration

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "site-reference.md"
FILES = {
    "site": "drp.yml",
    "repositories": "inventory/repositories.yml",
    "sandboxes": "inventory/sandboxes.yml",
    "application": "inventory/applications/NAME.yml",
    "drill": "inventory/drills/NAME.yml",
    "schedule": "inventory/schedule.yml",
    "monitoring": "inventory/monitoring.yml",
}
SHIPPED = {
    "site": ["drp.yml"],
    "application": [f"applications/{name}.yml" for name in ("ehr", "pacs", "lis", "documents")],
    "repositories": ["repositories.yml"],
    "sandboxes": ["sandboxes.yml"],
    "drill": ["drills/hospital.yml", "drills/shelf.yml"],
    "schedule": ["schedule.yml"],
    "monitoring": ["monitoring.yml"],
}
EXAMPLES = Path(__file__).with_name("site_examples")
_LONGEST = 60
_REFUSED = {("FolderLocationFile", name) for name in LOCATIONS.names() if not configured_location(name).is_folder}
"""What a block inherits and refuses."""
_HEAD = """# Site reference: every key of every file

Written by `python -m tests.support.site_reference` from the schema that checks the files; do not edit. `drp config check` tells every
mistake with file, line and column; `drp config schema KIND` prints the JSON Schema for editors, and `drp init` lays it beside a site.
Types: *name*: lower case, digits, hyphens. *duration*: `30m`, `4h`, `1d12h`. *size*: `512MiB`, `8GiB`. *rate*: `50MB/s`. *instant*:
`2026-11-21T02:00:00Z`, always with a zone. Paths are relative to the site directory. Unknown keys are refused.
A secret never stands in a file: where a *Secret* is wanted, write `{file: secrets/name}`, `{credential: name}` or `{command: [program, word]}`.
"""


def examples(kind: str) -> Iterator[Any]:
    """Yield the documents that examples of a kind of file are taken from, the best known first."""
    for name in SHIPPED[kind]:
        yield from yaml.safe_load_all((ROOT / "inventory" / name).read_text(encoding="utf-8"))
    yield from yaml.safe_load_all((EXAMPLES / f"{kind}.yml").read_text(encoding="utf-8"))


class Reference:
    """One kind of file: its blocks, each with its keys, and a value for each of them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.schema = file_schema(kind)
        model = {"repositories": described_file, "sandboxes": described_sandboxes}.get(kind, lambda: KINDS[kind])()
        self.models: Mapping[str, type[BaseModel]] = {"": model, **{each.__name__: each for each in models_in(model)}}
        self.values: dict[tuple[str, str], Any] = {}
        for document in examples(kind):
            self._collect(self.schema, "", document)

    def blocks(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield name, first place and schema of each block, in the order in which the file meets them; the file has no name."""
        seen, waiting = {""}, [("", "", self.schema)]
        while waiting:
            name, place, block = waiting.pop(0)
            yield name, place, block
            for key, part in self._keys(name, block):
                for inner, steps in _named(part, f"{place}.{key}".lstrip(".")):
                    if inner not in seen and "properties" in self._definition(inner):
                        seen.add(inner)
                        waiting.append((inner, steps, self._definition(inner)))

    def missing(self) -> Iterator[str]:
        """Yield every key without a meaning or without an example."""
        for name, _, block in self.blocks():
            for key, part in self._keys(name, block):
                if not part.get("description"):
                    yield f"{self.kind} {name} {key}: no docstring below the field"
                if (name, key) not in self.values and "const" not in part:
                    yield f"{self.kind} {name} {key}: no example"

    def text(self) -> str:
        """Return the chapter."""
        meant = _line(self.models[""].__doc__ or "").partition(": ")[2]
        parts = [f"\n## {FILES[self.kind]}\n{meant[:1].upper()}{meant[1:]}\n"]
        for name, place, block in self.blocks():
            if name:
                kind = block["properties"].get("kind", {}).get("const", "")
                head = f"`{place}`" + (f", kind `{kind}`" if kind else "")
                parts.append(f'\n### <a id="{self.kind}-{name.lower()}"></a>{FILES[self.kind]}: {head}\n')
                parts.append(f"{_line(block.get('description', ''))}\n")
            parts.append("\n| key | type | default | meaning | example |\n|---|---|---|---|---|\n")
            parts += [self._row(name, block, key, part) for key, part in self._keys(name, block)]
        return "".join(parts)

    def _keys(self, name: str, block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        return ((key, part) for key, part in block["properties"].items() if (name, key) not in _REFUSED)

    def _row(self, name: str, block: dict[str, Any], key: str, part: dict[str, Any]) -> str:
        default = "*required*" if key in block.get("required", ()) else self._default(name, key, part)
        cells = (
            f"`{key}`",
            self._type(part),
            default,
            _line(part.get("description", "")),
            self._example(name, key, part),
        )
        return "".join(f"| {_cell(each)} " for each in cells) + "|\n"

    def _example(self, name: str, key: str, part: dict[str, Any]) -> str:
        value = part.get("const", self.values.get((name, key)))
        text = _inline(value)
        return f"`{text}`" if len(text) <= _LONGEST else f"`{text[: _LONGEST - 1]}…`"

    def _default(self, name: str, key: str, part: dict[str, Any]) -> str:
        default = part.get("default")
        model = self.models.get(name)
        if default is None and model is not None:
            field = next((f for n, f in model.model_fields.items() if key in (n, f.alias)), None)
            default = field.get_default(call_default_factory=True) if field is not None else None
        if isinstance(default, str) and re.fullmatch(r"P[0-9DTHMSW]+", default):
            return f"`{show_duration(parse_duration(default))}`"
        if default is None or isinstance(default, BaseModel) or default in ([], {}, ""):
            return "none"
        return f"`{_inline(default if isinstance(default, (bool, int, float, str, list, dict)) else str(default))}`"

    def _type(self, part: dict[str, Any]) -> str:
        choices = [each for key in ("anyOf", "oneOf") for each in part.get(key, ()) if each.get("type") != "null"]
        if choices:
            return " or ".join(dict.fromkeys(self._type(each) for each in choices))
        if "$ref" in part:
            inner = part["$ref"].rpartition("/")[2]
            known = self._definition(inner)
            return (
                f"[{inner.removesuffix('File')}](#{self.kind}-{inner.lower()})"
                if "properties" in known
                else self._type(known)
            )
        if "allOf" in part:
            return self._type(part["allOf"][0])
        if "const" in part or "enum" in part:
            return " or ".join(f"`{_inline(each)}`" for each in part.get("enum", [part.get("const")]))
        return self._plain(part)

    def _plain(self, part: dict[str, Any]) -> str:
        match part.get("type"):
            case "array":
                return f"list of {self._type(part.get('items', {}))}"
            case "object":
                inner = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
                return f"{self._type(inner[0])}, by name" if isinstance(inner[0], dict) else "any keys and values"
            case "integer" | "number" as kind:
                least, most = (part.get(key) for key in ("minimum", "maximum"))
                said = (
                    f", {least} to {most}"
                    if None not in (least, most)
                    else f", from {least}"
                    if least is not None
                    else ""
                )
                return ("whole number" if kind == "integer" else "number") + said
            case "boolean":
                return "`true` or `false`"
            case "string":
                return _text_type(part)
        return "any value"

    def _definition(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.schema["$defs"][name]
        return found

    def _collect(self, part: dict[str, Any], name: str, value: Any) -> None:
        """Take a document's values as examples, following the schema down to where they stand."""
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            part = self._definition(name)
        for choice in (each for key in ("anyOf", "oneOf", "allOf") for each in part.get(key, ())):
            if self._fits(choice, value):
                self._collect(choice, name, value)
        if isinstance(value, list) and "items" in part:
            for each in value:
                self._collect(part["items"], name, each)
        if not isinstance(value, dict):
            return
        for inner in part.get("patternProperties", {}).values():
            for each in value.values():
                self._collect(inner, name, each)
        for key, inner in part.get("properties", {}).items():
            if key in value:
                self.values.setdefault((name, key), value[key])
                self._collect(inner, name, value[key])

    def _fits(self, part: dict[str, Any], value: Any) -> bool:
        """Tell whether a value may be meant by one of several choices."""
        part = self._definition(part["$ref"].rpartition("/")[2]) if "$ref" in part else part
        if isinstance(value, dict):
            known = part.get("properties")
            kind = (known or {}).get("kind", {}).get("const")
            return known is None or (value.keys() <= known.keys() and kind in (None, value.get("kind", kind)))
        return "properties" not in part


def _named(part: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield the names of blocks that a part of a schema leads to, each with where in the file it stands."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2], place
        for key, value in part.items():
            deeper = {
                "items": f"{place}[]",
                "patternProperties": f"{place}.NAME",
                "additionalProperties": f"{place}.NAME",
            }
            yield from _named(value, deeper.get(key, place))
    elif isinstance(part, list):
        for value in part:
            yield from _named(value, place)


def _text_type(part: Mapping[str, Any]) -> str:
    """Return the word for a text, by what its schema says of its form."""
    pattern = str(part.get("pattern", ""))
    forms = {
        r"P(\d+W)": "duration",
        "bit)/s": "rate",
        "iB)": "size",
        ")?B$": "size",
        "{0,62}$": "name",
        "-\\d\\dT": "instant",
    }
    if part.get("format") == "date":
        return "day"
    return next((word for mark, word in forms.items() if mark in pattern), "text")


def _inline(value: Any) -> str:
    """Return a value as YAML says it in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6)
    return " ".join(text.removesuffix("...\n").split())


def _line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "—"


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(Reference(kind).text() for kind in FILES)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
