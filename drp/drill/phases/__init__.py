"""The phases, in order: each takes a context and returns a frozen output; none writes the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drp.domain.phase import PhaseName, PhaseOutput
from drp.drill.context import PhaseContext
from drp.drill.phases.hash import hash_phase
from drp.drill.phases.prepare import prepare_phase
from drp.drill.phases.restore import restore_phase
from drp.drill.phases.select import select_phase
from drp.drill.phases.start import start_phase
from drp.drill.phases.verify import verify_phase

PHASE_FUNCTIONS: Mapping[PhaseName, Callable[[PhaseContext], PhaseOutput]] = {
    "select": select_phase,
    "prepare": prepare_phase,
    "restore": restore_phase,
    "hash": hash_phase,
    "start": start_phase,
    "verify": verify_phase,
}
