"""What a hostile restored system could have said: the statements of one drill that are nobody's word but its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.phrase import Data, Duration, Phrase, count, say
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import dated_by

_NAMED = 12


def hostile_limits_of(record: EvidenceRecord) -> tuple[Phrase, ...]:
    """Return what rests on the word of restored systems alone, and what would make it independent of them."""
    planned = {recovery.name: recovery for recovery in record.plan.recoveries}
    found = [limit for one in record.recoveries for limit in _of_recovery(one)]
    found += [limit for one in record.recoveries if one.verify is not None for limit in _beside(planned[one.recovery])]
    if record.reconciliation is not None:
        found.append(say("Whether the applications agree is what they answered themselves, each of its own records."))
    if not found:
        return ()
    return (*found, _way_out([planned[one.recovery] for one in record.recoveries]))


def _of_recovery(recovery: RecoveryRecord) -> Iterator[Phrase]:
    verified, name = recovery.verify, Data(recovery.recovery)
    if verified is None:
        return
    said = [check for check in verified.checks if check.outcome == "passed" and check.witness == "restored"]
    if said:
        yield count(
            "{application}: {n} statement that passed is its own word ({checks}). A system that holds an intruder "
            "could have said the same: a service that answered is not a service that is honest.",
            "{application}: {n} statements that passed are its own word ({checks}). A system that holds an intruder "
            "could have said the same: a service that answered is not a service that is honest.",
            len(said),
            application=name,
            checks=Data(_named([check.check for check in said])),
        )
        if recovery.measurement.rta_ms is not None:
            yield say(
                "{application}: the recovery time of {rta} ends when these checks passed, so that it was usable then "
                "is its own word too.",
                application=name,
                rta=Duration(recovery.measurement.rta_ms),
            )
    if dated_by(verified) == "restored" and recovery.measurement.rpa_upper_ms is not None:
        yield say(
            "{application}: how much is lost at most rests on a newest datum that the restored system dated.",
            application=name,
        )
    if verified.code:
        yield _code(recovery)
    elif said:
        yield say(
            "{application}: no check named the code of the backup that answered, so nobody compared it.",
            application=name,
        )


def _beside(planned: PlannedRecovery) -> Iterator[Phrase]:
    """Yield which checks the plan lets run where the application could reach them."""
    checks = [check.name for check in planned.application.checks if check.options.get("beside") is True]
    if checks:
        yield say(
            "{application}: these checks ran beside it, where it could stop or feed them: {checks}.",
            application=Data(planned.name),
            checks=Data(_named(checks)),
        )


def _code(recovery: RecoveryRecord) -> Phrase:
    verified, name = recovery.verify, Data(recovery.recovery)
    assert verified is not None
    pieces = count("{n} piece of code", "{n} pieces of code", len(verified.code))
    if verified.code_changes:
        changed = count("{n} is new or changed", "{n} are new or changed", len(verified.code_changes))
        return say(
            "{application}: {pieces} came out of the backup and could answer for it; {changed}. Who put them there "
            "this drill does not know.",
            application=name,
            pieces=pieces,
            changed=changed,
        )
    if verified.code_compared_with:
        return say(
            "{application}: {pieces} came out of the backup and could answer for it, as in drill {drill}: what was "
            "there already then is not found by comparing.",
            application=name,
            pieces=pieces,
            drill=Data(verified.code_compared_with),
        )
    return say(
        "{application}: {pieces} came out of the backup and could answer for it, with nothing to compare them with.",
        application=name,
        pieces=pieces,
    )


def _named(checks: list[str]) -> str:
    """Return the checks by the name that the plan gives them, each with how many of its statements are meant."""
    numbers = Counter(check.partition("/")[0] for check in checks)
    named = [f"{check} ({number})" if number > 1 else check for check, number in numbers.items()]
    return ", ".join(named[:_NAMED]) + (f", … +{len(named) - _NAMED}" if len(named) > _NAMED else "")


def _way_out(planned: list[PlannedRecovery]) -> Phrase:
    if planned and all(recovery.trust == "none" for recovery in planned):
        return say("Because the plan trusts no restored system, none of these words let an application pass.")
    return say(
        "What would not depend on their word: checks that read the restored files (`files`, `dicom`, `sqlite`), and "
        "`trust: none` in the plan, by which an application passes only on what drp has read."
    )
