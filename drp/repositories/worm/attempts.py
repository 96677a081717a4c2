"""What is tried on the sacrificial version, each attempt with its control: the same keys, where no lock forbids it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from drp.domain.phrase import Phrase, fact
from drp.domain.worm.judging_probe import Control, judge
from drp.domain.worm.probe import Attempt, Tried
from drp.repositories.locations.s3_writer import Answer, S3Writer
from drp.repositories.worm.extending import shown
from drp.repositories.worm.sacrifice import Altar, Sacrifice, bytes_of, delete, said, set_retention

_ABLE = Control(able=True)
_GAVE_UP = 9
"""So many attempts in a row that the store did not look at end the probe; what nobody could look at counts thrice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One attempt, in one of its ways."""

    attempt: Attempt
    bypass: bool = False


_DELETING: Mapping[Attempt, bool] = {"delete-version": False, "bypass-governance": False, "delete-batch": True}
"""Attempt → whether it goes in a batch."""


def ways(mode: str) -> tuple[Way, ...]:
    """Return what is tried on a version locked in a mode: what adds something first, what would end it last."""
    lowering = (
        (Way(attempt="downgrade-mode"), Way(attempt="downgrade-mode", bypass=True)) if mode == "compliance" else ()
    )
    return (
        Way(attempt="overwrite"),
        Way(attempt="delete-marker"),
        Way(attempt="shorten-retention"),
        Way(attempt="shorten-retention", bypass=True),
        *lowering,
        Way(attempt="remove-retention"),
        Way(attempt="remove-retention", bypass=True),
        Way(attempt="delete-version"),
        Way(attempt="bypass-governance", bypass=True),
        Way(attempt="delete-batch"),
        Way(attempt="delete-batch", bypass=True),
    )


class Attempts:
    """Tries everything with some keys, and goes on with a new version where one was harmed."""

    def __init__(self, altar: Altar, subject: Sacrifice | None, who: S3Writer, by: str) -> None:
        """Take whose keys try it; the version is locked and whole. None: there is none any more."""
        self._altar, self._who, self._by = altar, who, by
        self.subject = subject
        self._lost = 0

    def all(self) -> Iterator[Tried]:
        """Yield what came of each; none is sent any more where no new version could be made, or nothing is answered."""
        for way in ways(self._altar.mode):
            if self.subject is None:
                yield self._not_sent(way, fact("probe-no-subject", "no version could be made to try it on"))
            elif self._lost >= _GAVE_UP:
                yield self._not_sent(way, fact("probe-silent", "the store had stopped answering"))
            else:
                yield self._try(way, self.subject)

    def _not_sent(self, way: Way, why: Phrase) -> Tried:
        return Tried(attempt=way.attempt, came="undecided", by=self._by, why=why, bypass=way.bypass)

    def _try(self, way: Way, subject: Sacrifice) -> Tried:
        control, subject = self._controlled(way, subject)
        before = subject.sight
        answer = self._sent(way, subject)
        after = self._altar.look(subject.key, subject.version)
        outcome = judge(
            before,
            after,
            said(answer),
            shown(answer),
            control,
            allowed=way.attempt in {"overwrite", "delete-marker"},
            proves_lock=self._by == "probe" and not way.bypass,
        )
        self._lost = self._lost + 3 if after.unseen else self._lost + 1 if answer.unclear else 0
        if outcome.came == "succeeded":
            self.subject = self._another()
        elif not after.unseen:
            self.subject = replace(subject, sight=after)
        return Tried(
            attempt=way.attempt,
            came=outcome.came,
            by=self._by,
            answer=answer.shown,
            why=outcome.why,
            bypass=way.bypass,
            ground=outcome.ground,
        )

    def _another(self) -> Sacrifice | None:
        _, made = self._altar.make()
        usable = made is not None and made.sight.whole and made.sight.mode == self._altar.mode and made.sight.until
        return made if usable else None

    def _controlled(self, way: Way, subject: Sacrifice) -> tuple[Control, Sacrifice]:
        """Return whether these keys could do it otherwise, and the version as it is afterwards."""
        if way.attempt in _DELETING:
            batch = _DELETING[way.attempt]
            return self._altar.may_delete(self._who, subject.key, batch=batch, bypass=way.bypass), subject
        if way.attempt in {"overwrite", "delete-marker"}:
            return (_ABLE if self._by == "probe" else Control(able=False)), subject
        control, sight = self._altar.may_set_retention(self._who, subject, bypass=way.bypass)
        return control, subject if sight.unseen else replace(subject, sight=sight)

    def _sent(self, way: Way, subject: Sacrifice) -> Answer:
        send: Mapping[Attempt, Callable[[], Answer]] = {
            "overwrite": lambda: self._overwrite(subject),
            "delete-marker": lambda: self._marked(subject),
            "shorten-retention": lambda: self._retain(way, subject, self._shorter(subject)),
            "downgrade-mode": lambda: self._retain(way, subject, self._lower(subject)),
            "remove-retention": lambda: self._retain(way, subject, {}),
        }
        if way.attempt in _DELETING:
            batch = _DELETING[way.attempt]
            return delete(self._who, subject.key, subject.version, batch=batch, bypass=way.bypass)
        return send[way.attempt]()

    def _overwrite(self, subject: Sacrifice) -> Answer:
        """Write something else under the same name; locked as briefly, whatever the bucket would do by default."""
        until = subject.sight.until or self._altar.now()
        other = bytes_of(f"{subject.key} overwritten")
        return self._who.ask("put_object", Key=subject.key, Body=other, **self._altar.lock(until))

    def _marked(self, subject: Sacrifice) -> Answer:
        answer = self._who.ask("delete_object", Key=subject.key)
        version = str(answer.found.get("VersionId") or "")
        if answer.done and version and version != subject.version:
            delete(self._altar.writer, subject.key, version)
        return answer

    def _retain(self, way: Way, subject: Sacrifice, wanted: dict[str, Any]) -> Answer:
        return set_retention(self._who, subject, wanted, bypass=way.bypass)

    def _shorter(self, subject: Sacrifice) -> dict[str, Any]:
        """Return half of what is left, which still lies ahead: a date in the past is refused for another reason."""
        now = self._altar.now()
        left = (subject.sight.until or now) - now
        until = now + max(left // 2, timedelta(seconds=2))
        return {"Mode": self._altar.mode.upper(), "RetainUntilDate": until.replace(microsecond=0)}

    def _lower(self, subject: Sacrifice) -> dict[str, Any]:
        return {"Mode": "GOVERNANCE", "RetainUntilDate": subject.sight.until}
