"""What ``runbooks/<kind>/inputs.yml`` may say: the inputs of a runbook, in the words of Ansible's argument specs.

The form is that of a role's ``meta/argument_specs.yml`` with the one entry point ``main``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from drp.config.schema import Strict
from drp.config.schema_reconciliation import Column
from drp.config.values import Text

Kind = Literal["str", "path", "int", "float", "bool", "list", "dict", "raw"]


class InputFile(Strict):
    """One input, or one key of an input that is a mapping."""

    description: Text | list[Text] = ""
    """What it means."""
    type: Kind = "str"
    """What it must be; `raw`: anything, or one of the choices."""
    required: bool = False
    """The runbook cannot do without it."""
    default: Any = None
    """What the runbook takes where nothing is said."""
    choices: list[Any] | None = None
    """All that may be said."""
    elements: Kind | None = None
    """What each item of a list must be."""
    options: dict[Column, InputFile] | None = None
    """Keys of a mapping, or of each mapping in a list; left out: any."""
    required_one_of: list[list[Column]] = Field(default_factory=list)
    """Of each group, one key at least must be given."""


class MainFile(Strict):
    """What the application's file may say to the runbook."""

    short_description: Text = ""
    """What the runbook does."""
    description: Text | list[Text] = ""
    """More of it."""
    author: Text | list[Text] = ""
    """Who wrote it."""
    options: dict[Column, InputFile] = Field(default_factory=dict)
    """Its inputs by name."""


class ArgumentSpecs(Strict):
    """Entry points; a runbook has one."""

    main: MainFile


class InputsFile(Strict):
    """runbooks/<kind>/inputs.yml: what a runbook takes."""

    argument_specs: ArgumentSpecs
