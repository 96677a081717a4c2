"""What a report shows, decided once for every format and language: a pure function of the evidence record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Generic, TypeVar

from drp.domain.check import CheckResult
from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.findings.finding import Finding
from drp.domain.manifest import Deviation
from drp.domain.phrase import Data, Phrase
from drp.domain.plan import PlannedRecovery, title_of
from drp.domain.resting import statements
from drp.domain.sandbox import IsolationProof
from drp.domain.sign_off import Checklist, SignOffStep, StepResult
from drp.evidence.record import record_digest
from drp.reporting.approval import approval_of
from drp.reporting.code import MOST_CODE, CodeRow, code_of
from drp.reporting.immutability import ImmutabilityView, immutability_of
from drp.reporting.left_out import MOST_LEFT_OUT, LeftOut, left_out_of
from drp.reporting.levels import depth_of, meaning_of
from drp.reporting.limits import limits_of
from drp.reporting.reasons import reasons_of
from drp.reporting.reconciliation import ReconciliationView, reconciliation_of
from drp.reporting.remedies import remedy_of
from drp.reporting.software import pod_of, software_of
from drp.reporting.standing import Standing, standing_of
from drp.reporting.story import Story, story_of
from drp.reporting.summaries import summary_of
from drp.reporting.tile import Tile
from drp.reporting.tiles import tiles_of
from drp.reporting.timeline import Timeline, timeline_of
from drp.reporting.together import Together, together_of
from drp.reporting.trend import Past, Trend, trends_of
from drp.reporting.volumes import VolumeView, volumes_of
from drp.reporting.witnesses import dated_by_of, demand_of, rests_of, speaker_of
from drp.reporting.words import VERDICT_TONES, Tone

MAX_REASONS = 8
MAX_ALIKE = 5
MAX_CHECKS = 200
MAX_ROWS = 25
"""Rows of a table whose length the backup decides; how many were left out is said."""

Item = TypeVar("Item")
_GRAVITY = {"critical": 0, "inconclusive": 1, "warning": 2, "note": 3}


@dataclass(frozen=True, slots=True)
class Shortened(Generic[Item]):
    """The first of many, and how many were left out."""

    shown: tuple[Item, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with its catalogue title, and its remedy in a translatable form where there is one."""

    finding: Finding
    title: Phrase | Data
    remedy: Phrase | Data
    speaker: Phrase
    """Who says so."""
    earlier: bool = False
    """Only an attempt before the drill was resumed found it; it counts like any other."""
    alike: int = 0
    """After the last one shown of a code: how many more of that code are not shown."""


@dataclass(frozen=True, slots=True)
class ProbeGroup:
    """Probes of one kind."""

    kind: str
    denied: int
    total: int


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a checklist, with what the referent answered."""

    step: SignOffStep
    result: StepResult | None


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """One application's recovery."""

    record: RecoveryRecord
    planned: PlannedRecovery
    standing: Standing
    """How it stands by itself."""
    summary: Phrase
    tiles: tuple[Tile, ...]
    timeline: Timeline
    probe_groups: tuple[ProbeGroup, ...]
    surroundings: tuple[Phrase, ...]
    volumes: tuple[VolumeView, ...]
    deviations: Shortened[Deviation]
    unrestored: Shortened[Phrase]
    findings: tuple[FindingView, ...]
    checks: Shortened[CheckResult]
    """What was stated, as far as the recovery got."""
    left_out: Shortened[LeftOut]
    """What was not judged."""
    demand: Phrase | None
    """What the plan demands where it trusts no restored system, and what was missing."""
    dated_by: Phrase | None
    """Who dated the newest datum that bounds the loss."""
    code: Shortened[CodeRow]
    """Code that came out of the backup."""
    immutability: ImmutabilityView | None
    """None: a record of before, or nothing of it was looked at."""
    steps: tuple[StepView, ...]
    """Of the business referent's checklist; empty: the plan does not ask for a sign-off."""

    @property
    def grave(self) -> tuple[FindingView, ...]:
        """Return the findings that keep the application from passing."""
        return tuple(item for item in self.findings if _GRAVITY[item.finding.severity] < _GRAVITY["warning"])

    @property
    def minor(self) -> tuple[tuple[FindingView, ...], ...]:
        """Return the others, those of one code and remedy together."""
        rest = self.findings[len(self.grave) :]
        alike = groupby(rest, key=lambda item: (item.finding.code, item.finding.remedy, item.finding.expected))
        return tuple(tuple(items) for _, items in alike)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record was read from."""

    digest: str
    """SHA-256 of its bytes as they were read, hex: an older drp wrote fewer fields than this one would."""
    vouched_for: bool = True
    """The journal sealed exactly these bytes."""
    history: tuple[Past, ...] = ()
    """What the site's journal tells of earlier drills; nothing of it is proven by the record."""


@dataclass(frozen=True, slots=True)
class ReportView:
    """A whole report."""

    record: EvidenceRecord
    title: Phrase
    """What was exercised."""
    digest: str
    tone: Tone
    meaning: Phrase
    """What the verdict means."""
    depth: Phrase | None
    """What stands beside the verdict of a drill that started nothing; None: a full one."""
    story: Story
    """What is read first: what happened, and what has to be done."""
    reasons: Shortened[Phrase]
    rests: Phrase | None
    """On what the statements that passed rest; None: nothing was checked."""
    approval: Phrase | None
    """By whose word it was held; None: nobody had to approve it."""
    recoveries: tuple[RecoveryView, ...]
    reconciliation: ReconciliationView | None
    together: Together
    history: tuple[Trend, ...]
    limits: tuple[Phrase, ...]


def view_of(record: EvidenceRecord, origin: Origin | None = None) -> ReportView:
    """Return what a report of the record shows; without an origin the record is one that this drp has just made."""
    origin = origin or Origin(record_digest(record))
    planned = {recovery.name: recovery for recovery in record.plan.recoveries}
    return ReportView(
        record=record,
        title=title_of(record.plan, ad_hoc=record.ad_hoc),
        digest=origin.digest,
        tone=VERDICT_TONES[record.verdict],
        meaning=meaning_of(record),
        depth=depth_of(record),
        story=story_of(record),
        reasons=_shorten(reasons_of(record.reasons, record.reason_witnesses), MAX_REASONS),
        rests=rests_of(record),
        approval=approval_of(record),
        recoveries=tuple(_recovery(recovery, planned[recovery.recovery], record) for recovery in record.recoveries),
        reconciliation=reconciliation_of(record),
        together=together_of(record),
        history=trends_of(record, origin.history),
        limits=limits_of(record, vouched_for=origin.vouched_for),
    )


def _recovery(record: RecoveryRecord, planned: PlannedRecovery, whole: EvidenceRecord) -> RecoveryView:
    checklist = planned.asks(whole.plan)
    return RecoveryView(
        record=record,
        planned=planned,
        standing=standing_of(record, whole),
        summary=summary_of(record, planned, starts=whole.plan.starts),
        tiles=tiles_of(
            record, whole.plan, checklist=checklist, compared=whole.reconciliation, declared_at=whole.declared_at
        ),
        timeline=timeline_of(record),
        probe_groups=_groups(record.prepare.proof) if record.prepare is not None else (),
        surroundings=(*software_of(record), *pod_of(whole.plan, record)),
        volumes=volumes_of(record),
        deviations=_deviations(record),
        unrestored=_shorten(record.restore.receipt.unrestored if record.restore is not None else (), MAX_ROWS),
        findings=_findings(record),
        checks=_shorten(statements(record.hash, record.verify), MAX_CHECKS),
        left_out=_shorten(left_out_of(record), MOST_LEFT_OUT),
        demand=demand_of(record, planned, starts=whole.plan.starts),
        dated_by=dated_by_of(record),
        code=_shorten(code_of(record, planned), MOST_CODE),
        immutability=immutability_of(record, planned, whole),
        steps=_steps(record, checklist),
    )


def _steps(record: RecoveryRecord, checklist: Checklist | None) -> tuple[StepView, ...]:
    results = {result.id: result for result in record.sign_off.answer.results} if record.sign_off is not None else {}
    return tuple(StepView(step, results.get(step.id)) for step in checklist.steps) if checklist is not None else ()


def _shorten(items: Sequence[Item], limit: int) -> Shortened[Item]:
    return Shortened(tuple(items[:limit]), max(0, len(items) - limit))


def _deviations(record: RecoveryRecord) -> Shortened[Deviation]:
    """Return the first deviations, a share of every kind, so that thousands of one do not hide another."""
    difference = record.hash.difference if record.hash is not None else None
    if difference is None:
        return Shortened((), 0)
    kinds = Counter(deviation.kind for deviation in difference.deviations)
    share = MAX_ROWS // max(len(kinds), 1)
    seen: Counter[str] = Counter()
    shown = []
    for deviation in difference.deviations:
        seen[deviation.kind] += 1
        if seen[deviation.kind] <= share:
            shown.append(deviation)
    total = max(sum(difference.counts.values()), len(difference.deviations))
    return Shortened(tuple(shown), total - len(shown))


def _gravest_first(finding: Finding) -> tuple[int, str, str]:
    return _GRAVITY[finding.severity], finding.code, finding.subject


def _findings(record: RecoveryRecord) -> tuple[FindingView, ...]:
    """Return the findings, gravest first; a code that a thousand files have in common is shown a few times."""
    shown: list[FindingView] = []
    for _, group in groupby(sorted(record.findings, key=_gravest_first), key=lambda finding: finding.code):
        alike = list(group)
        views = [_finding(finding, earlier=finding in record.earlier_findings) for finding in alike[:MAX_ALIKE]]
        views[-1] = replace(views[-1], alike=len(alike) - len(views))
        shown += views
    return tuple(shown)


def _finding(finding: Finding, *, earlier: bool) -> FindingView:
    known = CATALOGUE.get(finding.code)
    title = Phrase(known.title) if known else Data(finding.code)
    return FindingView(finding, title, remedy_of(finding), speaker_of(finding), earlier)


def _groups(proof: IsolationProof) -> tuple[ProbeGroup, ...]:
    total = Counter(check.kind for check in proof.checks)
    denied = Counter(check.kind for check in proof.checks if check.outcome == "denied")
    return tuple(ProbeGroup(kind, denied[kind], total[kind]) for kind in sorted(total))
