"""One sentence for each application: how far it came, and how soon. Never "not recovered" of one that was up."""

from __future__ import annotations

from drp.domain.evidence import RecoveryRecord
from drp.domain.findings.catalogue import RTO_MISSED
from drp.domain.phrase import Data, Duration, Phrase, Value, count, say
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import statements
from drp.errors import Interrupted
from drp.reporting.levels import BACKUPS, compared_in_words

_TOGETHER = "DRP-A"


def summary_of(record: RecoveryRecord, planned: PlannedRecovery, *, starts: bool = True) -> Phrase:
    """Return what happened to the application in one sentence."""
    measurement, title = record.measurement, Data(planned.application.title)
    if measurement.rta_ms is None:
        return _unmeasured(record, title, starts=starts)
    values: dict[str, Value] = {
        "application": title,
        "rta": Duration(measurement.rta_ms),
        "rto": Duration(measurement.rto_ms),
    }
    grave = {f.code for f in record.findings if f.severity == "critical" and f.code != RTO_MISSED.code}
    if grave and all(code.startswith(_TOGETHER) for code in grave):
        return say("{application} answered its checks after {rta}, but does not fit with the others.", **values)
    if grave and all(code.startswith(BACKUPS) for code in grave) and measurement.rto_attainment == "met":
        return say("{application} was usable again after {rta}; its backups are not as they should be.", **values)
    if grave:
        return say("{application} answered its checks after {rta}, but did not come back as it should.", **values)
    if measurement.rto_attainment == "met":
        return say("{application} was usable again after {rta}; the objective is {rto}.", **values)
    return say("{application} was usable again after {rta}, later than the objective of {rto}.", **values)


def up_after(record: RecoveryRecord) -> Duration | None:
    """Return when an application without a recovery time was up; None: it was not, or has one.

    Records of before have the instant of a start that failed, too.
    """
    up = record.measurement.up_ms
    return Duration(up) if up is not None and record.start is not None and record.start.runbook.ok else None


def _unmeasured(record: RecoveryRecord, title: Data, *, starts: bool) -> Phrase:
    """Return how far an application came that has no recovery time."""
    up = up_after(record)
    if record.failure is not None and up is not None:
        return say(
            "{application} was up after {up}; the drill did not come to the end of its checks.",
            application=title,
            up=up,
        )
    if record.failure is not None and record.failure.code == Interrupted.code:
        return say("{application} was not recovered: the drill was stopped.", application=title)
    if record.failure is not None:
        return say("{application} was not recovered: the recovery could not be exercised.", application=title)
    if not starts:
        return compared_in_words(record, title)
    if record.start is not None and not record.start.runbook.ok:
        return say("{application} was restored, and did not start.", application=title)
    if up is None:
        return say("{application} was not recovered.", application=title)
    checks = statements(record.hash, record.verify) if record.verify is not None else ()
    if not checks:
        return say("{application} was up after {up}; nothing was checked.", application=title, up=up)
    values: dict[str, Value] = {
        "application": title,
        "up": up,
        "passed": sum(check.outcome == "passed" for check in checks),
        "all": len(checks),
    }
    failed = sum(check.outcome == "failed" for check in checks)
    if failed:
        others = count("{n} failed", "{n} failed", failed)
        return say(
            "{application} was up after {up}; {passed} of {all} checks passed, {others}.", others=others, **values
        )
    open_ = len(checks) - sum(check.outcome == "passed" for check in checks)
    if open_:
        others = count("{n} could not be judged", "{n} could not be judged", open_)
        return say(
            "{application} was up after {up}; {passed} of {all} checks passed, {others}.", others=others, **values
        )
    return say(
        "{application} was up after {up} and passed all of its {all} checks; by when, nobody can tell.", **values
    )
