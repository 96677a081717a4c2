"""Charts for people who look rather than read: all recoveries on one axis, and objectives drill after drill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup

from drp.domain.visible import visible
from drp.reporting import drawing as draw
from drp.reporting.i18n import Language
from drp.reporting.together import COLOURS, Together
from drp.reporting.trend import Point, Trend
from drp.reporting.words import ATTAINMENT_TONES, ATTAINMENTS, PHASE_NAMES, TONE_COLOURS

_ROW, _BAR, _TOP = 30, 18, 12
_SHAPES = {False: (880, 150, 160), True: (410, 92, 104)}
"""Width, left and right of the axis; True: for a narrow screen."""
_TREND_WIDTH, _TREND_HEIGHT, _FLOOR, _CEILING = 410, 118, 80, 24


def together_figure(together: Together, *, language: Language, key: str, narrow: bool = False) -> Markup:
    """Return a row for each recovery, its phases in it, and when it was usable."""
    whole, left, right = _SHAPES[narrow]
    floor, span = _TOP + _ROW * len(together.bars), whole - left - right

    def x(ms: float) -> float:
        return left + span * ms / together.end_ms

    parts = []
    for tick in together.ticks[:: 2 if narrow else 1]:
        parts.append(draw.line(x(tick), _TOP - 4, x(tick), floor + 4, stroke="#d5dbe1", width=1))
        told = language.duration(tick) if tick else "t0"
        parts.append(draw.text(x(tick), floor + 20, told, anchor="middle", size=12.5))
    spoken = []
    for number, row in enumerate(together.bars):
        top = _TOP + _ROW * number
        shown = _short(row.application, 10 if narrow else 18)
        parts.append(draw.text(left - 12, top + 20, shown, anchor="end", size=14))
        for bar in row.bars:
            width = max(x(bar.started_ms + bar.duration_ms) - x(bar.started_ms) - 0.6, 1.4)
            fill = TONE_COLOURS["bad"] if bar.failed else COLOURS.get(bar.phase, "#5c6b7a")
            parts.append(draw.rect(x(bar.started_ms), top + 6, width, _BAR, fill=fill, rx=1.5))
        told = language.gettext("not usable")
        if row.rta_ms is not None:
            told = language.gettext("RTA {time}").format(time=language.duration(row.rta_ms))
            ends = x(row.rta_ms)
            parts.append(draw.line(ends, top + 2, ends, top + _ROW - 2, stroke="#1b2733", width=2.4))
        tone = TONE_COLOURS["bad"] if row.missed or row.rta_ms is None else "#1b2733"
        parts.append(draw.text(whole - right + 12, top + 20, told, size=14, bold=True, fill=tone))
        phases = ", ".join(
            language.labelled(language.plain(PHASE_NAMES[bar.phase]), language.duration(bar.duration_ms))
            for bar in row.bars
            if bar.phase in PHASE_NAMES
        )
        spoken.append(f"{language.labelled(shown, told)} ({phases})")
    title = language.gettext("Phases of all recoveries over time")
    name = "timeline narrow" if narrow else "timeline"
    told_whole = title, "; ".join(spoken)
    return draw.figure(key, (whole, floor + 30), told=told_whole, body=Markup("").join(parts), name=name)


def trend_figure(trend: Trend, objective: Literal["rto", "rpo"], *, language: Language, key: str) -> Markup:
    """Return a bar for each drill against the objective that it had: RTA ("rto"), or the RPA interval ("rpo")."""
    points = trend.rto if objective == "rto" else trend.rpo
    limit, highest = points[-1].limit_ms, max([*map(_highest, points), 1])
    above = limit > 6 * highest  # then the objective would make every bar a line
    reach = highest * 1.15 if above else max(limit, highest) * 1.15

    def y(ms: float) -> float:
        return _FLOOR - (_FLOOR - _CEILING) * min(ms / reach, 1)

    step = (_TREND_WIDTH - 16) / len(points)
    parts = [draw.line(4, _FLOOR, _TREND_WIDTH - 4, _FLOOR, stroke="#4a5460", width=1)]
    for number, point in enumerate(points):
        parts += _column(point, 8 + step * number, step, y)
        if not above:
            at = y(point.limit_ms)
            left = 8 + step * number
            parts.append(draw.line(left, at, left + step, at, stroke="#1b2733", width=1.6, dash="4 3"))
    parts += _captions(points, language)
    name = language.gettext("RTA against RTO") if objective == "rto" else language.gettext("RPA against RPO")
    pattern = language.gettext("{name}: {limit}")
    if above:
        pattern = language.gettext("{name}: {limit} (off the scale)")
    head = pattern.format(name=name, limit=language.duration(limit))
    parts.append(draw.text(4, 14, head, size=12.5, bold=True))
    spoken = "; ".join(
        f"{language.labelled(language.day(point.at), _interval(point, language))} "
        f"({language.plain(ATTAINMENTS[point.attainment])})"
        for point in points
    )
    size = _TREND_WIDTH, _TREND_HEIGHT
    return draw.figure(key, size, told=(head, spoken), body=Markup("").join(parts), name="gauge")


def _column(point: Point, left: float, step: float, y: object) -> list[Markup]:
    assert callable(y)
    width = min(step * 0.6, 34)
    at, colour = left + (step - width) / 2, TONE_COLOURS[ATTAINMENT_TONES[point.attainment]]
    if point.low_ms is None and point.high_ms is None:
        return [
            draw.text(left + step / 2, _FLOOR - 4, "✕", anchor="middle", size=15, fill=TONE_COLOURS["bad"], bold=True)
        ]
    low = y(point.low_ms or 0)
    sure = [draw.rect(at, low, width, _FLOOR - low, fill=colour, rx=1.5)] if point.low_ms else []
    if point.high_ms is None:  # open upwards: nobody knows how much at most
        return [*sure, draw.text(left + step / 2, low - 5, "?", anchor="middle", size=15, fill=colour, bold=True)]
    high = y(point.high_ms)
    return [*sure, draw.rect(at, high, width, max(low - high, 2), fill=colour, rx=1.5, opacity=0.55 if sure else 1)]


def _captions(points: Sequence[Point], language: Language) -> list[Markup]:
    """Say the newest figure, and when the first and the last drill were."""
    last = _interval(points[-1], language)
    return [
        draw.text(8, _FLOOR + 18, language.day(points[0].at), size=12),
        draw.text(_TREND_WIDTH - 8, _FLOOR + 18, language.day(points[-1].at), size=12, anchor="end"),
        draw.text(_TREND_WIDTH - 8, _FLOOR + 34, last, size=12.5, anchor="end", bold=True),
    ]


def _interval(point: Point, language: Language) -> str:
    if point.high_ms is not None:
        return language.interval(point.low_ms or point.high_ms, point.high_ms)
    if point.low_ms is not None:
        return language.gettext("at least {lower}").format(lower=language.duration(point.low_ms))
    return language.gettext("not measured")


def _highest(point: Point) -> int:
    return max(point.high_ms or 0, point.low_ms or 0)


def _short(name: str, most: int) -> str:
    """Return a name, made visible, that fits before its row."""
    name = visible(name)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def swatch(colour: str) -> Markup:
    """Return a patch of colour for a legend."""
    return Markup('<svg class="patch" viewBox="0 0 22 11" aria-hidden="true" focusable="false">{}</svg>').format(
        draw.rect(0, 0, 22, 11, fill=colour, rx=2)
    )
