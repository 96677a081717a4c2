"""Verifies byte streams while they are read, several at once, without keeping them: S3 objects, packs of backups.

This module knows no store. The caller yields objects, each with a way to open its bytes. Threads are right here: they
wait for a network or a disk, and digests of large pieces are computed without the interpreter's lock, so that two of
them keep two cores busy with SHA-256 alone (`tests/benchmarks/scrub.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from drp.errors import Interrupted
from drp.hashing.reading.digest import constructors

Outcome = Literal["same", "changed", "unreadable", "computed"]
_TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class StreamObject:
    """Something to download: what it is called, how to open it, and what it should be."""

    name: str
    open: Callable[[], Iterator[bytes | memoryview]]
    """Called in a thread of its own; what it raises makes the object unreadable."""
    expected: dict[str, str] = field(default_factory=dict)
    """Algorithm → hex digest; empty: only compute."""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What came of one object."""

    name: str
    outcome: Outcome
    size: int
    digests: dict[str, str]
    why: str = ""
    seconds: float = 0.0
    error: Exception | None = None
    """What made it unreadable."""


def verify_streams(
    objects: Iterable[StreamObject],
    *,
    algorithms: tuple[str, ...] = ("sha256",),
    connections: int = 4,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[StreamResult]:
    """Yield a result for every object, as they come; ``connections`` are read at once, and one waits for each.

    An object whose bytes cannot be had, or are fewer or more than its stated size, is never called the same. Raises
    ``Interrupted`` when cancelled, ``ManifestError`` when an algorithm cannot be computed here.
    """
    constructors(algorithms)
    source = iter(objects)
    stopping: list[bool] = []
    under_way: set[Future[StreamResult]] = set()
    pool = ThreadPoolExecutor(connections, thread_name_prefix="drp-stream")
    try:
        while True:
            while len(under_way) < 2 * connections and (one := next(source, None)) is not None:
                under_way.add(pool.submit(_verify, one, algorithms, stopping))
            if not under_way:
                return
            finished, under_way = wait(under_way, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
            if cancelled():
                raise Interrupted("the verification of streams was stopped")
            for future in finished:
                yield future.result()
    finally:
        stopping.append(True)
        pool.shutdown(wait=True, cancel_futures=True)


def _verify(one: StreamObject, algorithms: tuple[str, ...], stopping: list[bool]) -> StreamResult:
    started = time.monotonic()
    names = tuple(dict.fromkeys((*algorithms, *one.expected)))
    size = 0
    try:
        hashers = {name: make() for name, make in zip(names, constructors(names), strict=True)}
        for piece in one.open():
            for hasher in hashers.values():
                hasher.update(piece)
            size += len(piece)
            if stopping:
                return StreamResult(one.name, "unreadable", size, {}, "stopped", time.monotonic() - started)
    except Exception as error:  # noqa: BLE001 - whatever a store's client raises, the object was not read
        why = f"{type(error).__name__}: {error}"
        return StreamResult(one.name, "unreadable", size, {}, why, time.monotonic() - started, error)
    digests = {name: hasher.hexdigest() for name, hasher in hashers.items()}
    seconds = time.monotonic() - started
    if one.size is not None and size != one.size:
        return StreamResult(one.name, "changed", size, digests, f"{size} bytes instead of {one.size}", seconds)
    if not one.expected:
        return StreamResult(one.name, "computed", size, digests, "", seconds)
    wrong = [name for name, digest in one.expected.items() if digests[name] != digest]
    why = ", ".join(f"{name} is {digests[name]}" for name in wrong)
    return StreamResult(one.name, "changed" if wrong else "same", size, digests, why, seconds)
