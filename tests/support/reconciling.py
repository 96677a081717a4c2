"""Compares the running applications of the real hospital, as a drill does: declaration, readers, judgement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from drp.codec import to_data
from drp.config.document import read_document
from drp.config.schema_reconciliation import ReconciliationFile, reconciliation
from drp.config.validate import validate
from drp.domain.application import Application, CheckSpec, Objectives
from drp.domain.check import Expectation
from drp.domain.reconciliation.collected import Collected
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.judge import judge
from drp.domain.reconciliation.result import ReconciliationResult
from drp.verifiers.records import Records
from tests.hospital.gnuhealth import Instance
from tests.hospital.orthanc import Orthanc
from tests.hospital.target import NamespaceTarget
from tests.simulators.world import plan
from tests.support.circumstances import rolling

DECLARATION = Path(__file__).resolve().parents[1] / "hospital" / "reconciliation.yml"


def declaration() -> Reconciliation:
    """Return what the hospital declares."""
    document = read_document(DECLARATION, DECLARATION.name)
    said, problems = validate(document, ReconciliationFile)
    assert said is not None, [str(problem) for problem in problems]
    return reconciliation(said, DECLARATION.parent)


def application(name: str, running: Instance | Orthanc) -> Application:
    """Return an application whose own check says how it is reached."""
    if isinstance(running, Orthanc):
        options: dict[str, object] = {
            "host": running.host,
            "port": running.http_port,
            "configuration": str(running.configuration),
        }
        check = CheckSpec(name="images", verifier="orthanc", options=options)
    else:
        options = {
            "host": running.host,
            "port": running.port,
            "database": running.database,
            "password_file": str(running.root / "etc" / "admin.password"),
        }
        check = CheckSpec(name="records", verifier="gnuhealth", options=options)
    base: Application = plan().recoveries[0].application
    return Application(
        name=name, title=name, tier=0, objectives=Objectives(rto=base.objectives.rto, rpo=base.objectives.rpo),
        repositories=(), runbook=None, checks=(check,),
    )  # fmt: skip


def reconciled(
    running: Mapping[str, Instance | Orthanc], *, rolls: tuple[str, ...] = (), wanted: Reconciliation | None = None
) -> ReconciliationResult:
    """Read everything and judge it."""
    declared = wanted or declaration()
    applications = {name: application(name, each) for name, each in running.items()}
    reader = Records((source, applications[source.application]) for source in declared.records)
    now = datetime.now(UTC)
    expectation = Expectation(disaster_at=now, consistent_at=now, timeout_seconds=120)
    collected = {}
    for source in declared.records:
        found = collected[source.name] = Collected(declared, source.name)
        each = running[source.application]
        found.trouble = reader.read(
            source.completed_by(applications[source.application]),
            declared.fields_of(source.name),
            NamespaceTarget(each.namespace),
            expectation=expectation,
            receive=found.receive,
            cancelled=lambda: False,
            passed_over=found.pass_over,
        )
    return judge(declared, collected, rolling(*rolls))


def shown(result: ReconciliationResult) -> object:
    """Return a result as data, to look at."""
    return to_data(result)
