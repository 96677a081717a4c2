"""How the inputs of a runbook are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from drp.config.schema_inputs import InputFile
from drp.domain.phrase import say


def input_rows(options: Mapping[str, InputFile], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, default and meaning of every input, those inside of mappings below theirs."""
    for name, option in options.items():
        path = f"{above}{name}"
        kind = (
            say("{type} of {elements}", type=option.type, elements=option.elements) if option.elements else option.type
        )
        default = "required" if option.required else json.dumps(option.default) if option.default is not None else ""
        words = option.description if isinstance(option.description, str) else " ".join(option.description)
        if option.choices is not None:
            words += f" ({', '.join(str(choice) or repr('') for choice in option.choices)})"
        yield path, kind, default, words
        yield from input_rows(option.options or {}, f"{path}.")
