"""The port through which the reconciliation reads records; the other ports are in `ports.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from drp.domain.check import Expectation, Target
from drp.domain.reconciliation.collected import Row
from drp.domain.reconciliation.declaration import RecordSource
from drp.domain.reconciliation.preparation import DeclaredList


def uncounted(number: int) -> None:
    """Take the number of records that do not count, for whoever does not ask."""


class RecordReader(Protocol):
    """Reads records of a running application for the reconciliation. Raises ``Interrupted`` and nothing else."""

    def beside(self, source: RecordSource) -> bool:
        """Return whether its reader runs in the application's own sandbox, and not in a caller cell."""
        ...

    def read(
        self,
        source: RecordSource,
        fields: Sequence[str],
        target: Target,
        *,
        expectation: Expectation,
        receive: Callable[[Row], None],
        cancelled: Callable[[], bool],
        passed_over: Callable[[int], None] = uncounted,
    ) -> str:
        """Hand every record to ``receive``, its values in the order of ``fields``, and return what went wrong.

        Records that do not count (``where``) are only counted: their number goes to ``passed_over``, at the end.
        Empty: all records were read. Whatever a reader does wrong, or a set that is too large, is said and not hidden.
        """
        ...

    def lines(self, listed: DeclaredList) -> tuple[str, ...]:
        """Return the lines of a file that the plan names, without empty ones and comments (``#``).

        Raises ``ConfigError`` where it cannot be read, or is not the file whose digest the plan has.
        """
        ...
