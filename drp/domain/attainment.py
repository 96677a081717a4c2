"""What the measured times say against the objectives: missed, or not judged, and why."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.findings.catalogue import CLOCK_NOT_MONOTONIC, RPO_MISSED, RPO_UNDETERMINED, RTO_MISSED
from drp.domain.findings.finding import Finding
from drp.domain.findings.sign_off import WRT_MISSED
from drp.domain.findings.time import CAPPED, RTO_UNDETERMINED, WAITED_FOR_APPROVAL, WAITED_FOR_ITS_TURN
from drp.domain.measure import Measurement
from drp.domain.phrase import Duration, Phrase, beside, fact


def findings_of(measurement: Measurement) -> tuple[Finding, ...]:
    """Return the findings that a measurement speaks for itself."""
    return (*_of_rto(measurement), *_of_rpo(measurement), *_of_wrt(measurement), *_of_clock(measurement))


def _of_rto(measurement: Measurement) -> Iterator[Finding]:
    if measurement.rto_attainment == "missed":
        assert measurement.rta_ms is not None
        rta, rto = beside(measurement.rta_ms, measurement.rto_ms)
        yield RTO_MISSED.finding(subject="RTO", observed=fact("rta", "{rta}", rta=rta), expected=_at_most(rto))
    if measurement.rto_attainment == "undetermined":
        yield _undetermined(measurement)


def _of_rpo(measurement: Measurement) -> Iterator[Finding]:
    if measurement.rpo_attainment == "missed":
        assert measurement.rpa_lower_ms is not None
        lower, rpo = beside(measurement.rpa_lower_ms, measurement.rpo_ms)
        lost = fact("least-lost", "at least {lower} lost", lower=lower)
        yield RPO_MISSED.finding(subject="RPO", observed=lost, expected=_at_most(rpo))
    if measurement.rpo_attainment == "undetermined":
        upper, rpo = beside(measurement.rpa_upper_ms or 0, measurement.rpo_ms)
        observed = (
            fact("no-watermark", "no watermark")
            if measurement.rpa_upper_ms is None
            else fact("up-lost", "up to {upper} lost", upper=upper)
        )
        yield RPO_UNDETERMINED.finding(subject="RPO", observed=observed, expected=_at_most(rpo))


def _of_wrt(measurement: Measurement) -> Iterator[Finding]:
    if measurement.wrt_attainment == "missed":
        assert measurement.wrt_ms is not None
        assert measurement.wrt_objective_ms is not None
        wrt, objective = beside(measurement.wrt_ms, measurement.wrt_objective_ms)
        yield WRT_MISSED.finding(subject="WRT", observed=fact("wrt", "{wrt}", wrt=wrt), expected=_at_most(objective))


def _of_clock(measurement: Measurement) -> Iterator[Finding]:
    if measurement.clock_kind == "wall":
        yield CLOCK_NOT_MONOTONIC.finding(
            subject=fact("clock", "clock"),
            observed=fact("several-boots-or-machine", "several boots, or a machine that stood still"),
            expected=fact("one-boot", "one boot"),
        )


def _at_most(limit: Duration) -> Phrase:
    return fact("at-most-duration", "at most {limit}", limit=limit)


def _undetermined(measurement: Measurement) -> Finding:
    expected = _at_most(Duration(measurement.rto_ms))
    if measurement.rta_ms is None:
        observed = fact(
            "machine-restarted-nothing-confirms",
            "the machine was restarted, and nothing confirms its clock on both sides of that",
        )
        return RTO_UNDETERMINED.finding(subject="RTO", observed=observed, expected=expected)
    waited = measurement.approval_wait_ms
    if measurement.rta_ms - measurement.turn_wait_ms - waited > measurement.rto_ms:
        observed = fact(
            "restoring-under-cap",
            "{rta}, {capped} of it restoring under a cap",
            rta=Duration(measurement.rta_ms),
            capped=Duration(measurement.capped_ms),
        )
        return CAPPED.finding(subject="RTO", observed=observed, expected=expected)
    if waited > 0 and (
        measurement.rta_ms - measurement.turn_wait_ms > measurement.rto_ms or not measurement.turn_wait_ms
    ):
        observed = fact(
            "waiting-approved",
            "{rta}, {waited} of it waiting to be approved",
            rta=Duration(measurement.rta_ms),
            waited=Duration(waited),
        )
        return WAITED_FOR_APPROVAL.finding(subject="RTO", observed=observed, expected=expected)
    observed = fact(
        "waiting-for-turn",
        "{rta}, {waited} of it waiting for its turn",
        rta=Duration(measurement.rta_ms),
        waited=Duration(measurement.turn_wait_ms),
    )
    return WAITED_FOR_ITS_TURN.finding(subject="RTO", observed=observed, expected=expected)
