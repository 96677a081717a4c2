"""Where shipped data lives: runbooks, example inventory, report templates; in a wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shared(name: str) -> Path:
    """Return the shipped folder ``name``; of a checkout if there is one, since an editable install copies too."""
    checkout = _PACKAGE.parent / name
    return checkout if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE / "_share" / name
