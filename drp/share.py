"""Where shipped data lives: runbooks, example inventory, report templates; in a wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def catalogue(language: str) -> Path:
    """Return where the messages of a language lie."""
    return shared("reports") / "locales" / language / "LC_MESSAGES" / "drp.po"


def languages() -> tuple[str, ...]:
    """Return the languages that there is a catalogue of, by their tags: a catalogue is all that a language needs."""
    found = (path.name for path in (shared("reports") / "locales").iterdir())
    return tuple(sorted(name for name in found if catalogue(name).is_file()))


def shared(name: str) -> Path:
    """Return the shipped folder ``name``; of a checkout if there is one, since an editable install copies too."""
    checkout = _PACKAGE.parent / name
    return checkout if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE / "_share" / name
