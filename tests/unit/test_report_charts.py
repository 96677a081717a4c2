"""Charts: what is drawn is what was measured, nothing of later drills, and words say it to whoever cannot see."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from drp.domain.evidence import EvidenceRecord
from drp.domain.measure import Measurement
from drp.reporting.charts import together_figure, trend_figure
from drp.reporting.html import render_html
from drp.reporting.i18n import language
from drp.reporting.together import together_of
from drp.reporting.trend import MOST_DRILLS, Past, trends_of
from drp.reporting.view import Origin
from drp.share import languages
from tests.support import fixtures_records as sample
from tests.support.sample_outputs import T0

HOUR = 3_600_000


def spaces(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def measured(**changes: object) -> Measurement:
    (recovery,) = sample.sample_record("passed").recoveries
    return replace(recovery.measurement, **changes)  # type: ignore[arg-type]


def past(days: int, name: str = "", **changes: object) -> Past:
    return Past(drill=name or f"d{days:03}", declared_at=T0 - timedelta(days=days), measurement=measured(**changes))


def texts(figure: str) -> list[str]:
    return [spaces(each.text or "") for each in ET.fromstring(figure).iter() if each.tag == "text"]


def told(figure: str) -> str:
    return spaces(ET.fromstring(figure).findtext("desc") or "")


def test_a_trend_ends_with_the_reported_drill_and_knows_nothing_of_later_ones() -> None:
    record = sample.sample_record("passed")
    history = [past(1, rta_ms=5_000), past(2, rta_ms=4_000), past(0), past(-1), past(-30)]
    (trend,) = trends_of(record, history)
    assert [point.high_ms for point in trend.rto] == [4_000, 5_000, record.recoveries[0].measurement.rta_ms]
    assert [point.at for point in trend.rpo] == sorted(point.at for point in trend.rpo)


def test_a_trend_is_as_long_as_a_chart_and_the_newest_count() -> None:
    (trend,) = trends_of(sample.sample_record("passed"), [past(days, rta_ms=days) for days in range(1, 40)])
    assert [point.high_ms for point in trend.rto][:-1] == list(range(MOST_DRILLS - 1, 0, -1))


@pytest.mark.parametrize(
    ("record", "history"),
    [
        (sample.sample_record("passed"), []),
        (sample.sample_record("passed"), [past(1, recovery="another")]),
        (
            replace(sample.sample_record("passed"), plan=replace(sample.sample_record("passed").plan, level="hash")),
            [past(1)],
        ),
    ],
    ids=["nothing before", "others alone", "nothing started"],
)
def test_there_is_no_trend_without_anything_to_compare(record: EvidenceRecord, history: list[Past]) -> None:
    assert trends_of(record, history) == ()
    page = render_html(record, "en", Origin("0" * 64, history=tuple(history))).decode()
    assert "Against the objectives, drill after drill" not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rta_ms": None, "rto_attainment": "not-measured"}, "not measured (Not measured)"),
        ({"rta_ms": 5 * HOUR, "rto_attainment": "missed"}, "5 h (Missed)"),
        ({"rta_ms": 20_000}, "20 s (Met)"),
    ],
)
def test_words_say_what_is_drawn(changes: dict[str, object], words: str) -> None:
    (trend,) = trends_of(sample.sample_record("passed"), [past(1, **changes)])
    figure = trend_figure(trend, "rto", language=language("en"), key="k")
    assert f"13 Nov 2026: {words}" in told(figure)
    assert ("✕" in texts(figure)) == (changes["rta_ms"] is None)


def test_a_loss_without_a_bound_is_open_and_an_interval_is_one_figure_where_nobody_can_tell_its_ends_apart() -> None:
    open_ = past(1, rpa_lower_ms=HOUR, rpa_upper_ms=None, rpo_attainment="undetermined")
    alike = past(2, rpa_lower_ms=14_010, rpa_upper_ms=14_090)
    (trend,) = trends_of(sample.sample_record("passed"), [open_, alike])
    figure = trend_figure(trend, "rpo", language=language("en"), key="k")
    assert "at least 1 h (Undetermined)" in told(figure)
    assert "14 s (Met)" in told(figure)
    assert "?" in texts(figure)


def test_an_objective_that_would_flatten_every_bar_is_said_instead_of_drawn() -> None:
    far, near = (
        trends_of(sample.sample_record("passed"), [past(1, rta_ms=ms, rto_ms=4 * HOUR)])[0] for ms in (9_000, 2 * HOUR)
    )
    drawn = [trend_figure(trend, "rto", language=language("en"), key="k") for trend in (far, near)]
    assert ["(off the scale)" in texts(figure)[-1] for figure in drawn] == [True, False]
    assert ["stroke-dasharray" in figure for figure in drawn] == [False, True]


@pytest.mark.parametrize("tag", languages())
def test_pages_with_charts_are_sound_and_name_everything(tag: str) -> None:
    record = sample.sample_record("unreachable")
    history = tuple(past(days, recovery=name) for days in (1, 2) for name in ("ehr", "lab"))
    text = render_html(record, tag, Origin("0" * 64, history=history)).decode()
    identities = re.findall(r' id="([^"]+)"', text)
    assert len(identities) == len(set(identities))
    figures = re.findall(r'<svg class="(?:gauge|timeline)".*?</svg>', text, re.DOTALL)
    assert sum("trend" in figure for figure in figures) == 4
    for figure in figures:
        root = ET.fromstring(figure)
        assert root.findtext("title")
        assert root.findtext("desc")
        width = float((root.get("viewBox") or "").split()[2])
        assert all(-1 <= float(each.get("x", "0")) <= width + 1 for each in root.iter() if each.tag in {"rect", "text"})


def test_recoveries_are_on_one_axis_that_holds_all_of_them() -> None:
    record = sample.sample_record("unreachable")
    together = together_of(record)
    assert [row.application for row in together.bars] == ["ehr", "lab"]
    assert together.end_ms >= max(bar.started_ms + bar.duration_ms for row in together.bars for bar in row.bars)
    assert together.stopped
    figure = together_figure(together, language=language("en"), key="k")
    assert {"ehr", "lab", "RTA 20.1 s", "not usable"} <= set(texts(figure))
    assert "ehr: RTA 20.1 s (Choose the point: 1.4 s" in told(figure)
    assert together_of(sample.sample_record("passed")).bars == (), "one alone has its own chart"
