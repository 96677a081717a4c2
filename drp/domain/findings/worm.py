"""The codes of what keeps recovery points from being deleted or changed: those of each part, in one tuple."""

from __future__ import annotations

from drp.domain.findings.expected_points import EXPECTED_POINTS
from drp.domain.findings.hardened import HARDENED
from drp.domain.findings.horizon import HORIZON
from drp.domain.findings.locks import LOCKS
from drp.domain.findings.pinned import PINNED
from drp.domain.findings.probe import PROBE
from drp.domain.findings.scrub import SCRUB

WORM = (*EXPECTED_POINTS, *HARDENED, *HORIZON, *LOCKS, *PINNED, *PROBE, *SCRUB)
