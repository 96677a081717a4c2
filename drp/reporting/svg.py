"""Marks, gauges and the phase timeline as inline SVG.

Colour never speaks alone: every mark has a shape, waits and overhead have a hatching, figures stand beside bars.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from drp.domain.duration import cut
from drp.domain.measure import Measurement
from drp.domain.phrase import Phrase, say
from drp.reporting import drawing as draw
from drp.reporting.i18n import Language
from drp.reporting.timeline import Timeline
from drp.reporting.words import PHASE_NAMES, TONE_COLOURS, Tone

_MARKS: dict[Tone, str] = {
    "good": '<circle cx="12" cy="12" r="11"/><path d="M6.5 12.5l3.8 3.8 7.2-8" class="stroke"/>',
    "bad": '<path d="M7.4 1h9.2L23 7.4v9.2L16.6 23H7.4L1 16.6V7.4z"/><path d="M8 8l8 8M16 8l-8 8" class="stroke"/>',
    "doubt": '<path d="M12 1.5L23.5 22H.5z"/><path d="M12 9v6M12 18v.6" class="stroke"/>',
    "plain": '<rect x="1.5" y="1.5" width="21" height="21" rx="4"/><path d="M7 12h10" class="stroke"/>',
}

_TOP, _BAR = 14, 16


@dataclass(frozen=True, slots=True)
class _Shape:
    """How wide a chart is, where its axis lies, and how high a row is."""

    width: int
    left: int
    right: int
    row: int
    above: bool
    """Names stand above their bars, where there is no room before them."""

    def x(self, timeline: Timeline, ms: float) -> float:
        return self.left + (self.width - self.left - self.right) * ms / timeline.end_ms


_SHAPES = {False: _Shape(880, 214, 132, 30, above=False), True: _Shape(410, 8, 104, 46, above=True)}
"""True: for a narrow screen."""


def mark(tone: Tone) -> Markup:
    """Return the mark of a tone; decoration, since a word always stands beside it."""
    return Markup(
        '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false" fill="{}">{}</svg>'
    ).format(TONE_COLOURS[tone], Markup(_MARKS[tone]))  # noqa: S704 - our own constants


def gauge(measurement: Measurement, objective: str, tone: Tone, *, language: Language, key: str) -> Markup:
    """Return the gauge of RTA against RTO (``objective`` "rto") or of the RPA interval against RPO ("rpo")."""
    limit = measurement.rto_ms if objective == "rto" else measurement.rpo_ms
    if objective == "rto":
        low, high = (0, measurement.rta_ms) if measurement.rta_ms is not None else (None, None)
    else:
        low, high = measurement.rpa_lower_ms, measurement.rpa_upper_ms
    reach = max(limit, high or 0, low or 0, 1) * 1.18
    texts = _gauge_texts(measurement, objective, language)
    width, left, y = 410, 4, 22

    def x(ms: float) -> float:
        return left + (width - 2 * left) * ms / reach

    body = [draw.rect(left, y, width - 2 * left, 14, fill="#e6eaee", rx=3)]
    if low is not None:
        end = x(high) if high is not None else width - left
        start = x(low)
        fill = TONE_COLOURS[tone] if high is not None else f"url(#{key}-open)"
        body.append(draw.rect(min(start, width - left - 4), y, max(end - start, 4), 14, fill=fill, rx=2))
    at = x(limit)
    body.append(draw.line(at, y - 7, at, y + 21, stroke="#1b2733", width=2))
    body.append(draw.text(at, y - 11, texts[1], anchor="end" if at > width * 0.6 else "start", size=12.5))
    body.append(draw.text(left, y + 34, texts[2], size=12.5))
    definitions = (
        draw.hatch(f"{key}-open", TONE_COLOURS[tone], "#fff") if low is not None and high is None else Markup("")
    )
    told = (texts[0], f"{texts[1]}. {texts[2]}")
    return draw.figure(key, (width, 62), told=told, body=definitions + Markup("").join(body), name="gauge")


def _gauge_texts(measurement: Measurement, objective: str, language: Language) -> tuple[str, str, str]:
    def duration(ms: int | None) -> str:
        return language.duration(ms) if ms is not None else "—"

    if objective == "rto":
        title = language.gettext("Time to recover against its objective")
        limit = language.gettext("RTO {rto}").format(rto=duration(measurement.rto_ms))
        if measurement.rta_ms is None:
            return title, limit, language.gettext("no recovery time: the application did not get there")
        share = language.percent(measurement.rta_ms / max(measurement.rto_ms, 1))
        told = language.gettext("RTA {rta}, {share} of the objective")
        return title, limit, told.format(rta=duration(measurement.rta_ms), share=share)
    title = language.gettext("Data loss against its objective")
    limit = language.gettext("RPO {rpo}").format(rpo=duration(measurement.rpo_ms))
    lower, upper = measurement.rpa_lower_ms, measurement.rpa_upper_ms
    if lower is None:
        return title, limit, language.gettext("no data loss measured: nothing was restored")
    if upper is None:
        told = language.gettext("RPA at least {lower}; the upper bound is not known")
        return title, limit, told.format(lower=duration(lower))
    if cut(lower) == cut(upper):
        return title, limit, language.gettext("RPA {rpa}").format(rpa=duration(lower))
    told = language.gettext("RPA between {lower} and {upper}")
    return title, limit, told.format(lower=duration(lower), upper=duration(upper))


def timeline_figure(timeline: Timeline, *, language: Language, key: str, narrow: bool = False) -> Markup:
    """Return the phases of a recovery as bars over time from its declaration."""
    shape = _SHAPES[narrow]
    floor = _TOP + shape.row * len(timeline.bars)
    parts = [draw.hatch(f"{key}-wait", "#b36b00", "#fff1d6"), draw.hatch(f"{key}-harness", "#5c6b7a", "#e9edf1")]
    for tick in timeline.ticks[:: 2 if narrow else 1]:
        x = shape.x(timeline, tick)
        parts.append(draw.line(x, _TOP - 6, x, floor + 4, stroke="#d5dbe1", width=1))
        parts.append(draw.text(x, floor + 20, language.duration(tick) if tick else "t0", anchor="middle", size=12.5))
    for row in range(len(timeline.bars)):
        parts += _bar(timeline, row, shape, language=language, key=key)
    parts += _marker(timeline, floor, shape, language)
    title = language.gettext("Phases of the recovery over time")
    told = "; ".join(
        language.labelled(language.plain(_phase_name(bar.phase)), language.duration(bar.duration_ms))
        for bar in timeline.bars
    )
    size, name = (shape.width, floor + 44), "timeline narrow" if narrow else "timeline"
    return draw.figure(key, size, told=(title, told), body=Markup("").join(parts), name=name)


def _bar(timeline: Timeline, row: int, shape: _Shape, *, language: Language, key: str) -> list[Markup]:
    bar = timeline.bars[row]
    start, end = shape.x(timeline, bar.started_ms), shape.x(timeline, bar.started_ms + bar.duration_ms)
    width = max(end - start, 2.5)
    y = _TOP + shape.row * row
    top = y + shape.row - _BAR - 7
    middle = top + _BAR / 2 + 4.5
    scale = width / max(bar.duration_ms, 1)
    name = language.plain(_phase_name(bar.phase))
    parts = [
        draw.text(shape.left, top - 6, name, size=14)
        if shape.above
        else draw.text(shape.left - 14, middle, name, anchor="end", size=14),
        draw.rect(start, top, width, _BAR, fill=TONE_COLOURS["bad"] if bar.failed else "#2b6492", rx=2),
    ]
    if bar.waiting_ms:
        parts.append(draw.rect(start, top, bar.waiting_ms * scale, _BAR, fill=f"url(#{key}-wait)", stroke="#b36b00"))
    if bar.harness_ms:
        share = bar.harness_ms * scale
        parts.append(draw.rect(start + width - share, top, share, _BAR, fill=f"url(#{key}-harness)", stroke="#5c6b7a"))
    told = language.duration(bar.duration_ms)
    if bar.failed:
        told += " ✕"
    parts.append(draw.text(shape.width - shape.right + 14, middle, told, size=14, bold=True))
    return parts


def _marker(timeline: Timeline, floor: int, shape: _Shape, language: Language) -> list[Markup]:
    """Draw when the application was usable, and the objective where the axis reaches it."""
    instants = []
    if timeline.rto_ms <= timeline.end_ms:
        instants.append((timeline.rto_ms, language.gettext("objective"), TONE_COLOURS["bad"]))
    if timeline.rta_ms is not None:
        instants.append((timeline.rta_ms, language.gettext("usable"), TONE_COLOURS["good"]))
    anchors = ("end", "start") if len(instants) > 1 else ("middle",)  # so that neither name covers the other
    parts = []
    for (instant, name, colour), anchor in zip(sorted(instants), anchors, strict=False):
        x = shape.x(timeline, instant)
        parts.append(draw.line(x, _TOP - 6, x, floor + 6, stroke=colour, width=2, dash="5 3"))
        parts.append(draw.text(x, floor + 38, name, anchor=anchor, size=12.5, fill=colour, bold=True))
    return parts


def _phase_name(phase: str) -> Phrase:
    return PHASE_NAMES.get(phase) or say("other")
