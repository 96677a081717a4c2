"""What was observed of the locks that recovery points depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFacts:
    """What a bucket says of itself; it concerns objects to come, not those that are there."""

    object_lock: bool | None = None
    """None: the key may not ask."""
    versioning: str = ""
    """Enabled, Suspended, or empty."""
    default_mode: str = ""
    """Mode of the default retention, empty where there is none."""
    default_days: int | None = None
    expires: tuple[str, ...] = ()
    """Lifecycle rules, by id, that expire versions or remove markers."""
    policy_seen: bool | None = None
    """Whether the bucket has a policy; None: the key may not ask."""
    not_seen: tuple[Phrase, ...] = ()
    """What the key may not ask, and which right it lacks."""


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
    """Of them, those whose lock was asked for; a sample is said to be one."""
    modes: Mapping[str, int] = field(default_factory=dict)
    """Mode, or ``legal-hold``, or ``none`` → object versions."""
    earliest: datetime | None = None
    """When the first of them may be deleted; None: one may be already."""
    required_until: datetime | None = None
    """Until when the application's policy (``immutable_for``) asks them to be locked; None: it asks for nothing."""
    weakest: tuple[WeakObject, ...] = ()
    hidden: int = 0
    """Objects whose locked version is not the one that is read by name: something newer lies over it."""
    bucket: BucketFacts = BucketFacts()
    findings: tuple[Finding, ...] = ()
