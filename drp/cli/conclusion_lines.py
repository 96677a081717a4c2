"""How a drill ended, on a terminal: the verdict, times against objectives, and why."""

from __future__ import annotations

from collections.abc import Iterator

from drp.cli.level_views import aside
from drp.cli.render import printable
from drp.cli.words import ATTAINED, UNKNOWN, VERDICTS, word
from drp.domain.events import DrillConcluded
from drp.domain.level import Level
from drp.domain.measure import Measurement
from drp.domain.phrase import Duration, Phrase, say
from drp.reporting.reasons import reasons_of

_MOST = 10


def conclusion_lines(event: DrillConcluded, level: Level) -> Iterator[str]:
    """Yield the verdict, a line an application, and the reasons."""
    yield printable(word(VERDICTS, event.verdict)).upper() + printable(aside(level))
    for measurement in event.measurements:
        yield printable(say("  {recovery}: {times}", recovery=measurement.recovery, times=times(measurement)))
        if measurement.up_ms is not None and any(each.phase == "verify" for each in measurement.phases):
            yield f"    {printable(up(measurement.up_ms))}"  # a start that failed has t9 in journals of before
    for reason in reasons_of(event.reasons, event.reason_witnesses)[:_MOST]:
        yield printable(say("  because {reason}", reason=reason))


def times(measurement: Measurement) -> Phrase:
    """Return the times of an application against its objectives."""
    both = say("{rta}   {rpa}", rta=rta(measurement), rpa=rpa(measurement))
    return say("{times}   {signed}", times=both, signed=signed) if (signed := business(measurement)) else both


def rta(measurement: Measurement) -> Phrase:
    """Return how long it took, against the objective."""
    return say(
        "RTA {rta} of {rto} ({attained})",
        rta=taken(measurement.rta_ms),
        rto=taken(measurement.rto_ms),
        attained=word(ATTAINED, measurement.rto_attainment),
    )


def up(ms: int) -> Phrase:
    """Return when an application was up that has no recovery time."""
    return say("up after {up} (t9), which is no recovery time", up=taken(ms))


def rpa(measurement: Measurement) -> Phrase:
    """Return how much is lost, against the objective: one time where both limits are the same."""
    return say(
        "RPA {rpa} of {rpo} ({attained})",
        rpa=loss(measurement),
        rpo=taken(measurement.rpo_ms),
        attained=word(ATTAINED, measurement.rpo_attainment),
    )


def loss(measurement: Measurement) -> Phrase:
    """Return the loss as one time, or from the least to the most that it may be."""
    least, most = measurement.rpa_lower_ms, measurement.rpa_upper_ms
    if least is not None and most is not None and printable(taken(least)) == printable(taken(most)):
        return taken(least)
    return say("{least} to {most}", least=taken(least), most=taken(most) if most is not None else UNKNOWN)


def business(measurement: Measurement) -> Phrase | None:
    """Return the business's times, where somebody signed."""
    if measurement.rta_business_ms is None:
        return None
    worked = say("WRT {wrt}", wrt=taken(measurement.wrt_ms))
    if measurement.wrt_objective_ms is not None:
        worked = say("{wrt} of {objective}", wrt=worked, objective=taken(measurement.wrt_objective_ms))
    if measurement.wrt_attainment is not None:
        worked = say("{wrt} ({attained})", wrt=worked, attained=word(ATTAINED, measurement.wrt_attainment))
    return say("signed off after {time}, {wrt}", time=taken(measurement.rta_business_ms), wrt=worked)


def taken(ms: int | None) -> Phrase:
    """Return a time; a dash where there is none."""
    return say("{time}", time=Duration(ms)) if ms is not None else say("-")
