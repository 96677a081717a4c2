"""One contract for every desk: the directory, and the one that control-flow tests use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drp.codec import to_data
from drp.domain.sign_off import Checklist, SignOffAnswer
from drp.domain.sign_off_desk import Opened, SignOffDesk
from drp.errors import AccessDenied
from drp.sign_off import DirectoryDesk, Visitor
from drp.sign_off.papers import HandedIn, answer_file, folder_of
from tests.integration.test_sign_off_desk import ANSWER
from tests.simulators.desk import SimDesk

HandIn = Callable[[SignOffAnswer], None]
Place = tuple[SignOffDesk, HandIn, Callable[[], None]]
AT = ("weekly-1", "ehr")


@pytest.fixture(params=["directory", "simulator"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A desk, how an answer comes onto it, and how somebody opens the checklist."""
    if request.param == "simulator":
        simulated = SimDesk()

        def open_it() -> None:
            simulated.names[AT] = Opened(challenge="c", name="N. Durand")

        return simulated, simulated.hand_in, open_it
    numbers = iter(range(100))

    def hand_in(answer: SignOffAnswer) -> None:
        handed: dict[str, Any] = to_data(HandedIn(answer=answer, signature=""))
        answer_file(folder_of(tmp_path, *AT), f"{next(numbers):016x}").write_text(json.dumps(handed))

    return DirectoryDesk(tmp_path), hand_in, lambda: Visitor(tmp_path, *AT).open("c", "N. Durand")


def test_an_open_desk_is_empty_and_takes_what_is_handed_in(place: Place) -> None:
    desk, hand_in, open_it = place
    desk.open(*AT)
    assert desk.opened(*AT) is None
    assert desk.deposits(*AT) == ()
    open_it()
    assert desk.opened(*AT) == Opened(challenge="c", name="N. Durand")
    hand_in(ANSWER)
    hand_in(ANSWER)
    assert [deposit.answer for deposit in desk.deposits(*AT)] == [ANSWER, ANSWER]


def test_a_reply_takes_its_deposit_away_and_no_other(place: Place) -> None:
    desk, hand_in, _ = place
    desk.open(*AT)
    hand_in(ANSWER)
    hand_in(ANSWER)
    first, second = desk.deposits(*AT)
    desk.reply(*AT, first, refusal="another plan")
    assert desk.deposits(*AT) == (second,)
    desk.reply(*AT, second)
    assert desk.deposits(*AT) == ()


def test_opening_again_empties_it_and_closing_ends_it(place: Place) -> None:
    desk, hand_in, open_it = place
    desk.open(*AT)
    open_it()
    hand_in(ANSWER)
    desk.open(*AT)
    assert desk.opened(*AT) is None
    assert desk.deposits(*AT) == ()
    hand_in(ANSWER)
    desk.close(*AT)
    assert desk.deposits(*AT) == ()
    desk.close(*AT)


def test_nobody_signs_without_a_signature(place: Place) -> None:
    desk, _, _ = place
    desk.open(*AT)
    with pytest.raises(AccessDenied):
        desk.signer(
            ANSWER, "", Checklist(referent="nurse", steps=(), allowed_signers="nurse@hospital ssh-ed25519 AAAA")
        )
