"""What `drp repo scrub` asks for and prints."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from drp.cli import render
from drp.cli.repo_views import named
from drp.cli.wording import spoken_line
from drp.codec import to_data
from drp.config.values import parse_duration, parse_size
from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase, Size, count, lasting, say
from drp.domain.worm.scrub import Coverage, Draw, Scrub, exit_status
from drp.errors import UsageError
from drp.hashing.progress import Meter
from drp.service.cancellation import Cancellation
from drp.service.wiring import Wiring
from drp.service.worm.scrubbing import Wish, scrub_repository

_MARKS = {"critical": "✗", "inconclusive": "?", "warning": "!", "note": "·"}
_NAMED = 20


def wish_of(budget: Sequence[str], *, keyless: bool, decode: bool, all_versions: bool, seed: str) -> Wish:
    """Return what the command line asks for. Raises ``UsageError`` for a budget that is neither size nor time."""
    if keyless and decode:
        raise UsageError(
            say("--full decodes with the key, and --keyless goes without it"), hint="leave one of them out"
        )
    size: int | None = None
    duration: timedelta | None = None
    for each in budget:
        try:
            size = parse_size(each)
        except ValueError:
            try:
                duration = parse_duration(each)
            except ValueError as error:
                raise UsageError(
                    say("{budget} is neither a size nor a time", budget=repr(each)),
                    hint="write it as 200GB or 30m; both may be given",
                ) from error
    return Wish(keyless=keyless, size=size, duration=duration, all_versions=all_versions, decode=decode, seed=seed)


def show_scrub(wiring: Wiring, name: str, wish: Wish, *, machine: bool) -> int:
    """Scrub, print what it showed, and return the exit status."""
    named(wiring, name)
    meter = Meter(sys.stderr, live=sys.stderr.isatty(), words=spoken_line)
    with _stoppable() as stopped:
        try:
            scrub = scrub_repository(
                wiring,
                name,
                wish,
                cancelled=stopped,
                tell=lambda objects, size: meter(objects, size, objects),
            )
        finally:
            meter.wipe()
    status = exit_status(scrub.findings)
    if machine:
        render.document("drp/scrub/1", {"repository": name, "exit": status, **to_data(scrub)})
    else:
        _print(name, scrub)
    return status


def _print(name: str, scrub: Scrub) -> None:
    took = lasting(scrub.ended_at - scrub.began_at)
    render.line(
        count(
            "{repository}: {n} object read, {size}, in {time}",
            "{repository}: {n} objects read, {size}, in {time}",
            scrub.objects,
            repository=name,
            size=Size(scrub.size),
            time=took,
        )
    )
    if scrub.draw is not None:
        render.labelled(say("draw"), draw_words(scrub.draw))
    if scrub.coverage is not None:
        for words in coverage_words(scrub, scrub.coverage):
            render.labelled(say("rotation"), words)
    if scrub.decoded:
        render.labelled(say("decoded"), say("everything was read by the backup tool too, with the key"))
    for each in scrub.not_judged:
        render.labelled(say("not judged"), each)
    for finding in scrub.findings:
        _print_finding(finding)
    _print_broken(scrub)
    if not scrub.findings:
        render.line(say("everything that was read holds the bytes that its name promises"))


def draw_words(draw: Draw) -> Phrase:
    """Return what a draw shows, and no more."""
    return say(
        "{drawn} of {population} objects (seed {seed}): if {bad} % or more of them were corrupt, one would have been "
        "found with {chance} % confidence",
        drawn=draw.drawn,
        population=draw.population,
        seed=draw.seed,
        bad=f"{draw.bad_share * 100:g}",
        chance=f"{draw.chance * 100:g}",
    )


def coverage_words(scrub: Scrub, coverage: Coverage) -> Iterator[Phrase]:
    """Yield how far reading everything has come, and how old its oldest reading is."""
    yield say(
        "{ever} of {objects} objects were ever read and are whole, {size} of {total}",
        ever=coverage.objects_ever,
        objects=coverage.objects,
        size=Size(coverage.size_ever),
        total=Size(coverage.size),
    )
    if coverage.oldest_at is not None:
        yield say(
            "the oldest reading is {age} old", age=lasting(max(scrub.ended_at - coverage.oldest_at, timedelta(0)))
        )
    elif coverage.objects:
        left = coverage.objects - coverage.objects_ever
        yield count("{n} object was never read, or is damaged", "{n} objects were never read, or are damaged", left)


def _print_finding(finding: Finding) -> None:
    render.line(
        say(
            "{mark} {code} {subject}: {observed}",
            mark=_MARKS[finding.severity],
            code=finding.code,
            subject=finding.subject,
            observed=finding.observed,
        )
    )
    render.line(say("  expected: {expected}", expected=finding.expected))
    render.line(say("  HINT: {hint}", hint=finding.remedy))


def _print_broken(scrub: Scrub) -> None:
    if scrub.damaged_total > len(scrub.damaged):
        render.line(say("damaged in all: {n}", n=scrub.damaged_total))
    broken = sorted({point for each in scrub.damaged for point in each.points or ()})
    for point in broken[:_NAMED]:
        render.line(say("✗ recovery point {point} cannot be restored whole", point=point[:8]))
    if len(broken) > _NAMED:
        render.line(say("recovery points that are broken, in all: {n}", n=len(broken)))


@contextmanager
def _stoppable() -> Iterator[Cancellation]:
    """Let signals stop the reading between two objects; what was read by then is noted."""
    cancellation = Cancellation()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        cancellation.request(number)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield cancellation
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
