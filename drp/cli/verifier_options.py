"""What `drp verifier show` prints: every option of a verifier, its kind, its default, and what it means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from drp.cli import render
from drp.cli.wording import spoken_line
from drp.codec import to_data
from drp.domain.phrase import NOTHING, Phrase, joined, say
from drp.verifiers.loading import describe, load
from drp.verifiers.options import options_schema


def show_options(name: str, *, as_json: bool) -> None:
    """Print the options of a verifier, those of their parts below them. Raises ``PluginError``."""
    verifier = load([name])[name]
    description, schema = describe(name), options_schema(verifier)
    if as_json:
        render.document("drp/verifier/1", {"verifier": to_data(description), "options": schema})
        return
    render.line(say("{name}: {description}", name=name, description=description.shown))
    for text in _options(schema, schema.get("$defs", {}), indent=0):
        render.line(text)


def _options(schema: Mapping[str, Any], parts: Mapping[str, Any], *, indent: int) -> Iterator[str]:
    required, blank = set(schema.get("required", ())), " " * indent
    for option, details in schema.get("properties", {}).items():
        default = say("required") if option in required else say("default: {default}", default=_default(details))
        yield f"{blank}{option}: {render.printable(_kind(details))}, {render.printable(default)}"
        if meaning := details.get("description"):
            yield f"{blank}    {render.printable(spoken_line(meaning))}"
        part = _part(details)
        if part in parts and indent == 0:
            yield from _options(parts[part], {}, indent=4)


def _default(details: Mapping[str, Any]) -> str:
    default = details.get("default")
    return say("none") if default is None else json.dumps(default, ensure_ascii=False)


def _part(details: Mapping[str, Any]) -> str:
    """Return the name of the part that an option is, or is made of; empty: it is a plain value."""
    for each in (details, *details.get("anyOf", ()), details.get("items", {}), details.get("additionalProperties", {})):
        if isinstance(each, dict) and "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return ""


_PLAIN: Mapping[str, Phrase] = {
    "string": say("string"),
    "integer": say("integer"),
    "number": say("number"),
    "boolean": say("yes or no"),
    "object": say("mapping"),
}


def _kind(details: Mapping[str, Any]) -> Phrase:
    """Return a JSON Schema as one word or a few."""
    if "anyOf" in details:
        kinds = [kind for each in details["anyOf"] if (kind := _kind(each))]
        return joined(kinds, " or ")
    if "enum" in details:
        return joined((say("{choice}", choice=str(each)) for each in details["enum"]), " or ")
    if "$ref" in details:
        return say("{part}", part=str(details["$ref"]).rpartition("/")[2])
    if details.get("type") == "array":
        return say("list of {kind}", kind=_kind(details.get("items", {})))
    if details.get("type") == "null":
        return NOTHING
    return _PLAIN.get(str(details.get("type")), say("anything"))
