"""Signs of life of a long call, and how it is asked to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A sign of life from inside a long call; every field that is not known is None."""

    message: str = ""
    done_bytes: int | None = None
    total_bytes: int | None = None
    done_files: int | None = None
    total_files: int | None = None


Report = Callable[[Progress], None]
"""Called from any thread, at most a few times a second; must not raise."""

Cancelled = Callable[[], bool]
"""Long calls ask it at least every second, and raise ``Interrupted`` soon after it turns true."""
