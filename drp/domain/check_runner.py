"""The ports through which applications are judged: verifiers, the one plugin point, and what runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Protocol

from drp.domain.application import CheckSpec
from drp.domain.check import Checked, CheckResult, Expectation, Target
from drp.domain.judged import NotJudged
from drp.domain.restored_code import RestoredCode
from drp.domain.witness import Place

Answer = CheckResult | NotJudged | RestoredCode
"""What a verifier yields."""


class Verifier(Protocol):
    """Looks at restored files or at a running application. The one plugin point (entry points ``drp.verifiers``).

    It has ``read``, ``verify`` or both. ``read`` runs in a reader cell before anything restored has run: what it yields
    is *read by drp*. ``verify`` runs in a caller cell beside the running application (where its options say ``beside``,
    in the application's own sandbox): what it yields is *said by the restored system*, or *seen from outside*.

    ``Options`` is a frozen dataclass of the standard library: what the YAML may say. A verifier never passes what it
    did not look at: what it cannot judge it yields as ``undetermined``. Whatever it raises becomes ``undetermined``.
    ``parts``, a tuple of ``Part``, is what a backup of its system can lose and how each is judged; a verifier without
    it is recorded as one that does not say what it leaves out.
    """

    name: ClassVar[str]
    Options: ClassVar[type]

    def verify(self, target: Target, options: object, expectation: Expectation) -> Iterator[Answer]:
        """Yield one result for each statement, as they come, what it was kept from judging, and code that it met."""
        ...


class CheckRunner(Protocol):
    """Runs the check that an application declares. Raises ``Interrupted`` and nothing else.

    Whatever a verifier does wrong (raises, hangs, yields nothing or nonsense) is a result that is ``undetermined``.
    """

    def places(self, spec: CheckSpec) -> tuple[Place, ...]:
        """Return where the check runs, in order; one that cannot be used runs in a caller cell, and says why not."""
        ...

    def run(
        self, spec: CheckSpec, place: Place, target: Target, expectation: Expectation, cancelled: Callable[[], bool]
    ) -> Checked:
        """Return at least one result, each with its witness, what was not judged, and restored code."""
        ...
