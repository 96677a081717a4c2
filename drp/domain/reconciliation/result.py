"""What a reconciliation found: frozen values, journalled. Keys are shown, patients only by the digest of their id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from drp.domain.phrase import NOTHING, Phrase

MOST_LISTED = 10
"""So many keys are named; counts are exact."""

DanglingKind = Literal["recent", "older", "strange", "undated"]
"""recent: dated after the border of the application that lacks it · older: before it, of a form that its keys have ·
strange: of a form that none of its keys has · undated: nobody can tell."""
HarmKind = Literal["number-reissued", "patient-mismatch", "orphaned", "enter-again"]
"""In the order of harm."""
AgreementKind = Literal["as-restored", "earlier", "none", "undetermined"]
Advice = Literal["keep", "roll-back", "ahead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dangling:
    """Keys of one kind that dangle in one way of a reference; what is excepted is not among them."""

    kind: DanglingKind
    count: int
    listed: tuple[str, ...] = ()
    """Recent ones oldest first, the others newest first."""
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    forms: tuple[str, ...] = ()
    """Of strange ones: their commonest forms, such as ``AAA0000``."""
    forms_there: tuple[str, ...] = ()
    """And those of the application that lacks them."""
    unsettled: int = 0
    """Of strange ones: how many may have been lost, since they are dated after the border, or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionUse:
    """What a declared exception came to in one way of its reference."""

    name: str
    """The pattern, or the file's path."""
    reason: str
    owner: str
    expires: date
    count: int
    """Dangling keys that it fits; they are excepted only if it has not expired."""
    recent: int = 0
    """Of these, dated after the border: as far as anybody can tell, nothing was lost with them."""
    broad: bool = False
    """Its pattern also fits keys of the application that lacks them, so that it excepts nothing recent."""
    expired: bool = False
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One thing that would happen to patients if the applications were opened as restored."""

    kind: HarmKind
    application: str
    """Where it would happen."""
    reference: str
    """Name of the reference or of the identifier."""
    count: int
    listed: tuple[str, ...] = ()
    """Keys and numbers, for the wards to enter again or look at."""
    patients: tuple[str, ...] = ()
    """Whose: the beginnings of digests, in the order of ``listed``, where the plan names the patient's field."""
    recent: bool = True
    """Whether the records were lost with the backup; older ones dangled already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction of a reference: keys that one application holds and another has or lacks."""

    holder: str
    """Application that holds the keys."""
    lacking: str
    """Application in which they must exist."""
    keys: int
    """Different keys held."""
    dangling: int
    """Of these, how many the other application lacks; records without a required key included."""
    listed: tuple[str, ...] = ()
    """The first that dangle, oldest first."""
    oldest_at: datetime | None = None
    newest_at: datetime | None = None
    """Of the records that dangle; None: undated."""
    border_at: datetime | None = None
    """What is dated after this is newer than the state of the application that lacks it. None: nobody knows it."""
    kinds: tuple[Dangling, ...] = ()
    """All that dangles, apart; empty where nothing does, and in records of a drp that did not tell them apart."""
    excepted: int = 0
    """Keys that dangle and are excepted; ``dangling`` does not count them."""
    exceptions: tuple[ExceptionUse, ...] = ()
    """Every exception declared for the reference, expired or not, whether or not any key fits it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceResult:
    """What became of one declared reference."""

    name: str
    source: str
    target: str
    """Fields, as ``records.field``."""
    judged: bool
    """Everything that it needs was read, completely."""
    reason: Phrase = NOTHING
    """Why it was not judged."""
    troubled: tuple[str, ...] = ()
    """Sets of records that could not be judged; empty in records of before."""
    ways: tuple[Way, ...] = ()
    """Forwards, and backwards where the plan asks for both."""
    matched: int = 0
    mismatched: int = 0
    """Keys that exist on both sides and belong to another patient (or other field that must be the same)."""
    mismatches: tuple[Phrase, ...] = ()
    """The first of them: key, and the digests of both values."""
    tolerate: int = 0
    merged: int = 0
    """Records whose patient (or key) was taken for the one it was merged into."""
    uncompared: int = 0
    """Keys that exist on both sides, where neither says what must be the same."""

    def tolerates(self, way: Way) -> bool:
        """Return whether so little dangles one way, beside what was lost, as the plan tolerates."""
        return sum(part.count for part in way.kinds if part.kind != "recent") <= self.tolerate

    def weighs(self, way: Way) -> bool:
        """Return whether more dangles one way than is tolerated: what is newer than the border never is."""
        recent = any(part.kind == "recent" for part in way.kinds)
        newer = any(part.unsettled for part in way.kinds)
        undated = any(part.kind == "undated" for part in way.kinds)
        return recent or newer or undated or way.dangling > self.tolerate

    @property
    def holds(self) -> bool:
        """Return whether it was judged and nothing at all was found."""
        return self.judged and not self.mismatched and not any(way.dangling for way in self.ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierResult:
    """What became of one declared number."""

    name: str
    application: str
    """That issues it."""
    judged: bool
    """Every place was read completely and uses such numbers; one that would come again is told in any case."""
    reason: Phrase = NOTHING
    next: int | None = None
    """The number that it would issue next."""
    highest: int | None = None
    """The highest in use anywhere; None: none is."""
    highest_in: str = ""
    """Application that uses it."""
    reissued: int = 0
    """How many numbers in use would be issued again."""
    listed: tuple[str, ...] = ()
    bump: str = ""
    """What to run; empty when nothing needs to be, or the plan does not say how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationState:
    """Where one application stands beside the others."""

    application: str
    records: int
    """That were read."""
    newest_at: datetime | None
    """Of its dated records."""
    point_in_time: bool
    """It can be rolled to an instant."""
    after: int = 0
    """Records younger than the instant on which all agree."""
    advice: Advice = "keep"
    """keep: it is not ahead of the others · roll-back: to the common instant · ahead: it cannot be rolled back, so
    what is younger has to be entered again in the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRead:
    """How much of one set of records was compared."""

    name: str
    application: str
    read: int
    counted: int
    """Of these, how many fulfil what the plan asks of records that count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationResult:
    """How the applications of a drill fit together as they were restored."""

    references: tuple[ReferenceResult, ...]
    identifiers: tuple[IdentifierResult, ...]
    applications: tuple[ApplicationState, ...]
    agreement: AgreementKind
    """as-restored: nothing to roll · earlier: at ``agreed_at`` · none: at no instant that the records cover ·
    undetermined: not every reference was judged."""
    agreed_at: datetime | None = None
    """The newest instant at which no more dangles than is tolerated, counting the records until then."""
    harm: tuple[Harm, ...] = ()
    """In the order of harm."""
    sets: tuple[SetRead, ...] = ()
    """What was read; empty in records of a drp that did not count it."""
