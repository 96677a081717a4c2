"""One sentence for each application: how far it came, and how soon. Never "not recovered" of one that was up."""

from __future__ import annotations

from drp.domain.evidence import RecoveryRecord
from drp.domain.findings.catalogue import RTO_MISSED
from drp.domain.phrase import Data, Duration, Phrase, Value, count, say
from drp.domain.plan import PlannedRecovery
from drp.domain.resting import statements
from drp.errors import Interrupted
from drp.reporting.levels import compared_in_words

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
    if grave:
        return say("{application} answered its checks after {rta}, but did not come back as it should.", **values)
    if measurement.rto_attainment == "met":
        return say("{application} was usable again after {rta}; the objective is {rto}.", **values)
    return say("{application} was usable again after {rta}, later than the objective of {rto}.", **values)


def _unmeasured(record: RecoveryRecord, title: Data, *, starts: bool) -> Phrase:
    """Return how far an application came that has no recovery time."""
    if record.failure is not None and record.failure.code == Interrupted.code:
        return say("{application} was not recovered: the drill was stopped.", application=title)
    if record.failure is not None:
        return say("{application} was not recovered: the recovery could not be exercised.", application=title)
    if not starts:
        return compared_in_words(record, title)
    up = record.measurement.clock.t9_application_up
    if record.start is not None and not record.start.runbook.ok:
        return say("{application} was restored, and did not start.", application=title)
    if up is None:
        return say("{application} was not recovered.", application=title)
    checks = statements(record.hash, record.verify) if record.verify is not None else ()
    if not checks:
        return say("{application} was up after {up}; nothing was checked.", application=title, up=Duration(up))
    values: dict[str, Value] = {
        "application": title,
        "up": Duration(up),
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
