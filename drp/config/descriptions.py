"""What stands below the fields of a model, for its JSON Schema: read from the source only when somebody asks.

pydantic can do so itself (``use_attribute_docstrings``), but for every model at its definition: it parses the source of
sixty classes before any file is checked.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel


def describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add the docstrings of fields to the JSON Schema of a model, and of all models in it."""
    known = {each.__name__: each for each in models_in(model)}
    parts = [(model, schema), *((known.get(name), part) for name, part in schema.get("$defs", {}).items())]
    for each, part in parts:
        properties = part.get("properties", {})
        for name, text in (field_docstrings(each) if each is not None else {}).items():
            key = (each.model_fields[name].alias or name) if each is not None and name in each.model_fields else ""
            if key in properties:
                properties[key].setdefault("description", text)


def field_docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return field → the text that stands below it in the source of the model or of its bases."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base is BaseModel or not issubclass(base, BaseModel):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(tree, ast.ClassDef)
        for field, text in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                said = text.value
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    found[field.target.id] = inspect.cleandoc(said.value)
    return found


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model, and every model that its fields may hold, each once."""
    seen: set[type[BaseModel]] = set()
    waiting = [model]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        yield each
        waiting += [inner for field in each.model_fields.values() for inner in models_of(field.annotation)]


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation names, whatever is around them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_of(argument)]
