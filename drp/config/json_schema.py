"""JSON Schema of each kind of file, for editors: the same models that check the files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from drp.config.descriptions import describe
from drp.config.repository_kinds import RepositoriesFile, described_file
from drp.config.sandbox_drivers import driver_names
from drp.config.schema import SiteFile
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_drills import DrillFile, SandboxesFile

KINDS: dict[str, type[BaseModel]] = {
    "site": SiteFile,
    "application": ApplicationFile,
    "repositories": RepositoriesFile,
    "sandboxes": SandboxesFile,
    "drill": DrillFile,
}


def file_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind of file."""
    model = KINDS[kind] if kind != "repositories" else described_file()
    schema = model.model_json_schema()
    if kind == "sandboxes":
        schema["$defs"]["SandboxFile"]["properties"]["driver"]["enum"] = driver_names()
    describe(schema, model)
    title = (model.__doc__ or kind).partition(":")[0]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}
