"""What lies in a repository, listed once and told apart: what can be judged by its name, and what is not its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from drp.domain.phrase import Phrase, fact
from drp.domain.repository_port import NamedByContent
from drp.domain.worm.objects import ObjectVersion
from drp.domain.worm.policies import PROBE_FOLDER
from drp.domain.worm.scrub import MOST_NAMED
from drp.hashing.covered import Listed
from drp.repositories.locations.stored import Odd, StoredObjects


@dataclass(slots=True)
class Listing:
    """One listing, as it goes by."""

    parts: Counter[str] = field(default_factory=Counter)
    """Part → objects that are read by their names now."""
    foreign: dict[str, Phrase] = field(default_factory=dict)
    """Names that belong to no repository, no more than a hundred, and what they are."""
    foreign_total: int = 0
    unlisted: list[str] = field(default_factory=list)
    """Folders that could not be looked into."""
    below: int = 0
    """Versions that lie below current ones, or below delete markers."""
    hidden: set[str] = field(default_factory=set)
    """Names over which a delete marker lies: nobody finds them."""

    def objects(self, stored: StoredObjects, repository: NamedByContent) -> Iterator[Listed]:
        """Yield every version of the repository's own objects. Raises as listing does."""
        for one in stored.everything():
            if isinstance(one, Odd):
                self._odd(one)
            elif one.marker:
                if one.latest:
                    self.hidden.add(one.key)
            else:
                named = repository.named(one.key)
                if named.part:
                    yield _listed(one, named.part, named.sha256)
                elif not (
                    one.key.startswith(f"{PROBE_FOLDER}/") or (one.key.endswith("/") and one.size == 0)
                ):  # what consoles make for a folder
                    self._tell(one.key, fact("not-its-own-name", "not a name that the backup tool gives"))

    def take(self, parts: Mapping[str, int], headless: Sequence[str]) -> None:
        """Take how many objects of each part there are, and names of which no version is called the current one."""
        self.parts, self.below = Counter(parts), parts.get("", 0)
        del self.parts[""]
        for key in headless:
            self._tell(key, fact("no-version-current", "the store calls none of its versions the current one"))

    def _odd(self, one: Odd) -> None:
        if one.unlisted:
            self.unlisted.append(one.key)
        else:
            self._tell(one.key, one.why)

    def _tell(self, key: str, why: Phrase) -> None:
        self.foreign_total += 1
        if len(self.foreign) < MOST_NAMED:
            self.foreign[key] = why


def _harmless(one: ObjectVersion) -> bool:
    """Return whether an object is what consoles make for a folder, or what drp's own probe made."""
    return (one.key.endswith("/") and one.size == 0) or one.key.startswith(f"{PROBE_FOLDER}/")


def _listed(one: ObjectVersion, part: str, sha256: str) -> Listed:
    return Listed(one.key, one.version, part, sha256, one.size, one.modified.isoformat(), one.latest)
