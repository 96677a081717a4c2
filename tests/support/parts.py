"""Writes what each verifier judges into its README: `python -m tests.support.parts`.

The tables stand between two marks, so that words around them stay; `tests/house/test_parts.py` fails until they agree.
"""

from __future__ import annotations

import re
from pathlib import Path

from drp.domain.judged import Part
from drp.verifiers.loading import available, load

README = Path(__file__).resolve().parents[2] / "verifiers" / "README.md"
_MARKED = re.compile(r"<!-- parts of (?P<name>[a-z0-9]+) -->\n.*?<!-- end -->\n", re.DOTALL)
_WORDS = {"counted": "counted", "content": "compared by content", "observed": "looked at", "not judged": "*not judged*"}


def parts_of(name: str) -> tuple[Part, ...]:
    """Return what a shipped verifier says of the parts of its system."""
    parts: tuple[Part, ...] = getattr(load([name])[name], "parts", ())
    return parts


def shipped() -> tuple[str, ...]:
    """Return the names of drp's own verifiers."""
    return tuple(found.name for found in available() if found.source.startswith("drp_verifiers."))


def table(name: str) -> str:
    """Return the table of a verifier as it stands in the README, with its marks."""
    rows = [
        f"| {part.name} | {_WORDS[part.judged]} | {part.words}"
        + (f" ({', '.join(f'`{own}`' for own in part.catalogue)})" if part.catalogue else "")
        + " |\n"
        for part in parts_of(name)
    ]
    head = "| what a backup can lose | | how, or why not |\n|---|---|---|\n"
    return f"<!-- parts of {name} -->\n{head}{''.join(rows)}<!-- end -->\n"


def written(text: str) -> str:
    """Return a README with every marked table as its verifier declares it."""
    return _MARKED.sub(lambda match: table(match["name"]), text)


def marked(text: str) -> tuple[str, ...]:
    """Return the verifiers that have a table in a README."""
    return tuple(match["name"] for match in _MARKED.finditer(text))


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
