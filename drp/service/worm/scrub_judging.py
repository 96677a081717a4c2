"""What a scrub concludes: damage and what it breaks, what is gone and whether anything accounts for it."""

from __future__ import annotations

from collections.abc import Iterable

from drp.domain.findings.finding import Finding
from drp.domain.findings.scrub import (
    AWAY,
    DAMAGED,
    FOREIGN,
    NOT_DECODED,
    READ_DIFFERENTLY,
    UNREAD,
)
from drp.domain.phrase import Phrase, counted, fact, own_words
from drp.domain.phrase_form import read as read_phrase
from drp.domain.repository_port import NamedByContent
from drp.domain.strict_json import Limits, parse
from drp.domain.worm.scrub import MOST_NAMED, Damaged
from drp.errors import DrpError
from drp.hashing.covered import Covered, Run
from drp.service.worm.scrub_listing import Listing
from drp.service.worm.scrub_losses import Losses, Needing
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
        self._needing = Needing(repository, keyless=keyless)
        self.losses = Losses(name, repository, covered, self._needing)
        self.take(listing, number)
        self.findings: list[Finding] = []
        self.damaged: tuple[Damaged, ...] = ()
        self.damaged_total = 0
        self._undecoded: list[Finding] = []

    def take(self, listing: Listing, number: int) -> None:
        """Take what was listed last."""
        self.listing, self.number = listing, number
        self.losses.take(listing, number)

    def hear(self, remarks: Iterable[Phrase]) -> None:
        """Hear what the backup tool itself says to be broken, at the first look at it with the key."""
        expected = fact("opens-with-key", "the key opens it")
        self._undecoded += [
            NOT_DECODED.finding(subject=self._name, observed=each, expected=expected) for each in remarks
        ]

    def decode(self, seconds: float) -> bool:
        """Let the backup tool decode everything; return whether it came to an end."""
        expected = fact("all-decoded", "everything can be decrypted, unpacked and found")
        try:
            damaged = self._repository.decode(seconds)
        except DrpError as error:
            self._undecoded.append(
                UNREAD.finding(subject=self._name, observed=own_words(error.message), expected=expected)
            )
            return False
        for each in damaged[:_FINDINGS]:
            self._undecoded.append(NOT_DECODED.finding(subject=self._name, observed=each, expected=expected))
        return True

    def judge(self, run: Run, reading: Reading) -> None:
        """Make findings of what was read, what was not, and what is gone."""
        found = self._covered.damaged(run)
        self.damaged_total = len(found)
        points = self._needing.points(key for key, _, _ in found) if found else None
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
            *self.losses.findings,
            *self._undecoded,
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
        if self._needing.refused is not None:
            expected = fact("tells-needs", "the repository tells which recovery points need what")
            yield UNREAD.finding(
                subject=self._name, observed=own_words(self._needing.refused.message), expected=expected
            )

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
