"""A phase's output is read as what it says it is, and as nothing else."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from drp.codec import canonical, from_json, to_data
from drp.domain.events import PhaseCompleted
from drp.domain.phase import PHASES, PhaseOutput
from drp.errors import Tampered
from tests.support.sample_journal import tale, tell

TOLD = {entry.event.phase: entry.event for entry in tell(tale(), drill="d") if isinstance(entry.event, PhaseCompleted)}


def test_every_member_says_by_its_own_default_which_it_is() -> None:
    assert [member.__dataclass_fields__["phase"].default for member in get_args(PhaseOutput)] == list(PHASES)


@pytest.mark.parametrize("phase", PHASES)
def test_an_output_is_read_back_as_it_was_written(phase: str) -> None:
    event = TOLD[phase]
    assert from_json(PhaseCompleted, canonical(to_data(event))) == event


@pytest.mark.parametrize("said", [*(phase for phase in PHASES if phase != "verify"), "restart", "", None, 3])
def test_an_output_of_another_form_than_it_says_is_refused(said: object) -> None:
    data = to_data(TOLD["verify"])
    data["output"]["phase"] = said
    with pytest.raises(Tampered, match="stored PhaseCompleted cannot be read: "):
        from_json(PhaseCompleted, json.dumps(data))


def test_an_output_that_does_not_say_which_it_is_is_refused() -> None:
    data = to_data(TOLD["hash"])
    del data["output"]["phase"]
    with pytest.raises(Tampered, match="1 problems"):
        from_json(PhaseCompleted, json.dumps(data))
