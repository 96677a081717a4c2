"""What was observed of the locks that recovery points depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.phrase import NOTHING, Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDemand:
    """What a site asks of the locks of recovery points."""

    until: Mapping[str, datetime] = field(default_factory=dict)
    """Id of a recovery point → until when everything that it depends on must be locked (``immutable_for``)."""
    required: bool = False
    """Whether a point that ``until`` does not name must be locked now all the same."""
    next_drill: datetime | None = None
    """When the next drill would read it; None: no schedule says so."""

    @property
    def judges(self) -> bool:
        """Return whether anything is demanded at all."""
        return self.required or bool(self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFacts:
    """What a bucket says of itself; it concerns objects to come, not those that are there."""

    object_lock: bool | None = None
    """None: the key may not ask."""
    versioning: str = ""
    """Enabled, Suspended, or empty: never switched on, or the key may not ask (``not_seen`` says so then)."""
    default_mode: str = ""
    """Mode of the default retention, empty where there is none."""
    default_days: int | None = None
    expires: tuple[str, ...] = ()
    """Lifecycle rules, by id, that expire versions or remove markers."""
    policy_seen: bool | None = None
    """Whether the bucket has a policy; None: the key may not ask."""
    not_seen: tuple[Phrase, ...] = ()
    """What the key may not ask, and which right it lacks."""
    hides: tuple[str, ...] = ()
    """Among ``expires``, those that put a delete marker over what is current."""
    bypass: tuple[str, ...] = ()
    """Whom the bucket's policy lets bypass governance; ``*``: everybody, the reader among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakObject:
    """One of the objects that decide how long a point can be restored."""

    key: str
    version: str
    mode: str
    until: datetime | None
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What protects every object version that recovery points depend on, as it was observed."""

    at: datetime
    """By the later of this machine's clock and the store's."""
    needed: int
    """Object versions that the points depend on."""
    asked: int
    """Of them, those whose lock is known: asked for now, or ``remembered``; a sample is said to be one."""
    modes: Mapping[str, int] = field(default_factory=dict)
    """Mode, or ``legal-hold``, ``none``, ``expired``, or ``unknown`` for one that nobody knows → object versions."""
    earliest: datetime | None = None
    """When the first of them may be deleted; None: one may be already, unless ``forever``."""
    required_until: datetime | None = None
    """Until when the application's policy (``immutable_for``) asks them to be locked; None: it asks for nothing."""
    weakest: tuple[WeakObject, ...] = ()
    """Those that end first, no more than twenty."""
    hidden: int = 0
    """Objects whose locked version is not the one that is read by name: something newer lies over it."""
    bucket: BucketFacts = BucketFacts()
    findings: tuple[Finding, ...] = ()
    demanded: str = ""
    """The weakest mode that is enough, as the site declares it for the repository; empty: as compliance."""
    forever: bool = False
    """All of them are under legal hold."""
    superset: bool = False
    """``needed`` counts what the points may depend on, since nobody looked, or could look, what they do."""
    remembered: int = 0
    """Of ``asked``, those in compliance mode that were asked for earlier: such a date can only grow."""
    asked_again: int = 0
    """How many of the remembered ones were drawn at random and asked for once more."""
    clock_ahead_ms: int | None = None
    """By how much this machine's wall clock was ahead of the store's; None: it tells no time."""
    unknown: Phrase = NOTHING
    """Why it could not be observed; nothing: it was."""
    remarks: tuple[Phrase, ...] = ()
    """What limits or explains it: a sample and its seed, a superset, versions that may not be listed."""
    offline: bool = False
    """Its medium is declared to be away but for backups and drills; what was observed is of now, while it is here."""
