"""What the options of `drp manifest …` mean, and how signals stop, pause and resume it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from drp.domain.phrase import say
from drp.domain.strict_json import parse
from drp.errors import Interrupted, UsageError
from drp.hashing.progress import Meter
from drp.hashing.sampling import Sample, parse_sample
from drp.hashing.workers.pool import Pool
from drp.manifests.header_check import LIMITS
from drp.service.cancellation import Cancellation

_MULTIPLES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def read_facts(text: str) -> dict[str, object]:
    """Return the facts in a JSON file or on standard input. Raises ``UsageError``."""
    if not text:
        return {}
    try:
        facts = parse(sys.stdin.buffer.read(LIMITS.size + 1) if text == "-" else Path(text).read_bytes(), LIMITS)
    except (OSError, ValueError) as error:
        raise UsageError(
            say("cannot read the facts from {text}: {error}", text=text, error=error),
            hint="give a file with a JSON object",
        ) from error
    if not isinstance(facts, dict):
        raise UsageError(
            say("the facts in {text} are not a JSON object", text=text), hint='write them as {"name": value}'
        )
    return facts


def below(text: str) -> bytes:
    """Return the path of a folder of a manifest; empty: all of it. Raises ``UsageError``."""
    path = os.fsencode(text)
    if path and not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        raise UsageError(
            say("not a path below a manifest's root: {text}", text=repr(text)), hint=say("say it as in ehr/documents")
        )
    return path


def rate(text: str) -> float:
    """Return bytes a second from what a user says: 0, 50000000, 200M. Raises ``UsageError``."""
    try:
        value = float(text[:-1]) * _MULTIPLES[text[-1].upper()] if text[-1:].upper() in _MULTIPLES else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UsageError(say("not a rate: {text}", text=repr(text)), hint="say bytes a second, as in 200M")
    return value


def sample(text: str, seed: str, ledger: Path | None, *, stratified: bool) -> Sample | None:
    """Return the sample that the options ask for, the ledger's next turn when there is one."""
    if ledger is not None:
        from drp.hashing.ledger import open_ledger

        asked = parse_sample(text, seed=seed) if text else Sample()
        if text and not asked.rotation:
            raise UsageError("a ledger is kept of rotations", hint="use `--sample 1/K` with --ledger")
        return open_ledger(ledger, asked.rotation).next()
    if not text:
        if seed or stratified:
            raise UsageError("--seed and --strata belong to --sample", hint="say how much: --sample 1%")
        return None
    if "/" in text and not seed:
        raise UsageError("turns of a rotation need the same seed every time", hint="use --ledger FILE, or --seed S")
    return parse_sample(text, seed=seed or os.urandom(8).hex(), stratified=stratified)


@contextmanager
def stoppable(meter: Meter) -> Iterator[tuple[Cancellation, Any]]:
    """Let signals stop, pause and resume the work; give the terminal back clean."""
    cancellation = Cancellation()
    pools: list[Pool] = []

    def on_pool(pool: Pool) -> None:
        pools.append(pool)
        meter.slowest = pool.page.slowest

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGUSR1:
            for pool in pools:
                pool.pause()
        elif number == signal.SIGUSR2:
            for pool in pools:
                pool.resume()
        else:
            cancellation.request(number)

    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
    before = {number: signal.signal(number, on_signal) for number in caught}
    try:
        yield cancellation, on_pool
    except Interrupted as error:
        number = cancellation.signal_number()
        hint = say("with --checkpoint FILE the same command goes on from there")
        raise Interrupted(error.message, signal_number=number, hint=hint) from error
    finally:
        meter.wipe()
        for number, handler in before.items():
            signal.signal(number, handler)
