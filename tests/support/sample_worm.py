"""Sample drills from repositories whose locks were looked at, put to the test, and attacked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drp.domain.events import Entry
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.phase import Selected
from drp.domain.phrase import fact
from drp.domain.worm.attestation import Attestation, BucketFacts, WeakObject
from drp.domain.worm.horizon import Horizon
from drp.domain.worm.known import RepositoryKnown
from drp.domain.worm.pinned import Pinned, ReadVersion
from drp.domain.worm.probe import Attempt, Probe, Tried
from drp.domain.worm.scrub import Coverage, Damaged, Draw, Scrub
from tests.support.sample_journal import tale, tell
from tests.support.sample_outputs import T0, application, restored, selected

UNTIL = T0 + timedelta(days=29, hours=3)
PACK = "data/4f/4f" + "1c" * 31


def weak(**changes: object) -> WeakObject:
    base = WeakObject(key=PACK, version="3kL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH", mode="compliance", until=UNTIL, size=17_203)
    return replace(base, **changes)  # type: ignore[arg-type]


def locks(**changes: object) -> Attestation:
    base = Attestation(
        at=T0,
        needed=128,
        asked=128,
        modes={"compliance": 128},
        earliest=UNTIL,
        required_until=T0 + timedelta(days=28),
        weakest=(weak(),),
        bucket=BucketFacts(
            object_lock=True,
            versioning="Enabled",
            default_mode="compliance",
            default_days=30,
            policy_seen=None,
            not_seen=(fact("policy-not-seen", "the bucket's policy (s3:GetBucketPolicy is missing)"),),
        ),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def horizon(**changes: object) -> Horizon:
    base = Horizon(
        point="7c1f0e8b" * 8,
        consistent_at=T0 - timedelta(minutes=42),
        until=UNTIL,
        objects=97,
        size=412_000_000,
        weakest=(weak(),),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def probe(*more: Tried) -> Probe:
    refusal = "403 AccessDenied"
    needed: tuple[Attempt, ...] = (
        *("delete-version", "delete-batch", "overwrite", "shorten-retention", "remove-retention", "downgrade-mode"),
    )
    refused = (Tried(attempt=each, came="refused", by="probe", answer=refusal, ground="lock") for each in needed)
    others = (
        Tried(attempt="delete-version", came="refused", by="reader", answer=refusal, ground="rights"),
        Tried(
            attempt="suspend-versioning",
            came="not-probed",
            why=fact("no-scratch-bucket", "no scratch bucket is configured"),
        ),
    )
    return Probe(
        at=T0 - timedelta(days=2),
        subject="drp-probe/8d2c",
        retained_until=T0 - timedelta(days=1),
        tried=(*refused, *others, *more),
        mode="compliance",
    )


def scrub(**changes: object) -> Scrub:
    base = Scrub(
        began_at=T0 - timedelta(hours=9),
        ended_at=T0 - timedelta(hours=8),
        keyless=True,
        objects=9_411,
        size=212_000_000_000,
        draw=Draw(seed="a1b2", drawn=2_990, population=110_204, bad_share=0.001, chance=0.9497),
        coverage=Coverage(
            objects=110_204,
            objects_ever=104_870,
            size=2_400_000_000_000,
            size_ever=2_301_000_000_000,
            oldest_at=T0 - timedelta(days=61),
        ),
        not_judged=(fact("config-not-judged", "config: its name is no digest"),),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def seen(**changes: object) -> Selected:
    """Return what select gives where everything was looked at, tried, and held."""
    base = replace(
        selected(),
        newest_at=T0 - timedelta(minutes=42),
        locks=locks(),
        horizon=horizon(),
        pinned=Pinned(at=T0 - timedelta(seconds=1), objects=131, digest="9e" * 32),
        known=RepositoryKnown(head="17:" + "5a" * 32, probe=probe(), scrub=scrub()),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def read(number: int = 3) -> tuple[ReadVersion, ...]:
    return tuple(
        ReadVersion(
            key=f"data/{name:02x}/{name:064x}",
            version=f"v-{name}",
            size=16_000_000,
            digest="7b" * 32 if name % 3 else "",
        )
        for name in range(number)
    )


def journal_of(select: Selected, **changes: object) -> list[Entry]:
    """Return the journal of a drill that took its point so."""
    base = tale()
    asked = application()
    asked = replace(asked, backup_job=replace(asked.backup_job, immutable_for=timedelta(days=28)))
    outputs = base.outputs | {"select": select, "restore": replace(restored(), read=read())}
    return tell(replace(base, application=asked, outputs=outputs, **changes))  # type: ignore[arg-type]


def immutable_journal() -> list[Entry]:
    return journal_of(seen())


TAMPERING = fact(
    "emptied-behind-markers",
    "{n} objects were deleted behind markers and config was overwritten",
    n=131,
)


def attacked_journal() -> list[Entry]:
    """An attacker emptied the repository, and the drill took it as it was before."""
    pinned = Pinned(
        at=T0 - timedelta(minutes=12), why="before-tampering", tampering=TAMPERING, objects=131, digest="9e" * 32
    )
    emptied = CATALOGUE["DRP-L050"].finding(subject="worm", observed=TAMPERING, expected=fact("whole", "whole"))
    return journal_of(seen(pinned=pinned, locks=locks(hidden=131), findings=(emptied,)))


def lying_journal() -> list[Entry]:
    """The store says that everything is locked, and deleted the sacrificial object."""
    let_through = probe(Tried(attempt="bypass-governance", came="succeeded", by="probe", answer="204"))
    damaged = Damaged(key=PACK, why=fact("another-content", "its content is another one"))
    known = RepositoryKnown(probe=let_through, scrub=scrub(damaged=(damaged,), damaged_total=1, missing=("keys/ab",)))
    return journal_of(seen(known=known, horizon=None))
