"""What a report does not prove. Said in every report, since a reader sees what is there and not what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.phase import Selected
from drp.domain.phrase import Data, Phrase, Rate, say
from drp.reporting.hostile import hostile_limits_of
from drp.reporting.levels import limits_of_level
from drp.reporting.room import room_limits_of
from drp.reporting.undeletable import probe_of

_ALWAYS = (
    say(
        "The drill ran in a sandbox on the host named above. A real recovery uses other machines, a network under "
        "strain and people under pressure: its time may be longer."
    ),
    say(
        "Files are compared with a manifest made at backup time. Damage or an intruder already there when the backup "
        "was made is backed up as it was, and shows as identical."
    ),
    say("Restored data was not searched for malicious software."),
    say(
        "The record is bound to the drill's journal by its digest. Until it is signed and its digest has left this "
        "machine, an administrator of the machine could have rewritten both."
    ),
    say(
        "Paths, observations and findings are shown as the drill met them. Paths may name patients: hand this report "
        "on with the care that they need."
    ),
)


_CHECKS = say("The checks see what they look at and nothing else. They are listed above, each with what it observed.")


_TECHNICAL = say(
    "No clinician has signed the application off: the recovery time is technical, not that of the care service."
)


_UNCONFIRMED = say(
    "The journal of this drill is gone or was changed: nothing confirms that this record is the one that was sealed."
)


def limits_of(record: EvidenceRecord, *, vouched_for: bool = True) -> tuple[Phrase, ...]:
    """Return what the record leaves unproven: for every drill, then what is particular to this one.

    ``vouched_for`` False: the journal could not confirm that this is the record that it sealed.
    """
    particular = [limit for recovery in record.recoveries for limit in _limits_of_recovery(recovery)]
    particular += [*room_limits_of(record), *_anybody_signed(record), *limits_of_level(record)]
    if record.plan.starts and not all(recovery.sign_off is not None for recovery in record.recoveries):
        particular.append(_TECHNICAL)
    if record.resumptions:
        particular.append(say("The drill was interrupted and resumed: see the findings for how long drp did not run."))
    checked = (_CHECKS,) if record.plan.starts else ()
    unconfirmed = () if vouched_for else (_UNCONFIRMED,)
    return _together((*unconfirmed, *hostile_limits_of(record), *_ALWAYS, *checked, *particular))


def _together(limits: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """Return the limits, those that hold for several applications once, with all their names."""
    names: dict[tuple[object, ...], list[str]] = {}
    first: dict[tuple[object, ...], Phrase] = {}
    for limit in limits:
        whose = limit.values.get("application")
        others = tuple((name, repr(value)) for name, value in limit.values.items() if name != "application")
        key = (limit.message, limit.plural, limit.number, others)
        first.setdefault(key, limit)
        names.setdefault(key, []).extend([whose.text] if isinstance(whose, Data) else [])
    return tuple(
        Phrase(limit.message, limit.plural, limit.number, {**limit.values, "application": Data(", ".join(names[key]))})
        if len(names[key]) > 1
        else limit
        for key, limit in first.items()
    )


def _anybody_signed(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield the applications whose sign-off anybody with a key could have given, though it is signed."""
    planned = {recovery.name: recovery.application.sign_off for recovery in record.plan.recoveries}
    for recovery in record.recoveries:
        checklist = planned[recovery.recovery]
        signed = recovery.sign_off is not None and recovery.sign_off.signer is not None
        if signed and checklist is not None and not checklist.principals:
            yield say(
                "{application}: nobody declared who signs it off: every allowed signer could have done so.",
                application=Data(recovery.recovery),
            )


def _limits_of_recovery(recovery: RecoveryRecord) -> Iterator[Phrase]:
    name = Data(recovery.recovery)
    yield from _limits_of_locks(recovery.select, name)
    point = recovery.select.point if recovery.select is not None else None
    if point is not None and point.sub_path:
        yield say(
            "{application}: of its recovery point {sub_path} alone was restored and judged; "
            "what else it holds is other applications'.",
            application=name,
            sub_path=Data(point.sub_path),
        )
    difference = recovery.hash.difference if recovery.hash is not None else None
    if difference is not None and not difference.ownership_judged:
        yield say("{application}: owners of files were not judged.", application=name)
    watermark = recovery.verify.watermark if recovery.verify is not None else None
    if watermark is not None and not watermark.canary:
        yield say(
            "{application}: the newest datum seen is ordinary data, so idle time counts as loss in the upper bound.",
            application=name,
        )
    if recovery.sign_off is not None and recovery.sign_off.signer is None:
        yield say("{application}: the sign-off bears a name and no signature.", application=name)
    if recovery.restore is not None and recovery.restore.bytes_per_second is not None:
        speed = Rate(recovery.restore.bytes_per_second, 1000)
        yield say(
            "{application}: the site let it read {speed} at most. The time is true, and a recovery without that cap "
            "may be faster.",
            application=name,
            speed=speed,
        )
    if recovery.measurement.clock_kind == "wall":
        yield say("{application}: durations come from the wall clock and are approximate.", application=name)
    if recovery.measurement.downtime_ms is None:
        yield say("{application}: for how long drp was not running cannot be told.", application=name)


def _limits_of_locks(selected: Selected | None, name: Data) -> Iterator[Phrase]:
    lock, probe = (selected.immutability, probe_of(selected)) if selected is not None else (None, None)
    if lock is not None and lock.provenance == "declared":
        yield say("{application}: that the backup cannot be changed is declared, not observed.", application=name)
    if lock is not None and lock.provenance == "observed" and probe is not None and probe.proven:
        yield say(
            "{application}: drp tried to delete and change a sacrificial object of its own in that repository, and "
            "never the backup itself.",
            application=name,
        )
    elif lock is not None and lock.provenance == "observed":
        yield say(
            "{application}: that the backup cannot be changed is what the repository answered; nobody tried to "
            "delete it.",
            application=name,
        )
    if lock is not None and lock.objects_observed < lock.objects_total:
        yield say(
            "{application}: the lock was read on {observed} of {total} objects.",
            application=name,
            observed=lock.objects_observed,
            total=lock.objects_total,
        )
    scrub = selected.known.scrub if selected is not None and selected.known is not None else None
    if scrub is not None and (scrub.damaged_total or scrub.missing):
        yield say(
            "{application}: the newest scrub of its repository found {damaged} damaged and {missing} missing objects; "
            "that the point of this drill came back says nothing of the others.",
            application=name,
            damaged=scrub.damaged_total,
            missing=len(scrub.missing),
        )
