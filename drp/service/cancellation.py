"""A request to stop, from a signal or from the supervisor, that long calls ask about."""

from __future__ import annotations

import signal


class Cancellation:
    """Turns true once and stays so."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._signal: int | None = None
        self._by = ""

    def __call__(self) -> bool:
        """Return whether somebody asked drp to stop."""
        return self._signal is not None

    def request(self, number: int, by: str = "") -> None:
        """Ask to stop; the first signal counts, and who sent it, where that is known."""
        if self._signal is None:
            self._by = by
            self._signal = number

    def asked_by(self) -> str:
        """Return who asked, and why; empty: whoever may send signals."""
        return self._by

    def signal_number(self) -> int:
        """Return which signal asked."""
        return self._signal if self._signal is not None else int(signal.SIGINT)
