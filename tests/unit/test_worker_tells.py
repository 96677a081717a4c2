"""After orders and ticks a worker tells what there is to tell, of whatever the engine kept of the order."""

from __future__ import annotations

from pathlib import Path

import pytest

from drp.domain.orders import Values
from drp.schedule.telling import drill_begins, tell_of_order, tell_of_tick, tick_begins
from tests.simulators.world import Script
from tests.support.monitored import monitored, put_secret
from tests.support.receivers import receiver

PINGS = "pings: {site: {file: secrets/beat}, policies: {ehr/full: {file: secrets/full}}}\n"


def test_an_orders_drill_pings_its_policy_and_a_tick_the_site(tmp_path: Path) -> None:
    with receiver() as web:
        site = monitored(tmp_path, {}, more=PINGS)
        for name in ("beat", "full"):
            put_secret(tmp_path, name, f"http://{web.address}/{name}")
        drill = site.hold(Script(checks=("failed",)))
        tick_begins(site.wiring())
        drill_begins(site.wiring(), ("ehr/full",))
        drill_begins(site.wiring(), ())
        assert web.paths() == ["/beat/start", "/full/start"]
        web.taken.clear()
        assert tell_of_tick(site.wiring()).trouble == ""
        assert web.paths() == ["/beat"]
        for values in ({"drill": drill}, {"hold": {"drill": drill}}, {"hold": None, "finish": {"drill": drill}}):
            web.taken.clear()
            assert tell_of_order(site.wiring(), values) == {"told": [], "untold": {}, "notices": []}
            assert sorted(web.paths()) == ["/beat", "/full/1"]


@pytest.mark.parametrize(
    "values", [{}, {"hold": None}, {"hold": {}}, {"hold": "x", "finish": []}, {"hold": {"drill": 3}}]
)
def test_an_order_without_a_drill_is_told_without_one(tmp_path: Path, values: Values) -> None:
    site = monitored(tmp_path, {})
    assert tell_of_order(site.wiring(), values) == {"told": [], "untold": {}, "notices": []}
