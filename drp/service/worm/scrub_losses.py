"""What of a repository is gone since it was last listed, and whether anything accounts for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from drp.domain.findings.finding import Finding
from drp.domain.findings.scrub import GONE, POINTS_MISSED, UNACCOUNTED, UNREAD
from drp.domain.phrase import Phrase, counted, fact, several
from drp.domain.repository_port import Lacking, NamedByContent, NeededObjects
from drp.domain.worm.scrub import MOST_NAMED
from drp.errors import DrpError, RepositoryError
from drp.hashing.covered import Covered, Gone
from drp.service.wiring import Wiring
from drp.service.worm.scrub_listing import Listing


class Needing:
    """Who needs what, as far as the key tells it."""

    def __init__(self, repository: NamedByContent, *, keyless: bool) -> None:
        """Take the repository; without the key nobody can tell."""
        self._repository = repository if not keyless and isinstance(repository, NeededObjects) else None
        self.refused: DrpError | None = None
        """What kept the repository from telling."""

    def points(self, keys: Iterable[str]) -> Mapping[str, tuple[str, ...]] | None:
        """Return, for each key, the points that need it; None when nobody could tell of all."""
        if self._repository is None:
            return None
        try:
            return self._repository.points_needing(set(keys))
        except DrpError as error:
            self.refused = error
            return None

    def lacking(self) -> Lacking | None:
        """Return what points need and is not there; None when nobody could look."""
        if self._repository is None:
            return None
        try:
            return self._repository.lacking()
        except DrpError as error:
            self.refused = error
            return None


class Losses:
    """What is gone from one repository."""

    def __init__(self, name: str, repository: NamedByContent, covered: Covered, needing: Needing) -> None:
        """Take the repository and its coverage."""
        self._name, self._repository, self._covered, self._needing = name, repository, covered, needing
        self.listing, self.number = Listing(), 0
        self.findings: list[Finding] = []
        self.missing: tuple[str, ...] = ()
        self.gone_total = 0
        self._told: set[str] = set()

    def take(self, listing: Listing, number: int) -> None:
        """Take what was listed last."""
        self.listing, self.number = listing, number

    def look(self, wiring: Wiring, trouble: DrpError | None, now: datetime) -> None:
        """Find what was there before and is not any more. Raises ``trouble`` unless that explains it."""
        self.findings, self._told, self._needing.refused = [], set(), None
        gone = [each for each in self._covered.gone(self.number) if each.part != "locks"]
        passing = [each.key for each in self._covered.gone(self.number) if each.part == "locks"]
        parts = self.listing.parts
        self.gone_total = len(gone)
        if not parts["config"] and not gone and not self.listing.hidden:
            if trouble is not None:
                raise trouble
            if not any(parts.values()):
                raise RepositoryError(nothing_there(self._name), hint="check its location")
        ruined = self._essential(gone)
        accounted = self._account(gone, ruined, wiring, now)
        self._covered.forget([*passing, *accounted], self.number)
        if trouble is not None and not self.findings:
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
            self.findings.append(GONE.finding(subject=self._name, observed=observed, expected=expected))
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
            self.findings.append(
                GONE.finding(
                    subject=_first(needed),
                    observed=counted("gone-and-needed", "{n} object is gone", "{n} objects are gone", len(needed)),
                    expected=fact("points-need-them", "recovery points need them"),
                )
            )
        elif doubtful and not told:
            self.findings.append(
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
        self._told.update(needed)
        kept = {*ruined, *(needed if told else doubtful)}
        self._covered.lose(kept, now)
        self.missing = tuple(sorted({*kept, *missed}))[:MOST_NAMED]
        return [key for key in (*packs, *indexes, *others) if key not in kept]

    def _needed(self, keys: list[str]) -> tuple[list[str], bool]:
        """Return those that recovery points need, and whether anybody could tell."""
        if not keys:
            return [], True
        points = self._needing.points(keys)
        return ([], False) if points is None else ([key for key in keys if points.get(key)], True)

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
            self.findings.append(
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

    def look_for_lacking(self) -> None:
        """Find what points need and nobody ever listed: it was gone before the first scrub. It takes the key."""
        lacking = self._needing.lacking() if self.listing.parts["snapshots"] else None
        if lacking is None:
            return
        keys = sorted(key for key in lacking.missing if key not in self._told)
        if keys:
            self.findings.append(
                GONE.finding(
                    subject=keys[0],
                    observed=counted("not-there", "{n} object is not there", "{n} objects are not there", len(keys)),
                    expected=fact("points-need-them", "recovery points need them"),
                )
            )
            self.missing = tuple(sorted({*self.missing, *keys}))[:MOST_NAMED]
        told = [(point, why) for point, why in lacking.unknown.items() if not _blamed(lacking, point)]
        if told:
            (point, why), *_ = told
            observed = counted(
                "needs-unknown-of",
                "of {n} point nobody can tell what it needs: {why}",
                "of {n} points nobody can tell what they need; the first: {why}",
                len(told),
                why=why,
            )
            expected = fact("tells-needs", "the repository tells which recovery points need what")
            self.findings.append(UNREAD.finding(subject=f"snapshots/{point}", observed=observed, expected=expected))


def nothing_there(name: str) -> Phrase:
    """Return that there is no repository at a place."""
    return fact("no-repository-there", "repository {name} is not there: nothing lies at its location", name=name)


def _blamed(lacking: Lacking, point: str) -> bool:
    """Return whether it is known what the point lacks."""
    return any(point in points for points in lacking.missing.values())


def _first(keys: list[str]) -> str:
    return min(keys)
