"""Whether a proof that holds is of all that drp tries: what a proof is, no driver says."""

from __future__ import annotations

from drp.domain.phrase import say, several
from drp.domain.sandbox import IsolationProof
from drp.errors import SandboxError

KINDS = frozenset({"fs", "kernel", "net", "proc", "repo", "unix"})
FEWEST = 60
"""Ways out that are tried on a host which has none of the tripwire's addresses but loopback; elsewhere 81 are."""
_HINT = say("a driver proves its sandboxes by `drp.sandboxes.proof.isolation.prove`")


def require_whole(proof: IsolationProof, driver: str) -> None:
    """Raise ``SandboxError`` for a proof that holds by its counts, and not by what it tried."""
    if not proof.holds:
        return
    denied = {check.id for check in proof.checks if check.outcome == "denied"}
    if len(proof.checks) != proof.denied or len(denied) != proof.denied:
        message = say(
            "the proof by the sandbox driver {driver} does not add up: it lists {listed} of {denied} denied ways out",
            driver=driver,
            listed=len(denied),
            denied=proof.denied,
        )
        raise SandboxError(message, hint=_HINT)
    if lacking := sorted(KINDS - {check.kind for check in proof.checks}):
        message = say(
            "the proof by the sandbox driver {driver} is not whole: it tried nothing of {kinds}",
            driver=driver,
            kinds=several(lacking),
        )
        raise SandboxError(message, hint=_HINT)
    if len(denied) < FEWEST:
        message = say(
            "the proof by the sandbox driver {driver} is not whole: it tried only {tried} ways out",
            driver=driver,
            tried=len(denied),
        )
        raise SandboxError(message, hint=_HINT)
