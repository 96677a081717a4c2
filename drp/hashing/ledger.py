"""The ledger of a rotating verification: which turns were taken, and what of the tree they have covered.

A JSON file, private because it holds the seed: whoever knows it knows when a file will be looked at.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drp.atomic import write_atomically
from drp.clock import utc_now
from drp.domain.phrase import say
from drp.domain.strict_json import Limits, parse_object
from drp.errors import UsageError
from drp.hashing.sampling import Sample

SCHEMA = "drp/manifest-ledger/1"
_LEDGER = Limits(size=64 << 20)


@dataclass(slots=True)
class Ledger:
    """The turns of one rotation."""

    path: Path
    rotation: int
    seed: str
    turns: list[dict[str, Any]]

    def next(self) -> Sample:
        """Return the turn that was not taken for the longest time."""
        taken = {int(turn["turn"]): number for number, turn in enumerate(self.turns)}
        turn = min(range(self.rotation), key=lambda one: taken.get(one, -1))
        return Sample(rotation=self.rotation, turn=turn, seed=self.seed)

    def covered(self) -> int:
        """Return how many of the rotation's classes were looked at."""
        return len({int(turn["turn"]) for turn in self.turns})

    def record(self, sample: Sample, *, manifest: str, files: int, deviations: int) -> None:
        """Add a finished turn, durably. Raises ``StorageFull``."""
        self.turns.append(
            {
                "turn": sample.turn,
                "at": utc_now().isoformat(),
                "manifest": manifest,
                "files": files,
                "deviations": deviations,
            }
        )
        self.write()

    def write(self) -> None:
        """Store the ledger, durably. Raises ``StorageFull``."""
        document = {"schema": SCHEMA, "rotation": self.rotation, "seed": self.seed, "turns": self.turns}
        write_atomically(self.path, json.dumps(document, indent=1).encode() + b"\n", mode=0o600)


def open_ledger(path: Path, rotation: int) -> Ledger:
    """Return the ledger at ``path``, a new one when there is none; ``rotation`` 0: what it says.

    Raises ``UsageError`` when it is no ledger, or is of another rotation.
    """
    if not path.exists():
        if not rotation:
            raise UsageError(
                say("there is no ledger {path} yet", path=path), hint="start one with `--sample 1/K --ledger FILE`"
            )
        ledger = Ledger(path, rotation, secrets.token_hex(16), [])
        ledger.write()
        return ledger
    try:
        document = parse_object(path.read_bytes(), _LEDGER)
        ledger = Ledger(path, int(document["rotation"]), str(document["seed"]), list(document["turns"]))
        ledger.next()
    except (OSError, KeyError, TypeError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "it is not one"
        raise UsageError(
            say("cannot read the ledger {path}: {why}", path=path, why=why), hint="name another file"
        ) from error
    if document.get("schema") != SCHEMA or rotation not in (0, ledger.rotation):
        hint = "leave --sample out, or name another file"
        raise UsageError(
            say(
                "the ledger {path} is of a rotation of {rotation}, not {rotation2}",
                path=path,
                rotation=ledger.rotation,
                rotation2=rotation,
            ),
            hint=hint,
        )
    return ledger
