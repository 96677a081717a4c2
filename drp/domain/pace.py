"""How fast each recovery of a plan may read, so that all together keep to what is allowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drp.domain.plan import DrillPlan, PlannedRecovery


def paced(plan: DrillPlan, of_repository: Mapping[str, int | None], of_site: int | None) -> DrillPlan:
    """Return the plan with a share for each recovery, in bytes a second; none where nobody set a cap.

    A cap is divided among those that may restore at the same time, whether they do or not: a tool is told once, before
    it begins, and what is in force must never come to more than was allowed.
    """
    if of_site is None and not any(of_repository.get(recovery.repository) for recovery in plan.recoveries):
        return plan
    shares = {
        recovery.name: _share(recovery, wave, plan.parallel, of_repository.get(recovery.repository), of_site)
        for wave in plan.waves()
        for recovery in wave
    }
    recoveries = (replace(recovery, bytes_per_second=shares[recovery.name]) for recovery in plan.recoveries)
    return replace(plan, recoveries=tuple(recoveries))


def _share(
    recovery: PlannedRecovery,
    wave: tuple[PlannedRecovery, ...],
    parallel: int | None,
    of_repository: int | None,
    of_site: int | None,
) -> int | None:
    beside = sum(other.repository == recovery.repository for other in wave)
    caps = ((of_repository, beside), (of_site, len(wave)))
    shares = [cap // min(count, parallel or count) for cap, count in caps if cap is not None]
    return max(1, min(shares)) if shares else None
