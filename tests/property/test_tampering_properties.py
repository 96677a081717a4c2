"""Whatever restic does to its repository in its life is no tampering; whatever is hidden then comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drp.domain.worm.tampering import diagnose
from tests.support.restic_history import History

DOINGS = ("backup", "forget", "prune", "change_password", "send_again", "expire", "interrupted", "locked", "pass_time")


def lived(doings: list[str]) -> History:
    history = History().init()
    history.pass_time()
    history.backup()
    for doing in doings:
        if doing == "interrupted":
            history.backup(finished=False)
        elif doing == "forget":
            history.forget(keep=2)
        else:
            getattr(history, doing)()
    history.pass_time()
    return history


@given(st.lists(st.sampled_from(DOINGS), max_size=25))
def test_the_life_of_a_repository_is_no_tampering(doings: list[str]) -> None:
    assert diagnose(lived(doings).written) is None


@given(
    st.lists(st.sampled_from(DOINGS), max_size=15),
    st.randoms(use_true_random=False),
    st.integers(min_value=0, max_value=100_000),
)
def test_what_was_hidden_comes_back_from_the_last_good_instant(doings: list[str], random, pause: int) -> None:
    history = lived(doings)
    alive, needs = history.visible(), set().union(*history.needs.values())
    order = sorted(alive)
    random.shuffle(order)
    for key in order:
        history.hide(key)
        history.pass_time(random.choice([0, 1, pause]))
    written = list(history.written)
    random.shuffle(written)
    found = diagnose(written)
    assert found is not None
    assert found.certain
    assert found.last_good is not None
    back = history.visible(found.last_good)
    assert set(history.needs) <= back
    assert needs <= back
    assert "config" in back
    assert any(key.startswith("keys/") and key in alive for key in back)
    assert any(key.startswith("index/") for key in back)
