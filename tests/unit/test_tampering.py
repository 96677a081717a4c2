"""What versions and markers show to have been done to a repository, and what they do not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drp.domain.worm.tampering import diagnose
from tests.support.restic_history import History

SECOND = timedelta(seconds=1)


@pytest.fixture
def used() -> History:
    history = History().init()
    history.pass_time()
    for _ in range(3):
        history.backup()
        history.forget(keep=2)
        history.prune()
    history.pass_time(3600)
    return history


def hide_all(history: History, *folders: str) -> None:
    for key in sorted(history.visible()):
        if key.partition("/")[0] in folders:
            history.hide(key)


def test_everything_hidden_is_told_with_the_last_good_instant(used: History) -> None:
    before, alive = used.at, used.visible()
    hide_all(used, "config", "keys", "snapshots", "index", "data")
    used.pass_time()
    found = diagnose(used.written)
    assert found is not None
    assert found.certain
    assert found.last_good is not None
    assert found.last_good < before
    assert alive <= used.visible(found.last_good)
    assert found.names[0] == "config"
    assert "emptied behind delete markers: 1 x config" in found.what
    assert (found.until, found.overwritten) == (before, 0)


@pytest.mark.parametrize("folder", ["config", "keys", "snapshots", "index", "data"])
def test_any_part_hidden_is_told(used: History, folder: str) -> None:
    hide_all(used, folder)
    found = diagnose(used.written)
    assert found is not None
    assert found.certain
    assert f"x {folder}" in found.what
    assert found.last_good is not None


def test_a_slow_attack_is_dated_by_its_first_act(used: History) -> None:
    alive = used.visible()
    for key in sorted(alive, reverse=True):
        used.hide(key)
        used.pass_time(86_400)
    found = diagnose(used.written)
    assert found is not None
    assert found.last_good is not None
    assert alive <= used.visible(found.last_good)


def test_an_overwritten_config_of_another_size_is_certain(used: History) -> None:
    used.put("config", 9)
    found = diagnose(used.written)
    assert found is not None
    assert (found.certain, found.overwritten, found.names) == (True, 1, ("config",))
    assert found.last_good is not None
    assert found.last_good == used.at - SECOND
    assert "possibly" not in found.what


def test_an_overwritten_config_of_the_same_size_is_possible_and_certain_once_the_password_is_refused(
    used: History,
) -> None:
    used.put("config", 155, content="garbage")
    found = diagnose(used.written)
    assert found is not None
    assert not found.certain
    assert "possibly overwritten" in found.what
    refused = diagnose(used.written, refused=True)
    assert refused is not None
    assert "possibly" not in refused.what


def test_a_false_point_does_not_vouch_for_a_config_that_restic_refuses(used: History) -> None:
    used.put("config", 155, content="garbage")
    used.pass_time()
    used.put(used.named("snapshots"), 250)
    assert diagnose(used.written) is None
    found = diagnose(used.written, refused=True)
    assert found is not None
    assert found.names == ("config",)


def test_a_pack_under_its_name_with_another_size_is_certain(used: History) -> None:
    pack = min(key for key in used.visible() if key.startswith("data/"))
    used.put(pack, 3)
    found = diagnose(used.written)
    assert found is not None
    assert (found.certain, found.names) == (True, (pack,))


def test_a_backup_that_went_on_after_an_act_does_not_move_the_last_good_instant(used: History) -> None:
    pack = min(key for key in used.visible() if key.startswith("data/"))
    attacked = used.at
    used.put(pack, 3)
    used.pass_time()
    used.backup()
    hide_all(used, "snapshots")
    found = diagnose(used.written)
    assert found is not None
    assert found.since <= attacked
    assert found.last_good is not None
    assert found.last_good < attacked


def test_retention_of_the_night_before_does_not_hide_the_points_that_it_kept(used: History) -> None:
    kept = {key for key in used.visible() if key.startswith("snapshots/")}
    used.pass_time(86_400)
    hide_all(used, "config", "keys", "snapshots", "index", "data")
    found = diagnose(used.written)
    assert found is not None
    assert found.last_good is not None
    assert kept <= used.visible(found.last_good)


def test_an_act_in_the_second_of_a_backup_goes_back_to_before_it(used: History) -> None:
    used.put(used.named("snapshots"), 250)
    hide_all(used, "config")
    found = diagnose(used.written)
    assert found is not None
    assert found.last_good is not None
    assert found.last_good < used.at
    assert len([key for key in used.visible(found.last_good) if key.startswith("snapshots/")]) >= 2


def test_only_the_essential_parts_are_asked_for_where_only_they_were_listed(used: History) -> None:
    essential = [v for v in used.written if v.key.partition("/")[0] in {"config", "keys", "snapshots"}]
    assert diagnose(essential, complete=False) is None
    hide_all(used, "keys")
    essential = [v for v in used.written if v.key.partition("/")[0] in {"config", "keys", "snapshots"}]
    found = diagnose(essential, complete=False)
    assert found is not None
    assert found.certain


def test_markers_without_versions_below_tell_nothing(used: History) -> None:
    hide_all(used, "keys")
    left = [version for version in used.written if version.marker or not version.key.startswith("keys/")]
    found = diagnose(left)
    assert found is None, "nobody hid it, as far as is left: that it is missing is told elsewhere"


@pytest.mark.parametrize("odd", ["fresh", "re-keyed fresh", "upgraded", "sent twice", "interrupted", "nothing"])
def test_what_is_odd_and_healthy_is_no_tampering(odd: str, used: History) -> None:
    history = used if odd not in {"fresh", "re-keyed fresh"} else History().init()
    match odd:
        case "re-keyed fresh":
            history.change_password()
        case "upgraded":
            history.upgrade()
            history.backup()
        case "sent twice":
            history.pass_time()
            history.send_again()
        case "interrupted":
            history.backup(finished=False)
            history.prune()
        case "nothing":
            history = History()
    assert diagnose(history.written) is None
    assert diagnose(history.written, complete=False) is None


def test_parts_that_were_never_there_are_not_said_to_be_hidden() -> None:
    history = History().init()
    history.backup()
    history.forget(keep=0)
    found = diagnose(history.written)
    assert found is not None, "whoever forgets the last point has emptied it"
    assert "1 x snapshots" in found.what
    assert found.hidden == 1
