"""Scrubs a repository: reads stored objects and holds them against their names, without the repository's password.

Two parts: a seeded random draw, whose statement is about all objects, and a rotation, oldest-verified first. What was
read and matched is durable within a second (`drp/hashing/covered.py`), so a scrub that is killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import heapq
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drp.config.secrets import resolve
from drp.domain.findings.scrub import NOT_NAMED
from drp.domain.phrase import Phrase, fact
from drp.domain.ports import Repository
from drp.domain.repository_port import NamedByContent
from drp.domain.worm.facts import Scrubbed
from drp.domain.worm.scrub import Scrub, draw_size, drawn
from drp.errors import DrpError, MediaNeeded
from drp.hashing.covered import Covered, Listed, Run
from drp.machine import cores
from drp.repositories.locations.stored import StoredObjects, stored_objects
from drp.service.wiring import Wiring
from drp.service.worm.scrub_judging import Judge
from drp.service.worm.scrub_listing import Listing
from drp.service.worm.scrub_reading import Reading, Room, within

_TAKEN_UP = timedelta(days=7)
"""A scrub that was cut off so long ago is not taken up again: a new one begins."""
_CONNECTIONS = 4
"""At least so many objects are read at once; from a bucket more bring nothing (measured)."""
_LONGEST_DECODING = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of a scrub."""

    keyless: bool = False
    """The repository's password is not resolved at all."""
    size: int | None = None
    """Bytes to read at most; None: all."""
    duration: timedelta | None = None
    """For how long objects are begun; None: until all are read."""
    all_versions: bool = False
    decode: bool = False
    seed: str = ""
    """Of the draw; empty: made once the objects are listed."""


def scrub_repository(
    wiring: Wiring,
    name: str,
    wish: Wish,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[int, int], None] = lambda _objects, _size: None,
) -> Scrub:
    """Scrub a repository of the site and write down what it showed, in the register.

    Raises what listing it raises where nothing was ever known of it, ``Busy`` while another scrub of it runs, and
    ``Interrupted`` when it was stopped: what was read by then counts, and the next one takes it up.
    """
    repository = wiring.repositories()[name]
    if isinstance(repository, NamedByContent):
        place = wiring.site.state_directory / "scrub" / f"{name}.sqlite"
        with closing(Covered(place)) as covered:
            scrub = _Scrubbing(wiring, name, repository, covered, wish).run(cancelled, tell)
    else:
        scrub = _not_named(name, wiring.clock.now().wall, wish)
    wiring.register().append(Scrubbed(repository=name, host=platform.node(), scrub=scrub))
    return scrub


def _not_named(name: str, now: datetime, wish: Wish) -> Scrub:
    """Return that a kind of repository does not name its objects by their content."""
    finding = NOT_NAMED.finding(
        subject=name,
        observed=fact("kind-names-nothing", "names of its objects say nothing about their content"),
        expected=fact("named-by-content", "objects that are named by their content"),
    )
    why = fact("checked-by-manifests", "everything: it is checked by manifests (drp manifest verify), not by names")
    return Scrub(
        began_at=now,
        ended_at=now,
        keyless=wish.keyless,
        objects=0,
        size=0,
        complete=False,
        not_judged=(why,),
        findings=(finding,),
    )


class _Scrubbing:
    """One scrub of one repository whose objects are named by their content."""

    def __init__(self, wiring: Wiring, name: str, repository: NamedByContent, covered: Covered, wish: Wish) -> None:
        settings = wiring.site.repositories[name]
        self._wiring, self._name, self._repository, self._wish = wiring, name, repository, wish
        self._stored: StoredObjects = stored_objects(name, settings.location, resolve, settings.limits)
        self._covered, self._clock = covered, wiring.clock
        self._until = time.monotonic() + wish.duration.total_seconds() if wish.duration is not None else None

    def run(self, cancelled: Callable[[], bool], tell: Callable[[int, int], None]) -> Scrub:
        """List, draw, read, judge."""
        began = self._clock.now().wall
        trouble, remarks = self._try_key()
        listing, number = self._list()
        judge = Judge(self._name, self._repository, self._covered, listing, number, keyless=self._wish.keyless)
        judge.losses.look(self._wiring, trouble, began)
        judge.hear(remarks)
        scope = "all" if self._wish.all_versions else "current"
        seed = self._wish.seed or secrets.token_hex(16)
        run = self._covered.begin(began, seed, scope, not_before=began - _TAKEN_UP)
        draw = self._draw(run, number)
        objects, size = self._covered.done(run)
        room = Room(self._wish.size, self._until, taken=size, objects=objects)
        reading = Reading(
            stored=self._stored,
            covered=self._covered,
            run=run,
            clock=self._clock,
            connections=max(_CONNECTIONS, cores()),
            cancelled=cancelled,
            tell=tell,
        )
        reading.read(self._order(run, number, draw, room))
        if reading.vanished:
            judge.take(*self._list())
            judge.losses.look(self._wiring, trouble, began)
        if trouble is None:
            judge.losses.look_for_lacking()
        decoded = self._decode(judge) if self._wish.decode else False
        scrub = self._told(run, judge, reading, room, draw)
        self._covered.end(run, scrub.ended_at)
        return replace(scrub, decoded=decoded)

    def _try_key(self) -> tuple[DrpError | None, tuple[Phrase, ...]]:
        """Return why the key opens nothing, if it does not, and what it shows to be broken.

        An emptied repository has nothing to try it on.
        """
        if self._wish.keyless:
            return None, ()
        repository: Repository = self._wiring.repositories()[self._name]
        try:
            return None, repository.preflight().remarks
        except MediaNeeded:
            raise
        except DrpError as error:
            return error, ()

    def _list(self) -> tuple[Listing, int]:
        listing = Listing()
        objects = listing.objects(self._stored, self._repository)
        number, headless = self._covered.list_anew(objects, self._clock.now().wall, listing.hidden.__contains__)
        listing.take(self._covered.parts(number), headless)
        return listing, number

    def _draw(self, run: Run, number: int) -> list[tuple[str, str]]:
        """Return the objects drawn: those with the smallest SHA-256 of seed and name, each as likely as any other."""
        names = list(self._covered.names(number, all_versions=self._wish.all_versions))
        return heapq.nsmallest(draw_size(len(names)), names, key=lambda name: _rank(run.seed, *name))

    def _order(self, run: Run, number: int, draw: list[tuple[str, str]], room: Room) -> Iterator[Listed]:
        """Yield first what was damaged before, then what was drawn as it was drawn, then the rest, oldest first.

        Draws have half of a budget, and the rotation reads one object at least: it goes on whatever was drawn.
        """
        place = {name: position for position, name in enumerate(draw)}
        damaged: list[Listed] = []
        chosen: list[Listed] = []
        for one in self._covered.order(number, run, all_versions=self._wish.all_versions):
            if one.damaged is not None:
                damaged.append(one)
            elif (one.key, one.version) in place:
                chosen.append(one)
        taken: set[tuple[str, str]] = set()
        half = room.half()
        for one in within(damaged, room):
            taken.add((one.key, one.version))
            yield one
        for one in sorted(chosen, key=lambda one: place[one.key, one.version]):
            if not half.takes(one.size) or not room.takes(one.size):
                break
            taken.add((one.key, one.version))
            yield one
        room.least = room.objects + 1  # or an object that is larger than a budget's half would never be read
        rest = self._covered.order(number, run, all_versions=self._wish.all_versions)
        yield from within((one for one in rest if (one.key, one.version) not in taken), room)

    def _read_of(self, run: Run, draw: list[tuple[str, str]], *, cut_short: bool) -> int:
        """Return how many of the drawn objects were read: of a draw that the budget cut short, those up to there.

        What was read for another reason, such as earlier damage, is no part of such a draw: chance did not choose it.
        """
        if not cut_short:
            return self._covered.read_by(run, draw)
        return next((n for n, name in enumerate(draw) if not self._covered.read_by(run, [name])), len(draw))

    def _decode(self, judge: Judge) -> bool:
        seconds = self._until - time.monotonic() if self._until is not None else _LONGEST_DECODING
        return judge.decode(max(seconds, 1.0))

    def _told(self, run: Run, judge: Judge, reading: Reading, room: Room, draw: list[tuple[str, str]]) -> Scrub:
        everything = self._wish.all_versions
        coverage = self._covered.coverage(judge.number, all_versions=everything)
        objects, size = self._covered.done(run)
        judge.judge(run, reading)
        read = self._read_of(run, draw, cut_short=room.limited)
        return Scrub(
            began_at=run.began,
            ended_at=self._clock.now().wall,
            keyless=self._wish.keyless,
            objects=objects,
            size=size,
            damaged=judge.damaged,
            damaged_total=judge.damaged_total,
            missing=judge.losses.missing,
            draw=drawn(run.seed, read, coverage.objects),
            coverage=coverage,
            not_judged=judge.not_judged(all_versions=everything),
            population=coverage.objects,
            unread=reading.unread_total,
            gone=judge.losses.gone_total,
            complete=not room.full and reading.away is None,
            all_versions=everything,
            findings=tuple(judge.findings),
        )


def _rank(seed: str, key: str, version: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{key}\0{version}".encode()).digest()
