"""Inline SVG for reports. Drawn here, without a library, a script or a link."""

from __future__ import annotations

from markupsafe import Markup, escape


def figure(key: str, size: tuple[int, int], *, told: tuple[str, str], body: Markup, name: str) -> Markup:
    """Return a figure with a name and a description for whoever cannot see it; ``told`` are both."""
    return Markup(
        '<svg class="{name}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-t {key}-d">'
        '<title id="{key}-t">{title}</title><desc id="{key}-d">{description}</desc>{body}</svg>'
    ).format(name=name, width=size[0], height=size[1], key=key, title=told[0], description=told[1], body=body)


def hatch(key: str, line: str, ground: str) -> Markup:
    """Return the definition of a hatching."""
    return Markup(
        '<defs><pattern id="{}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="{}"/><rect width="2.4" height="6" fill="{}"/></pattern></defs>'
    ).format(key, ground, line)


def rect(
    x: float, y: float, width: float, height: float, *, fill: str, rx: float = 0, stroke: str = "", opacity: float = 1
) -> Markup:
    """Return a rectangle."""
    more = Markup(' stroke="{}" stroke-width="1"').format(stroke) if stroke else Markup("")
    more += Markup(' opacity="{}"').format(opacity) if opacity < 1 else Markup("")
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="{}" fill="{}"{}/>').format(
        x, y, width, height, rx, fill, more
    )


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str, width: float, dash: str = "") -> Markup:
    """Return a line."""
    dashes = Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"{}/>').format(
        x1, y1, x2, y2, stroke, width, dashes
    )


def text(
    x: float, y: float, text: str, *, anchor: str = "start", size: float = 12, fill: str = "#1b2733", bold: bool = False
) -> Markup:
    """Return a text; what is drawn is escaped here."""
    weight = Markup(' font-weight="600"') if bold else Markup("")
    return Markup('<text x="{:.1f}" y="{:.1f}" font-size="{}" text-anchor="{}" fill="{}"{}>{}</text>').format(
        x, y, size, anchor, fill, weight, escape(text)
    )
