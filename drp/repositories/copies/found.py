"""What a look at dated folders finds: those that are recovery points, and those that look like one and are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from drp.domain.phrase import Phrase, joined
from drp.domain.visible import one_line
from drp.repositories.copies.marks import Marks

LONGEST = 200
"""Letters of a path that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedFolder:
    """A folder that matches a pattern, and what is said of it."""

    path: str
    """Below the repository."""
    pattern: str
    """Which of ``folders`` it is named by."""
    host: str
    tag: str
    consistent_at: datetime
    named_at: datetime | None
    """The instant of its name; None where the name states none."""
    number: int | None
    """How many newer ones a rotation has put before it; None: folders are not rotated."""
    identity: tuple[int, int]
    """Device and inode, by which whoever reads it knows it again."""
    marks: Marks

    @property
    def series(self) -> tuple[str, str, str]:
        """Return which job's it is: host, tag, pattern. Without an instant in its name it may move between patterns."""
        return self.host, self.tag, self.pattern if self.named_at is not None else ""


RefusedKind = Literal["unfinished", "unreadable", "denied"]
"""unfinished: not whole, or not one that is taken · unreadable: it contradicts itself, or its disk fails · denied: to
this user."""


@dataclass(slots=True)
class Found:
    """All dated folders of a repository, and a line for each that is none, with why."""

    folders: list[DatedFolder] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A folder that looks like a recovery point and is none."""

    path: str
    kind: RefusedKind
    reason: Phrase
    host: str = ""
    """Empty: unknown, as it is for the tag."""
    tag: str = ""

    @property
    def shown(self) -> str:
        """Return its path for people."""
        return one_line(self.path, LONGEST)

    @property
    def line(self) -> Phrase:
        """Return it with the reason, for people."""
        return joined([self.shown, self.reason], ": ")
