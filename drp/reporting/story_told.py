"""What happened, in the words of a director: how many of what, in which application, against which objective."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.findings.catalogue import CATALOGUE, RESIDUE_LEFT, RPO_MISSED, RTO_MISSED
from drp.domain.findings.sign_off import SIGN_OFF_REFUSED, WRT_MISSED
from drp.domain.measure import Measurement
from drp.domain.phrase import Data, Duration, Phrase, Value, count, say
from drp.domain.reconciliation.declaration import Reconciliation, Reference
from drp.domain.reconciliation.result import ReferenceResult, Way
from drp.domain.resting import statements
from drp.reporting.standing import standings_of, stopped_alike
from drp.reporting.summaries import summary_of
from drp.reporting.undeletable import attacked

Told = Iterator[tuple[str, Phrase]]
"""With the beginning of the codes of the findings that it speaks for."""
_TOGETHER = "DRP-A"
_ATTACKED = ("DRP-L050", "DRP-L006")
"""The attack, and what it left in the bucket."""
_FILES, _CHECKS, _ISOLATION, _START = "DRP-H", "DRP-C001", "DRP-I001", "DRP-U001"


def disagreements(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield how the applications do not fit together: what leads nowhere, what is mixed up, what comes again."""
    result, declared = record.reconciliation, record.plan.reconciliation
    if result is None or declared is None:
        return
    known = {reference.name: reference for reference in declared.references}
    for each in result.references:
        reference = known.get(each.name)
        if reference is not None and each.judged:
            yield from _dangling(declared, reference, each)
            if each.mismatched:
                yield count(
                    "{n} of {all} {records} ({application}) would be shown under another patient.",
                    "{n} of {all} {records} ({application}) would be shown under other patients.",
                    each.mismatched,
                    all=max(each.matched, each.mismatched),
                    records=_records(declared, reference.source.records),
                    application=Data(declared.application_of(reference.source)),
                )
    for number in result.identifiers:
        if number.reissued:
            yield count(
                "The next patient in {application} would get a number that already belongs to another ({numbers}).",
                "The next patients in {application} would get {n} numbers that already belong to others ({numbers}).",
                number.reissued,
                application=Data(number.application),
                numbers=Data(number.name),
            )


def failures(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield what is wrong with each application by itself."""
    for recovery in record.recoveries:
        said = [*_failed(recovery)]
        yield from (phrase for _, phrase in said)
        spoken = tuple(code for code, _ in said) + ((_TOGETHER,) if record.reconciliation is not None else ())
        spoken += _ATTACKED if attacked(recovery) is not None else ()
        left = [f for f in recovery.findings if f.severity == "critical" and not f.code.startswith(spoken)]
        for code, number in Counter(finding.code for finding in left).items():
            subject = next(finding.subject for finding in left if finding.code == code)
            title = Phrase(CATALOGUE[code].title) if code in CATALOGUE else Data(code)
            values = {"application": Data(recovery.recovery), "title": title, "subject": subject}
            if number > 1:
                yield say("{application}: {title} ({subject}, and {n} more).", n=number - 1, **values)
            else:
                yield say("{application}: {title} ({subject}).", **values)


def undecided(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield how far each application came that could not be judged, and what of their agreement was not."""
    planned = {recovery.name: recovery for recovery in record.plan.recoveries}
    standings = standings_of(record)
    alike = stopped_alike(record)
    told = {name for names in alike.values() if len(names) > 1 for name in names}
    for (problem, _), names in alike.items():
        if len(names) > 1:
            yield say("{names} were not recovered: {problem}.", names=", ".join(names), problem=problem)
    for recovery in record.recoveries:
        if standings[recovery.recovery] != "passed" and recovery.recovery not in told:
            yield summary_of(recovery, planned[recovery.recovery], starts=record.plan.starts)
    if record.plan.reconciliation is None:
        return
    if record.reconciliation is None:
        yield say("The applications were not compared with one another.")
    elif record.reconciliation.agreement == "undetermined":
        yield say("Not every reference could be judged, so nobody knows whether the applications agree.")


def tolerable(record: EvidenceRecord) -> Iterator[Phrase]:
    """Yield how a drill that passed came out: the slowest recovery and the greatest loss of all."""
    planned = {recovery.name: recovery for recovery in record.plan.recoveries}
    timed = [one.measurement for one in record.recoveries if one.measurement.rta_ms is not None]
    if len(timed) < 2 or len(timed) < len(record.recoveries):
        for recovery in record.recoveries:
            yield summary_of(recovery, planned[recovery.recovery], starts=record.plan.starts)
        return
    slowest = max(timed, key=lambda one: one.rta_ms or 0)
    yield say(
        "All {n} applications came back within their objectives, the last of them, {application}, after {rta}.",
        n=len(timed),
        application=Data(slowest.recovery),
        rta=Duration(slowest.rta_ms or 0),
    )
    lost = [one for one in timed if one.rpa_upper_ms is not None]
    if lost:
        most = max(lost, key=lambda one: one.rpa_upper_ms or 0)
        yield say(
            "At most {rpa} of data would have been lost, in {application}.",
            rpa=Duration(most.rpa_upper_ms or 0),
            application=Data(most.recovery),
        )
    if record.reconciliation is not None and record.reconciliation.agreement == "as-restored":
        yield say("They were compared with one another, and nothing speaks against opening them together.")


def _dangling(declared: Reconciliation, reference: Reference, result: ReferenceResult) -> Iterator[Phrase]:
    ends = (reference.source.records, reference.target.records)
    for way, (holding, lacking) in zip(result.ways, (ends, ends[::-1]), strict=False):
        number = _lost(way)
        if result.weighs(way) and number:
            yield count(
                "{n} of {all} {records} ({holder}) has no match among the {others} ({lacking}).",
                "{n} of {all} {records} ({holder}) have no match among the {others} ({lacking}).",
                number,
                all=max(way.keys, number),
                records=_records(declared, holding),
                holder=Data(way.holder),
                others=_records(declared, lacking),
                lacking=Data(way.lacking),
            )


def _lost(way: Way) -> int:
    """Return how many keys lead nowhere; of a strange form nobody can tell."""
    return sum(kind.count for kind in way.kinds if kind.kind != "strange") if way.kinds else way.dangling


def _records(declared: Reconciliation, name: str) -> Data:
    return Data(next((each.title for each in declared.records if each.name == name and each.title), name))


def _failed(recovery: RecoveryRecord) -> Told:
    """Yield what failed of one application, from its typed results."""
    name = Data(recovery.recovery)
    yield from _objectives(recovery.measurement, name)
    proof = recovery.prepare.proof if recovery.prepare is not None else None
    if proof is not None and (proof.allowed or proof.canary_hits):
        yield _ISOLATION, say("{application}: its sandbox was not isolated.", application=name)
    difference = recovery.hash.difference if recovery.hash is not None else None
    if difference is not None and not difference.clean:
        number = sum(difference.counts.values())
        yield (
            _FILES,
            count(
                "{n} file of {application} is not as it was backed up.",
                "{n} files of {application} are not as they were backed up.",
                number,
                application=name,
            ),
        )
    if recovery.start is not None and not recovery.start.runbook.ok:
        yield _START, say("{application} did not start.", application=name)
    checks = statements(recovery.hash, recovery.verify)
    failed = [check.check for check in checks if check.outcome == "failed"]
    if failed:
        yield (
            _CHECKS,
            say(
                "{n} of {all} checks of {application} failed: {checks}",
                n=len(failed),
                all=len(checks),
                application=name,
                checks=Data(", ".join(failed)),
            ),
        )
    yield from _afterwards(recovery, name)


def _afterwards(recovery: RecoveryRecord, name: Data) -> Told:
    results = recovery.sign_off.answer.results if recovery.sign_off is not None else ()
    refused = sum(result.outcome != "passed" for result in results)
    if refused:
        yield (
            SIGN_OFF_REFUSED.code,
            say(
                "The business referent does not accept {application}: {n} of {all} steps did not pass.",
                application=name,
                n=refused,
                all=len(results),
            ),
        )
    if recovery.residue is not None and not recovery.residue.clean and recovery.kept_until is None:
        yield (
            RESIDUE_LEFT.code,
            say("Restored data of {application} was left behind on the drill host.", application=name),
        )


def _objectives(measured: Measurement, name: Data) -> Told:
    values: dict[str, Value]
    if measured.rto_attainment == "missed" and measured.rta_ms is not None:
        values = {"application": name, "rta": Duration(measured.rta_ms), "rto": Duration(measured.rto_ms)}
        yield RTO_MISSED.code, say("{application} was usable after {rta}; at most {rto} is acceptable.", **values)
    if measured.rpo_attainment == "missed" and measured.rpa_lower_ms is not None:
        values = {"application": name, "rpa": Duration(measured.rpa_lower_ms), "rpo": Duration(measured.rpo_ms)}
        yield RPO_MISSED.code, say("{application} lost at least {rpa} of data; at most {rpo} is acceptable.", **values)
    wrt, objective = measured.wrt_ms, measured.wrt_objective_ms
    if measured.wrt_attainment == "missed" and wrt is not None and objective is not None:
        values = {"application": name, "wrt": Duration(wrt), "objective": Duration(objective)}
        yield (
            WRT_MISSED.code,
            say("{application} was signed off {wrt} after its checks; at most {objective} is acceptable.", **values),
        )
