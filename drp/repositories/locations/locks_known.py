"""The locks of many object versions: from memory as far as it goes, and from the store for everything else."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from itertools import islice

from drp.domain.worm.objects import ObjectLock
from drp.repositories.locations.lock_memory import LockMemory, growing
from drp.repositories.locations.s3_heads import LockQuestions, Version

_AGAIN = 32
"""So many of the remembered locks are drawn at random and asked for again."""
_WEAKEST = 20
"""So many of the remembered locks that end first are asked for again; more, as long as any of them has grown."""
_BATCH = 5000


class KnownLocks:
    """What is known of locks since it was made; made anew, it asks anew. Raises what `LockQuestions` raises."""

    def __init__(self, questions: LockQuestions, memory: LockMemory, at: datetime) -> None:
        """Take how to ask, what is remembered, and the instant by which remembered dates must not have passed."""
        self._questions, self._memory, self._at = questions, memory, at
        self._known: dict[Version, datetime] = dict(memory.read().items())
        self._answers: dict[Version, ObjectLock | None] = {}
        self.asked_again = 0
        """How many remembered locks were drawn at random and asked for once more."""
        self.shorter: list[str] = []
        """Objects whose compliance lock ends earlier than it once did, or is gone: then nothing remembered counts."""

    def is_remembered(self, version: Version) -> bool:
        """Return whether a lock is known without having been asked for now."""
        return version in self._known and version not in self._answers

    def lock(self, version: Version) -> ObjectLock | None:
        """Return what protects a version that was asked for; None: it is not there."""
        if version in self._answers:
            return self._answers[version]
        until = self._known.get(version)
        return ObjectLock(mode="compliance", until=until, legal_hold=False) if until is not None else None

    def ask(self, versions: Collection[Version], enough: Callable[[Version], datetime | None] = lambda _: None) -> None:
        """Come to know these locks. ``enough``: until when each must hold; a remembered date below it is asked anew."""
        trusted: list[Version] = []
        missing: list[Version] = []
        for version in versions:
            if version in self._answers:
                continue
            until, least = self._known.get(version), enough(version) or self._at
            (trusted if until is not None and until > self._at and until >= least else missing).append(version)
        again = random.SystemRandom().sample(trusted, min(_AGAIN, len(trusted)))
        self.asked_again += len(again)
        self._bring((*missing, *again))
        most = _WEAKEST
        while not self.shorter:
            still = [version for version in trusted if version not in self._answers]
            ending = heapq.nsmallest(most, still, key=self._known.__getitem__)
            if not ending or not self._bring(ending):
                break
            most *= 10
        if self.shorter:
            self._memory.drop()
            self._known.clear()
            self._bring([version for version in trusted if version not in self._answers])

    def gone(self, there: Collection[tuple[str, str]]) -> list[str]:
        """Return the objects of remembered versions that are still locked, are not listed, and are not there."""
        lost = [each for each, until in self._known.items() if until > self._at and (each[0], each[1]) not in there]
        return sorted(key for (key, _), lock in self._questions.ask(lost) if lock is None) if lost else []

    def _bring(self, versions: Iterable[Version]) -> bool:
        """Ask for locks by version: what a service remembers of an object's newest version may be stale.

        Returns whether any that was remembered has grown; one that has not even stayed is noted as ``shorter``.
        """
        answers = self._questions.ask(versions)
        grown = False
        while batch := dict(islice(answers, _BATCH)):
            dates = {version: growing(version[1], lock) for version, lock in batch.items()}
            for version, lock in batch.items():
                before = self._known.get(version)
                if before is not None:
                    if _is_shorter(before, lock):
                        self.shorter.append(version[0])
                    grown = grown or (lock is not None and lock.until is not None and lock.until > before)
            self._answers |= batch
            self._memory.keep({(key, known or ""): until for (key, known), until in dates.items() if until is not None})
        return grown


def _is_shorter(remembered: datetime, lock: ObjectLock | None) -> bool:
    """Return whether a lock holds for less than it did."""
    if lock is None or lock.mode != "compliance" or lock.until is None:
        return True
    return lock.until < remembered
