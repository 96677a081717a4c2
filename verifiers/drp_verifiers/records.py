"""Brings records out of the sandbox for the reconciliation: what parses restored content runs inside, as a program.

What comes back is compressed lines of JSON, one a record, and a last line that says whether they are all. Verifiers
that read records have ``RecordOptions`` and ``records``, which yields mappings; ``at`` is the instant of a record.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping

from drp.domain.check import Target
from drp.domain.strict_json import Malformed, parse
from drp_verifiers.inside import ANSWER, PYTHON, whole_program
from drp_verifiers.statements import death, why_it_ended

_LONGEST_LINE = 1 << 20
_MOST_BYTES = 8 << 30
"""Unpacked; a packed answer ends at 64 MiB."""
_NEARLY_FULL = 60 << 20


def read_records(
    target: Target,
    program: str,
    request: Mapping[str, object],
    *,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float,
) -> Iterator[Mapping[str, object]]:
    """Run a payload program and yield its records.

    Raises ValueError with the reason when they are not all there, also after some were given.
    """
    execution = target.run(
        (PYTHON, "-I", "-c", whole_program(program)),
        stdin=json.dumps(request).encode(),
        timeout_seconds=timeout_seconds,
        environment=environment,
    )
    ended = False
    for line in _lines(execution.stdout):
        found = _parsed(line)
        if isinstance(found, list) and len(found) == 2 and found[0] == "end":
            if found[1]:
                raise ValueError(str(found[1]))
            ended = True
        elif isinstance(found, dict) and not ended:
            yield found
        else:
            raise ValueError("the reader inside the sandbox answered something else than records")
    if ended:
        return
    if len(execution.stdout) > _NEARLY_FULL:
        raise ValueError("there are more records than an answer may hold: declare a narrower set")
    trouble = death("the reader inside the sandbox", execution)
    raise ValueError(trouble.reason if trouble is not None else f"the reader stopped: {why_it_ended(execution)}")


def _lines(packed: bytes) -> Iterator[bytes]:
    """Yield the lines of a packed answer, unpacked piece by piece."""
    unpacker = zlib.decompressobj()
    rest, total, waiting = b"", 0, packed
    while waiting and not unpacker.eof:
        try:
            piece = unpacker.decompress(waiting, _LONGEST_LINE)
        except zlib.error as error:
            raise ValueError(f"the reader inside the sandbox answered no records: {error}") from None
        waiting = unpacker.unconsumed_tail
        total += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE or total > _MOST_BYTES:
            raise ValueError("a record is too long")


def _parsed(line: bytes) -> object:
    try:
        found: object = parse(line, ANSWER)
    except Malformed as error:
        raise ValueError(f"the reader inside the sandbox gave a malformed answer: {error}") from None
    return found
