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
from drp.domain.phrase import Phrase, Size, fact, say
from drp.domain.strict_json import Malformed, parse
from drp_verifiers.failures import failure
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
                    raise ValueError(_why(found[1]))
                ended = True
            elif isinstance(found, dict) and not ended:
                yield found
            else:
                raise ValueError(say("the reader inside the sandbox answered something else than records"))
    execution = running.execution()
    if ended:
        return
    trouble = death(say("the reader inside the sandbox"), execution)
    raise ValueError(
        trouble.reason if trouble is not None else say("the reader stopped: {why}", why=why_it_ended(execution))
    )


def _why(told: object) -> Phrase:
    """Return why the records are not all there, as the program said."""
    match told:
        case ["no-record", str(line)]:
            return fact("client-no-record", "the client printed no record: {line}", line=line)
        case ["columns", int(found), int(wanted)]:
            return fact(
                "record-columns", "a record has {found} columns instead of {wanted}", found=found, wanted=wanted
            )
        case ["no-file", str(path)]:
            return fact("there-is-no-file", "there is no file {file}", file=path)
        case ["locked", str(words)]:
            return fact("database-is-locked", "{words}: use the option copy", words=words)
        case ["client-ended", code]:
            return fact("client-ended", "the client ended with {exit_code}", exit_code=str(code))
        case ["not-run", str(program), why]:
            return fact(
                "cannot-run-sandbox", "{program} cannot be run in the sandbox: {why}", program=program, why=failure(why)
            )
        case [str(code), *data]:
            return _of_orthanc(code, data) or failure(told)
        case _:
            return failure(told)


def _of_orthanc(code: str, data: list[object]) -> Phrase | None:
    """Return why a list of Orthanc's is not whole."""
    match code, data:
        case "page-not-whole", [int(since), int(attempts), list(why)]:
            return fact(
                "page-not-whole",
                "the page from {position} did not come whole in {attempts} attempts: {why}",
                position=since,
                attempts=attempts,
                why=_status_or(why),
            )
        case "page-none", [int(since)]:
            return fact("page-is-none", "the page from {position} is none", position=since)
        case "resource-too-long", [int(limit)]:
            return fact(
                "resource-too-long",
                "one resource is longer than {limit}, which is as much as is read here",
                limit=Size(limit),
            )
        case "no-name", [str(name)]:
            return fact("no-resource-name", "{name} is no name of a resource", name=name)
        case "asked", [str(request), list(why)]:
            return fact("request-answered", "{request} answered {status}", request=request, status=_status_or(why))
        case "no-instant", [str(text)]:
            return fact("last-update-no-instant", "LastUpdate is {text}, which is no instant", text=text)
        case "not-all", [int(before), int(after), int(came)]:
            return fact(
                "resources-not-all",
                "Orthanc counts {before} before and {after} after, and {came} came: they are not all, or they changed",
                before=before,
                after=after,
                came=came,
            )
        case "twice", [int(number)]:
            return fact(
                "resources-came-twice",
                "{number} came twice, so others were passed over: the order of Orthanc's list is not stable",
                number=number,
            )
        case "took-in-others", []:
            return fact("orthanc-took-in-others", "Orthanc took in others while it was read")
    return None


def _status_or(why: list[object]) -> Phrase:
    match why:
        case ["status", status]:
            return fact("status-alone", "{status}", status=str(status))
        case _:
            return failure(why)


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
            raise ValueError(say("the reader inside the sandbox answered more after its end"))
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
                raise ValueError(say("the reader inside the sandbox answered more after its end"))
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
                raise ValueError(say("a record is too long"))


def _parsed(line: bytes) -> object:
    try:
        found: object = parse(line, ANSWER)
    except Malformed as error:
        raise ValueError(say("the reader inside the sandbox gave a malformed answer: {error}", error=error)) from None
    return found
