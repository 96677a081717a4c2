"""Brings records out of the sandbox for the reconciliation: what parses restored content runs inside, as a program.

What comes back is compressed lines of JSON, one a record, and a last line that says whether they are all; it is read
while it comes, and never kept. Verifiers
that read records have ``RecordOptions`` and ``records``, which yields mappings; ``at`` is the instant of a record.
"""

from __future__ import annotations

import json
import queue
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from drp.domain.check import Execution, Target
from drp.domain.phrase import say
from drp.domain.strict_json import Malformed, parse
from drp_verifiers.inside import ANSWER, PYTHON, whole_program
from drp_verifiers.statements import death, why_it_ended

_LONGEST_LINE = 1 << 20
_MOST_BYTES = 1 << 40
"""Unpacked."""
_WAITING = 8
"""Pieces of an answer that may wait to be read."""
_POLL_SECONDS = 0.1


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
    ended = False
    running = _Running(
        target, (PYTHON, "-I", "-c", whole_program(program)), json.dumps(request).encode(), environment, timeout_seconds
    )
    with closing(running):
        for line in _lines(running.pieces()):
            found = _parsed(line)
            if isinstance(found, list) and len(found) == 2 and found[0] == "end" and not ended:
                if found[1]:
                    raise ValueError(str(found[1]))
                ended = True
            elif isinstance(found, dict) and not ended:
                yield found
            else:
                raise ValueError("the reader inside the sandbox answered something else than records")
    execution = running.execution()
    if ended:
        return
    trouble = death("the reader inside the sandbox", execution)
    raise ValueError(
        trouble.reason
        if trouble is not None
        else say("the reader stopped: {why_it_ended}", why_it_ended=why_it_ended(execution))
    )


class _Over(Exception):
    """Nobody wants more of the answer."""


class _Running:
    """A program that answers while its answer is read: no more of it waits than a few pieces."""

    def __init__(
        self,
        target: Target,
        argv: Sequence[str],
        stdin: bytes,
        environment: Mapping[str, str] | None,
        timeout_seconds: float,
    ) -> None:
        """Begin."""
        self._pieces: queue.Queue[bytes | Execution | BaseException] = queue.Queue(_WAITING)
        self._over = threading.Event()
        self._ended: Execution | BaseException | None = None

        def work() -> None:
            end: Execution | BaseException
            try:
                end = target.stream(
                    argv, receive=self._take, stdin=stdin, timeout_seconds=timeout_seconds, environment=environment
                )
            except BaseException as error:  # noqa: BLE001 - raised where the answer is read
                end = error
            self._put(end)

        threading.Thread(target=work, name="records-answer", daemon=True).start()

    def _take(self, data: bytes) -> None:
        self._put(data)
        if self._over.is_set():
            raise _Over

    def _put(self, item: bytes | Execution | BaseException) -> None:
        while not self._over.is_set():
            try:
                return self._pieces.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
        return None

    def pieces(self) -> Iterator[bytes]:
        """Yield the answer as it comes."""
        while True:
            item = self._pieces.get()
            if not isinstance(item, bytes):
                self._ended = item
                return
            yield item

    def execution(self) -> Execution:
        """Return how the program ended, once its answer was read; raises what kept it from ending."""
        for _ in self.pieces() if self._ended is None else ():
            raise ValueError("the reader inside the sandbox answered more after its end")
        assert self._ended is not None
        if isinstance(self._ended, BaseException):
            raise self._ended
        return self._ended

    def close(self) -> None:
        """Let the program end where nobody reads on."""
        if self._ended is None:
            self._over.set()


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a packed answer, unpacked piece by piece, to its last byte."""
    unpacker = zlib.decompressobj()
    rest, total = b"", 0
    for packed in pieces:
        waiting = packed
        while waiting:
            if unpacker.eof:
                raise ValueError("the reader inside the sandbox answered more after its end")
            try:
                piece = unpacker.decompress(waiting, _LONGEST_LINE)
            except zlib.error as error:
                raise ValueError(
                    say("the reader inside the sandbox answered no records: {error}", error=error)
                ) from None
            waiting = unpacker.unconsumed_tail or unpacker.unused_data
            total += len(piece)
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
            if len(rest) > _LONGEST_LINE or total > _MOST_BYTES:
                raise ValueError("a record is too long")


def _parsed(line: bytes) -> object:
    try:
        found: object = parse(line, ANSWER)
    except Malformed as error:
        raise ValueError(say("the reader inside the sandbox gave a malformed answer: {error}", error=error)) from None
    return found
