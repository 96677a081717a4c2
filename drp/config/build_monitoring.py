"""From what ``inventory/monitoring.yml`` says to values, what is wrong with it, and what it lacks on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from drp.config.build import secret
from drp.config.monitoring import MetricsAccess, Monitoring, Target
from drp.config.problems import Problem, unknown
from drp.config.references import Inventory
from drp.config.schema_monitoring import MonitoringFile
from drp.domain.phrase import Phrase, joined, say

FILE = "inventory/monitoring.yml"


def monitoring(said: MonitoringFile | None, site: Path, locale: str) -> Monitoring:
    """Return the values; of nothing, that nobody is told."""
    if said is None:
        return Monitoring()
    served = said.metrics
    return Monitoring(
        targets={
            name: Target(
                name=name,
                url=secret(target.url, site),
                language=target.language or locale,
                from_level=target.from_level,
                applications=tuple(target.applications),
            )
            for name, target in said.notify.targets.items()
        },
        remind_every=said.notify.remind_every,
        deadline=said.notify.deadline,
        ping=secret(said.pings.site, site) if said.pings.site is not None else None,
        policy_pings={key: secret(reference, site) for key, reference in said.pings.policies.items()},
        metrics=MetricsAccess(
            certificate=site / served.certificate if served.certificate is not None else None,
            key=secret(served.key, site) if served.key is not None else None,
            token=secret(served.token, site) if served.token is not None else None,
            user=served.user or "",
            password=secret(served.password, site) if served.password is not None else None,
        ),
        traces=secret(said.traces.endpoint, site) if said.traces is not None else None,
    )


def cross_check_monitoring(inventory: Inventory) -> Iterator[Problem]:
    """Yield every application that the file names and nobody has described."""
    said, document = inventory.monitoring
    if said is None or document is None:
        return
    applications = inventory.known("application", inventory.applications)
    for name, target in said.notify.targets.items():
        for index, application in enumerate(target.applications):
            if application not in applications:
                message = unknown("application", application, applications)
                yield document.problem(("notify", "targets", name, "applications", index), message)
    for key in said.pings.policies:
        application = key.partition("/")[0]
        if application not in applications:
            message = unknown("application", application, applications)
            yield document.problem(("pings", "policies", key), message)


def lacking(wanted: Monitoring) -> Iterator[Phrase]:
    """Yield what the file asks for and this machine cannot do, with what to install: advice, no problem.

    A drill is held all the same; what could not be told is told by ``drp status``.
    """
    if wanted.targets and find_spec("apprise") is None:
        advice = say("notify: nobody can be told without Apprise: install drproof[notify]")
        yield joined([FILE, advice], ": ")
    if wanted.traces is not None and find_spec("opentelemetry") is None:
        advice = say("traces: no span can be sent without OpenTelemetry: install drproof[traces]")
        yield joined([FILE, advice], ": ")
