"""Draws the files of which a drill of level sample restores the content, once the recovery point is chosen.

The seed is drawn then, and not before: whoever could change the backup cannot know which files it is going to be.
"""

from __future__ import annotations

import secrets
from contextlib import closing

from drp.domain.findings.finding import Finding
from drp.domain.findings.origin import NOTHING_DRAWN
from drp.domain.phrase import fact, say
from drp.domain.recovery_point import RecoveryPoint
from drp.domain.repository_port import Abilities
from drp.domain.sample import Sample, sample_size
from drp.drill.context import PhaseContext
from drp.drill.phases.belief import believed
from drp.errors import RepositoryError

_SEED_BYTES = 16


def draw(
    context: PhaseContext, point: RecoveryPoint | None, abilities: Abilities
) -> tuple[Sample | None, tuple[Finding, ...]]:
    """Return which files are restored; None: all of them, or none could be drawn, and the findings say why.

    Raises ``RepositoryError`` where the repository cannot restore a part of a point.
    """
    if context.plan.level != "sample" or point is None:
        return None, ()
    if not abilities.restores_parts:
        raise RepositoryError(
            say(
                "repository {repository} restores whole recovery points, and no part of one",
                repository=context.recovery.repository,
            ),
            hint="hold a drill of level hash instead",
        )
    found = believed(context, point)
    if found.manifest is None or found.summary is None:
        return None, found.findings
    with closing(found.manifest):
        own = found.summary.own
        files = own.files
        if not files:
            nothing = NOTHING_DRAWN.finding(
                subject=point.short_id,
                observed=fact("entries-no-file", "{entries} entries, no file", entries=own.entries),
                expected=fact("files", "files"),
            )
            return None, (nothing,)
        sample = Sample(
            manifest_id=found.summary.id,
            seed=secrets.token_hex(_SEED_BYTES),
            drawn=sample_size(context.plan.sample_files, files),
            population=files,
        )
        return sample, ()
