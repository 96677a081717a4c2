"""What a site's journal tells of earlier drills of the applications of a record: for charts, proof of nothing.

A journal that cannot be read leaves the charts out; whether it vouches for the record is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.evidence import EvidenceRecord
from drp.domain.fold import fold
from drp.domain.journal import Journal
from drp.errors import DrpError
from drp.reporting.trend import MOST_DRILLS, Past
from drp.service.wiring import Wiring

_LOOKED_AT = 400
"""So many of the newest drills are looked through: of a year of weekly drills of several plans."""


def past_of(wiring: Wiring, record: EvidenceRecord) -> tuple[Past, ...]:
    """Return what earlier full drills measured, newest first, no more of an application than a chart shows."""
    try:
        return tuple(_past(wiring.journal_to_read(), record))
    except DrpError:
        return ()


def _past(journal: Journal, record: EvidenceRecord) -> Iterator[Past]:
    wanted = {recovery.recovery: MOST_DRILLS - 1 for recovery in record.recoveries}
    for one in reversed(journal.history.newest(_LOOKED_AT)):
        if one.declared_at is None or one.declared_at >= record.declared_at or one.level != "full":
            continue
        due = {each.recovery for each in one.recoveries if wanted.get(each.recovery, 0) > 0}
        if one.verdict in {None, "aborted"} or not due:
            continue
        concluded = fold(journal.entries(one.drill)).concluded
        for measurement in concluded.measurements if concluded is not None else ():
            if measurement.recovery in due:
                wanted[measurement.recovery] -= 1
                yield Past(drill=one.drill, declared_at=one.declared_at, measurement=measurement)
