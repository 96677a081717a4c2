"""JSON Schema of each kind of file, for editors: the same models that check the files."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from drp.config.descriptions import describe
from drp.config.repository_kinds import RepositoriesFile, described_file
from drp.config.sandbox_drivers import described_file as described_sandboxes
from drp.config.schema import SiteFile
from drp.config.schema_applications import ApplicationFile
from drp.config.schema_drills import DrillFile
from drp.config.schema_monitoring import MonitoringFile
from drp.config.schema_sandboxes import SandboxesFile
from drp.config.schema_schedule import ScheduleFile

KINDS: dict[str, type[BaseModel]] = {
    "site": SiteFile,
    "application": ApplicationFile,
    "repositories": RepositoriesFile,
    "sandboxes": SandboxesFile,
    "drill": DrillFile,
    "monitoring": MonitoringFile,
    "schedule": ScheduleFile,
}


def file_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a kind of file."""
    model = {"repositories": described_file, "sandboxes": described_sandboxes}.get(kind, lambda: KINDS[kind])()
    schema = model.model_json_schema()
    describe(schema, model)
    title = (model.__doc__ or kind).partition(":")[0]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}
