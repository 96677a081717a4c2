"""Report pages in a real browser: nothing is scrolled sideways on a phone, and the whole prints on few sheets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drp.reporting.html import render_html
from drp.reporting.view import Origin
from drp.share import languages
from tests.support import fixtures_records as sample
from tests.support.browser import CHROMIUM, measured, printed_sheets
from tests.unit.test_report_charts import past
from tests.unit.test_report_reconciliation import EVERYTHING, record_with

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: `sh tests/setup/system.sh test` installs it"
)

SCREENS = (360, 420, 768, 1024, 1400)
LONG = "radiology-and-nuclear-medicine-" * 9 + "\u202e<b>"


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("name", sorted(sample.JOURNALS))
def test_no_screen_scrolls_sideways(name: str, tag: str, tmp_path: Path) -> None:
    record = replace(sample.sample_record(name), zone="Europe/Paris")
    history = tuple(past(days, recovery=one.recovery) for days in (1, 2, 3) for one in record.recoveries)
    page = render_html(record, tag, Origin("0" * 64, history=history)).decode()
    found = measured(page, SCREENS, tmp_path)
    assert {width: whole <= width and not wide for width, (whole, wide) in found.items()} == dict.fromkeys(
        found, True
    ), found


@pytest.mark.parametrize("tag", languages())
def test_what_restored_software_calls_things_widens_nothing(tag: str, tmp_path: Path) -> None:
    record = record_with(EVERYTHING)
    (planned,) = record.plan.recoveries
    application = replace(planned.application, title=LONG, owner=LONG)
    plan = replace(
        record.plan,
        recoveries=(replace(planned, application=application),),
        scenario=replace(record.plan.scenario, title=LONG),
    )
    page = render_html(replace(record, plan=plan, host=LONG, tools={LONG: LONG}), tag).decode()
    found = measured(page, SCREENS, tmp_path)
    assert all(whole <= width for width, (whole, _) in found.items()), found


@pytest.mark.parametrize(
    ("name", "most"), [("passed", 4), ("failed", 5), ("inconclusive", 4), ("aborted", 4), ("unreachable", 4)]
)
def test_a_page_prints_on_few_sheets(name: str, most: int, tmp_path: Path) -> None:
    for tag in languages():
        assert 1 < printed_sheets(render_html(sample.sample_record(name), tag).decode(), tmp_path) <= most
