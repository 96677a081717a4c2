"""Records and journals with the English words of their phrases, as people read them."""

from __future__ import annotations

from typing import Any

from drp.domain.phrase_form import read


def in_words(data: Any) -> Any:
    """Return a record with the English words of every phrase in it, as people read them."""
    if isinstance(data, list):
        return [in_words(each) for each in data]
    if not isinstance(data, dict):
        return data
    if isinstance(data.get("quoted"), str) or (isinstance(data.get("message"), str) and "values" in data):
        return str(read(data))
    return {name: in_words(value) for name, value in data.items()}
