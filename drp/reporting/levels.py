"""What a report says of a drill that started nothing: first, and never so that its pass looks like a full one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drp.domain.evidence import EvidenceRecord, RecoveryRecord
from drp.domain.level import Level
from drp.domain.phrase import Data, Phrase, say
from drp.domain.sample import Sample
from drp.reporting.words import VERDICT_MEANINGS

BACKUPS = "DRP-L"
"""Beginning of codes of findings about locks, attacks, horizons and scrubs: of a repository, not of what came back."""
_BACKUPS_ALONE = say(
    "Every application came back within its objectives. The backups that it came from are not as they should be: the "
    "next recovery may not find them."
)
_PASSED: dict[Level, Phrase] = {
    "hash": say(
        "Every file came back as it was backed up. Nothing was started: whether an application comes back, and how "
        "soon, was not tried."
    ),
    "sample": say(
        "Every file that was drawn came back as it was backed up. The others were not restored, and nothing was "
        "started: whether an application comes back, and how soon, was not tried."
    ),
}


def depth_of(record: EvidenceRecord) -> Phrase | None:
    """Return what stands beside the verdict of a drill that started nothing; None: it was a full one."""
    if record.plan.level == "full":
        return None
    if record.plan.level == "hash":
        return say("hash only: nothing was started")
    samples = [sample for recovery in record.recoveries if (sample := sample_of(recovery)) is not None]
    if not samples:
        return say("a sample of the files: nothing was started")
    return say(
        "a sample of {drawn} of {population} files: nothing was started",
        drawn=sum(sample.drawn for sample in samples),
        population=sum(sample.population for sample in samples),
    )


def meaning_of(record: EvidenceRecord) -> Phrase:
    """Return what the verdict means."""
    if record.verdict == "passed" and record.plan.level in _PASSED:
        return _PASSED[record.plan.level]
    if record.verdict == "failed" and record.plan.starts and all(_came_back(one) for one in record.recoveries):
        return _BACKUPS_ALONE
    return VERDICT_MEANINGS[record.verdict]


def _came_back(recovery: RecoveryRecord) -> bool:
    """Return whether an application came back within its objectives, and nothing but its backups is wrong."""
    measured = recovery.measurement
    grave = {finding.code for finding in recovery.findings if finding.severity in {"critical", "inconclusive"}}
    met = (measured.rto_attainment, measured.rpo_attainment) == ("met", "met")
    return met and recovery.failure is None and all(code.startswith(BACKUPS) for code in grave)


def sample_of(record: RecoveryRecord) -> Sample | None:
    """Return the sample of a recovery; None: all of its files were restored, or none could be drawn."""
    return record.select.sample if record.select is not None else None


def compared_in_words(record: RecoveryRecord, title: Data) -> Phrase:
    """Return in one sentence what became of an application that was restored, compared and not started."""
    difference = record.hash.difference if record.hash is not None else None
    sample = sample_of(record)
    if difference is None:
        return say("{application} was not compared with anything. It was not started.", application=title)
    if not difference.clean:
        return say("{application} did not come back as it was backed up. It was not started.", application=title)
    if sample is None:
        return say("{application} came back as it was backed up, file by file. It was not started.", application=title)
    return say(
        "{application}: {drawn} of {population} files, drawn by chance, came back as they were backed up. If one in a "
        "thousand were corrupt, that would have been seen with {percent} %. It was not started.",
        application=title,
        drawn=sample.drawn,
        population=sample.population,
        percent=math.floor(sample.chance * 100),
    )


def limits_of_level(record: EvidenceRecord) -> Sequence[Phrase]:
    """Return what a drill of this level leaves unproven."""
    if record.plan.level == "full":
        return ()
    started = say(
        "Nothing that was restored was started. That an application works, how long it takes to come back, and how old "
        "its newest datum is, was not tried: the age of the recovery point alone is known."
    )
    if record.plan.level == "hash":
        return (started,)
    drawn = say(
        "A sample shows mass damage, such as encryption or a lost volume. It says next to nothing about a single file: "
        "those that were not drawn were not restored."
    )
    return started, drawn
