"""What a scrub concludes: damage and what it breaks, what is gone and whether anything accounts for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from drp.domain.findings.finding import Finding
from drp.domain.findings.scrub import (
    AWAY,
    DAMAGED,
    FOREIGN,
    GONE,
    NOT_DECODED,
    POINTS_MISSED,
    READ_DIFFERENTLY,
    UNACCOUNTED,
    UNREAD,
)
from drp.domain.phrase import Phrase, counted, fact, own_words, several
from drp.domain.phrase_form import read as read_phrase
from drp.domain.repository_port import NamedByContent, NeededObjects
from drp.domain.strict_json import Limits, parse
from drp.domain.worm.scrub import MOST_NAMED, Damaged
from drp.errors import DrpError, RepositoryError
from drp.hashing.covered import Covered, Gone, Run
from drp.service.wiring import Wiring
from drp.service.worm.scrub_listing import Listing
from drp.service.worm.scrub_reading import Reading

NOTED = Limits(size=64 << 10)
"""Of why an object is damaged, as it was noted."""
_FINDINGS = 20
"""So many findings of one code are made; the others are counted in the last one."""


class Judge:
    """Gathers the findings of one scrub."""

    def __init__(
        self,
        name: str,
        repository: NamedByContent,
        covered: Covered,
        listing: Listing,
        number: int,
        *,
        keyless: bool,
    ) -> None:
        """Take the repository, its coverage, and what was listed of it."""
        self._name, self._repository, self._covered, self._keyless = name, repository, covered, keyless
        self.listing, self.number = listing, number
        self.findings: list[Finding] = []
        self.damaged: tuple[Damaged, ...] = ()
        self.damaged_total = 0
        self.missing: tuple[str, ...] = ()
        self.gone_total = 0
        self._lost: list[Finding] = []
        self._refused: DrpError | None = None

    def look_for_lost(self, wiring: Wiring, trouble: DrpError | None, now: datetime) -> None:
        """Find what was there before and is not any more. Raises ``trouble`` unless that explains it."""
        self._lost, self._refused = [], None
        gone = [each for each in self._covered.gone(self.number) if each.part != "locks"]
        passing = [each.key for each in self._covered.gone(self.number) if each.part == "locks"]
        parts = self.listing.parts
        self.gone_total = len(gone)
        if not parts["config"] and not gone and not self.listing.hidden:
            if trouble is not None:
                raise trouble
            if not any(parts.values()):
                raise RepositoryError(fact_nothing_there(self._name), hint="check its location")
        ruined = self._essential(gone)
        accounted = self._account(gone, ruined, wiring, now)
        self._covered.forget([*passing, *accounted], self.number)
        if trouble is not None and not self._lost:
            raise trouble

    def _essential(self, gone: list[Gone]) -> set[str]:
        """Find parts without which nothing can be restored, and of which nothing is left; return what they held."""
        there, were = self.listing.parts, {each.part for each in gone}
        empty = [part for part in ("config", "keys") if not there[part]]
        empty += [part for part in ("snapshots", "index", "data") if not there[part] and part in were]
        if empty:
            hidden = len(self.listing.hidden)
            observed = fact("nothing-left-of", "nothing is there of: {parts}", parts=several(empty))
            if hidden:
                observed = fact(
                    "nothing-left-hidden",
                    "nothing is there of: {parts}; delete markers hide {n} names",
                    parts=several(empty),
                    n=hidden,
                )
            expected = fact("as-listed-before", "what was there when it was last listed, or what no repository lacks")
            self._lost.append(GONE.finding(subject=self._name, observed=observed, expected=expected))
        return {each.key for each in gone if each.part in empty}

    def _account(self, gone: list[Gone], ruined: set[str], wiring: Wiring, now: datetime) -> list[str]:
        """Return the keys of what is gone and accounted for; make findings of the rest, which stays in mind."""
        missed = self._missed_points(wiring, now)
        packs = [each.key for each in gone if each.part == "data"]
        indexes = [each.key for each in gone if each.part == "index"]
        others = [each.key for each in gone if each.part not in {"data", "index"}]
        lost_before = {each.key for each in gone if each.lost}
        rewritten = bool(indexes) and self._covered.come(self.number, "index") > 0
        doubtful = [key for key in packs if not rewritten or key in lost_before]
        if indexes and not rewritten:
            doubtful += indexes
        needed, told = self._needed(doubtful)
        if needed:
            self._lost.append(
                GONE.finding(
                    subject=_first(needed),
                    observed=counted("gone-and-needed", "{n} object is gone", "{n} objects are gone", len(needed)),
                    expected=fact("points-need-them", "recovery points need them"),
                )
            )
        elif doubtful and not told:
            self._lost.append(
                UNACCOUNTED.finding(
                    subject=_first(doubtful),
                    observed=counted(
                        "gone-index-kept",
                        "{n} object is gone, and no index was written anew",
                        "{n} objects are gone, and no index was written anew",
                        len(doubtful),
                    ),
                    expected=fact("retention-rewrites", "retention writes the index anew when it removes packs"),
                )
            )
        kept = {*ruined, *(needed if told else doubtful)}
        self._covered.lose(kept, now)
        self.missing = tuple(sorted({*kept, *missed}))[:MOST_NAMED]
        return [key for key in (*packs, *indexes, *others) if key not in kept]

    def _needed(self, keys: list[str]) -> tuple[list[str], bool]:
        """Return those that recovery points need, and whether anybody could tell."""
        if not keys:
            return [], True
        points = self._points_needing(keys)
        return ([], False) if points is None else ([key for key in keys if points.get(key)], True)

    def _points_needing(self, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]] | None:
        if self._keyless or not isinstance(self._repository, NeededObjects):
            return None
        try:
            return self._repository.points_needing(set(keys))
        except DrpError as error:
            self._refused = error
            return None

    def _missed_points(self, wiring: Wiring, now: datetime) -> list[str]:
        """Find recovery points that the ledger expects, and whose objects are not there."""
        known = wiring.register_to_read().state().repositories.get(self._name)
        if known is None:
            return []
        there = {key for key, _ in self._covered.names(self.number, all_versions=False)}
        expected = {each.point: each for each in known.expected.values() if each.lost_at is None}
        left = [each for each in expected.values() if self._repository.point_object(each.point) in there]
        oldest = min((each.consistent_at for each in left), default=None)
        missed = []
        for each in expected.values():
            key = self._repository.point_object(each.point)
            if key is None or key in there:
                continue
            kept_for = self._kept_for(wiring, each.application)
            if kept_for is not None and now - each.consistent_at > kept_for:
                continue
            if kept_for is None and oldest is not None and each.consistent_at < oldest:
                continue  # as retention removes them; `drp repo points` judges that
            missed.append(key)
        if missed:
            self._lost.append(
                POINTS_MISSED.finding(
                    subject=_first(missed),
                    observed=counted(
                        "points-not-there", "{n} point is not there", "{n} points are not there", len(missed)
                    ),
                    expected=fact("points-in-ledger", "the ledger of expected points knows them"),
                )
            )
        return missed

    def _kept_for(self, wiring: Wiring, application: str) -> timedelta | None:
        found = wiring.site.applications.get(application)
        return found.backup_job.kept_for if found is not None else None

    def decode(self, seconds: float) -> bool:
        """Let the backup tool decode everything; return whether it came to an end."""
        expected = fact("all-decoded", "everything can be decrypted, unpacked and found")
        try:
            damaged = self._repository.decode(seconds)
        except DrpError as error:
            self._lost.append(UNREAD.finding(subject=self._name, observed=own_words(error.message), expected=expected))
            return False
        for each in damaged[:_FINDINGS]:
            self._lost.append(NOT_DECODED.finding(subject=self._name, observed=each, expected=expected))
        return True

    def judge(self, run: Run, reading: Reading) -> None:
        """Make findings of what was read, what was not, and what is gone."""
        found = self._covered.damaged(run)
        self.damaged_total = len(found)
        points = self._points_needing(key for key, _, _ in found) if found else None
        self.damaged = tuple(
            Damaged(
                key=key,
                version=version,
                why=read_phrase(parse(why, NOTED)),
                points=tuple(points.get(key, ())) if points is not None else None,
            )
            for key, version, why in found[:MOST_NAMED]
        )
        self.findings = [
            *(_damage(each) for each in self.damaged[:_FINDINGS]),
            *self._lost,
            *self._unread(reading),
            *self._remarks(reading),
        ]

    def _unread(self, reading: Reading) -> Iterable[Finding]:
        readable = fact("readable", "every object can be read")
        if reading.unread_total:
            (key, why), *_ = reading.unread.items()
            observed = counted(
                "unread-by-us",
                "{n} object could not be read: {why}",
                "{n} objects could not be read; the first: {why}",
                reading.unread_total,
                why=why,
            )
            yield UNREAD.finding(subject=key, observed=observed, expected=readable)
        for folder in self.listing.unlisted[:_FINDINGS]:
            observed = fact("odd-unlisted", "a folder that cannot be listed")
            yield UNREAD.finding(subject=folder, observed=observed, expected=readable)
        if reading.away is not None:
            expected = fact("stays-there", "it stays there until everything is read")
            yield AWAY.finding(subject=self._name, observed=reading.away, expected=expected)
        if self._refused is not None:
            expected = fact("tells-needs", "the repository tells which recovery points need what")
            yield UNREAD.finding(subject=self._name, observed=own_words(self._refused.message), expected=expected)

    def _remarks(self, reading: Reading) -> Iterable[Finding]:
        for one in reading.mended[:_FINDINGS]:
            yield READ_DIFFERENTLY.finding(
                subject=one.key,
                observed=fact("damaged-and-whole", "damaged at {since}, and whole now", since=one.damaged or ""),
                expected=fact("reads-the-same", "the same bytes whenever it is read"),
            )
        if self.listing.foreign_total:
            (key, why), *_ = self.listing.foreign.items()
            observed = counted(
                "foreign-names",
                "{n} name that is not the repository's own: {why}",
                "{n} names that are not the repository's own; the first: {why}",
                self.listing.foreign_total,
                why=why,
            )
            expected = fact("own-names-alone", "nothing but what the backup tool writes")
            yield FOREIGN.finding(subject=key, observed=observed, expected=expected)

    def not_judged(self, *, all_versions: bool) -> tuple[Phrase, ...]:
        """Return what this scrub says nothing about."""
        told: list[Phrase] = []
        if self._keyless:
            told.append(fact("which-packs-needed", "whether all is there that recovery points need: it takes the key"))
        if self.listing.parts["config"] and self._keyless:
            told.append(fact("config-has-no-digest", "config: its name says nothing about its content"))
        if self.listing.below and not all_versions:
            told.append(
                counted(
                    "versions-below",
                    "{n} version below a current one (--all-versions)",
                    "{n} versions below current ones (--all-versions)",
                    self.listing.below,
                )
            )
        return tuple(told)


def fact_nothing_there(name: str) -> Phrase:
    """Return that there is no repository at a place."""
    return fact("no-repository-there", "repository {name} is not there: nothing lies at its location", name=name)


def _first(keys: list[str]) -> str:
    return min(keys)


def _damage(one: Damaged) -> Finding:
    expected = fact("bytes-named", "the bytes that its name promises")
    if one.points:
        expected = counted(
            "bytes-named-needed",
            "the bytes that its name promises; {n} recovery point needs them",
            "the bytes that its name promises; {n} recovery points need them",
            len(one.points),
        )
    subject = f"{one.key} ({one.version})" if one.version else one.key
    return DAMAGED.finding(subject=subject, observed=one.why, expected=expected)
