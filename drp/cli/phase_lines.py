"""What a phase gave, in one line of a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from drp.cli.render import instant
from drp.cli.witness_views import rests_in_short, who
from drp.cli.words import first, lock
from drp.domain.manifest import ManifestDifference
from drp.domain.phase import Hashed, PhaseOutput, Prepared, Restored, Selected, Started, Verified
from drp.domain.phrase import NOTHING, Phrase, Size, count, joined, say
from drp.domain.recovery_point import Immutability, RecoveryPoint
from drp.domain.resting import dated_by, resting
from drp.domain.sandbox import IsolationProof
from drp.domain.worm.pinned import Pinned
from drp.reporting.words import DEVIATIONS

_FEW = 3


def describe(output: PhaseOutput) -> Phrase:
    """Return one line on what a phase gave."""
    match output:
        case Selected(point=None):
            return say("✗ no eligible recovery point, {refused} refused", refused=len(output.refused))
        case Selected(point=point, immutability=protection) if point is not None and protection is not None:
            return _selected(output, point, protection)
        case Prepared(proof=proof):
            return say("{proof} ({who})", proof=isolation(proof), who=who("outside"))
        case Restored():
            return _restored(output)
        case Hashed(difference=None):
            return say("? not compared with any manifest")
        case Hashed(difference=difference) if difference is not None:
            return _compared(difference)
        case Started(runbook=runbook):
            tasks = count("runbook, {n} task", "runbook, {n} tasks", len(runbook.tasks))
            return say("{mark} {tasks} ({who})", mark=_mark(good=runbook.ok), tasks=tasks, who=who("restored"))
        case Verified():
            return _verified(output)
        case _:
            return NOTHING


def isolation(proof: IsolationProof) -> Phrase:
    """Return one line on a proof: that it holds, that something got out, or why it proves neither."""
    total = proof.denied + proof.allowed + proof.errors
    denied = say("{denied} of {total} probes denied", denied=proof.denied, total=total)
    if proof.holds:
        reached = proof.control_reached
        return say("✔ isolation proven: {denied}, control reached {reached}", denied=denied, reached=reached)
    if proof.leaks:
        touched = say(", the tripwire was reached") if proof.canary_hits or not proof.canary_intact else NOTHING
        return say(
            "✗ NOT ISOLATED: {denied}, {allowed} allowed{touched}",
            denied=denied,
            allowed=proof.allowed,
            touched=touched,
        )
    if proof.control_failed:
        missed = first(list(proof.control_missed), _FEW) if proof.control_missed else say("everything")
        return say(
            "? isolation not proven: the control outside reached {reached} and missed {missed}",
            reached=proof.control_reached,
            missed=missed,
        )
    return say("? isolation not proven: {denied}, {errors} could not be tried", denied=denied, errors=proof.errors)


def _mark(*, good: bool) -> str:
    return "✔" if good else "✗"


def _selected(output: Selected, point: RecoveryPoint, protection: Immutability) -> Phrase:
    until = f"{protection.retained_until:%Y-%m-%d}" if protection.retained_until else ""
    chosen = say(
        "✔ {point}{host}  consistent {at}, {lock}",
        point=point.short_id,
        host=say(" of {host}", host=point.host) if point.host else NOTHING,
        at=instant(point.consistent_at),
        lock=lock(protection.mode, protection.provenance, until),
    )
    chosen = chosen.then(_bound(output.pinned))
    if output.refused:
        chosen = chosen.then(count("; {n} other refused", "; {n} others refused", len(output.refused)))
    if not output.sample:
        return chosen
    drawn, population = output.sample.drawn, output.sample.population
    return chosen.then(say("; {drawn} of {population} files drawn", drawn=drawn, population=population))


def _bound(pinned: Pinned | None) -> Phrase:
    """Return as of when a repository is read."""
    if pinned is None:
        return NOTHING
    if pinned.why == "before-tampering":
        return say("; it was attacked, and is read as of {at}, before that", at=instant(pinned.at))
    return say("; read as of {at}", at=instant(pinned.at))


def _restored(output: Restored) -> Phrase:
    receipt = output.receipt
    files = count(
        "{size} in {n} file", "{size} in {n} files", receipt.files_restored, size=Size(receipt.bytes_restored)
    )
    lost = say(", {unrestored} not restored", unrestored=len(receipt.unrestored)) if receipt.unrestored else NOTHING
    return say(
        "{mark} {what}{lost}",
        mark=_mark(good=output.runbook.ok and not receipt.unrestored),
        what=files if receipt.counted else say("restored"),
        lost=lost,
    ).then(_versions(output))


def _versions(output: Restored) -> Phrase:
    """Return how many object versions it came from, where it was read through a view."""
    if not output.versions_read:
        return NOTHING
    return count(", from {n} object version", ", from {n} object versions", output.versions_read)


def _compared(difference: ManifestDifference) -> Phrase:
    if not difference.clean:
        return say("✗ {deviations} ({who})", deviations=deviations(difference.counts), who=who("drp"))
    size = Size(difference.bytes_hashed)
    if difference.sampled is not None:
        same = count(
            "{n} file drawn, {size}, matches the manifest",
            "{n} files drawn, {size} match the manifest",
            difference.files_hashed,
            size=size,
        )
    else:
        same = count(
            "{n} file, {size} matches the manifest",
            "{n} files, {size} match the manifest",
            difference.files_hashed,
            size=size,
        )
    return say("✔ {same} ({who})", same=same, who=who("drp"))


def deviations(counts: Mapping[str, int]) -> Phrase:
    """Return how many entries depart from a manifest, kind by kind."""
    return joined(
        (
            say("{n} {kind}", n=number, kind=DEVIATIONS.get(kind, kind))
            for kind, number in sorted(counts.items())
            if number
        ),
        ", ",
    )


def _verified(output: Verified) -> Phrase:
    found = resting(output.checks)
    passed = say("{passed} of {total} checks passed", passed=found.passed, total=len(output.checks))
    if found.passed:
        passed = say("{passed}: {witnesses}", passed=passed, witnesses=rests_in_short(found))
    good = bool(output.checks) and found.passed == len(output.checks)
    return say("{mark} {passed}{newest}", mark=_mark(good=good), passed=passed, newest=_newest(output))


def _newest(output: Verified) -> Phrase:
    if output.watermark is None:
        return NOTHING
    newest, by = say(", newest datum {at}", at=instant(output.watermark.at)), dated_by(output)
    if by is not None:
        newest = newest.then(say(" ({who})", who=who(by)))
    stores = sum(check.watermark is not None for check in output.checks)
    return newest.then(say(", the oldest of {stores}", stores=stores)) if stores > 1 else newest
