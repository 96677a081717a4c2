"""Makes the one message that a target gets: a title, and plain text by a template, which a site may replace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drp.domain.alerts import Gravity
from drp.domain.phrase import NOTHING, Phrase, count, joined, say
from drp.domain.telling import Heard, News
from drp.domain.visible import printable_lines
from drp.errors import Untrusted
from drp.monitoring.phrases import harmless, phrase_of
from drp.reporting.i18n import Language, language
from drp.share import shared
from drp.trust import Trust

TEMPLATE = "alert.txt.j2"
_TEMPLATE = f"templates/{TEMPLATE}"
_LINES = 30
_LONGEST = 8_000
_LARGEST_TEMPLATE = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent."""

    title: str
    body: str
    gravity: Gravity | None = None
    """None: something is over, or it is a test."""
    trouble: Phrase = NOTHING
    """Why the site's own template was passed over."""


def compose(site: str, directory: Path, told: News, tag: str) -> Message:
    """Return the message of a site in a language; by the shipped template where the site's own cannot be used."""
    tongue = language(tag)
    grave: Gravity | None = None
    if news := (*told.begun, *told.still):
        grave = "critical" if any(one.cause.gravity == "critical" for one in news) else "warning"
    listed, more = _listed(told, tongue)
    said = {**listed, "more": more, "site": harmless(site)}
    body, trouble = _rendered(directory, said, tongue)
    return Message(title=_title(site, told, tongue), body=body, gravity=grave, trouble=trouble)


def trial_message(site: str, tag: str) -> Message:
    """Return a message that nobody takes for an alert."""
    tongue = language(tag)
    title = tongue.plain(say("TEST of drp"))
    body = tongue.plain(say("This is a test. Nothing is wrong; alerts of drp would arrive like this."))
    return Message(title=f"[{harmless(site)}] {title}", body=body)


def _title(site: str, told: News, tongue: Language) -> str:
    parts = []
    open_ones = (*told.begun, *told.still)
    critical = sum(one.cause.gravity == "critical" for one in open_ones)
    if critical:
        parts.append(tongue.plain(count("{n} critical", "{n} critical", critical)))
    if rest := len(open_ones) - critical:
        parts.append(tongue.plain(count("{n} warning", "{n} warnings", rest)))
    if told.over:
        parts.append(tongue.plain(count("{n} over", "{n} over", len(told.over))))
    return f"[{harmless(site)}] drp: {', '.join(parts)}"


def _listed(told: News, tongue: Language) -> tuple[dict[str, list[str]], int]:
    """Return lines by what they are, and how many were left out: a message is short."""
    room, listed = _LINES, {}
    for name, each in (("begun", told.begun), ("over", told.over), ("still", told.still)):
        listed[name] = list(_lines(each[:room], tongue))
        room -= len(listed[name])
    return listed, len(told.begun) + len(told.over) + len(told.still) - (_LINES - room)


def _lines(heard: Sequence[Heard], tongue: Language) -> Iterator[str]:
    marks = {"critical": tongue.gettext("CRITICAL"), "warning": tongue.gettext("WARNING")}
    for one in heard:
        yield tongue.labelled(marks[one.cause.gravity], tongue.plain(phrase_of(one.cause)))


def _rendered(directory: Path, said: dict[str, object], tongue: Language) -> tuple[str, Phrase]:
    own, trouble = _own_template(directory)
    if own is not None:
        try:
            return _render(own, said, tongue), NOTHING
        except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError) as error:
            trouble = joined([_TEMPLATE, type(error).__name__, str(error)], ": ")
    shipped = (shared("reports") / "templates" / TEMPLATE).read_text(encoding="utf-8")
    return _render(shipped, said, tongue), trouble


def _own_template(directory: Path) -> tuple[str | None, Phrase]:
    """Return the site's own template, and why it cannot be used."""
    path = directory / "templates" / TEMPLATE
    try:
        descriptor = Trust().open(path)
    except FileNotFoundError:
        return None, NOTHING
    except (OSError, ValueError, Untrusted) as error:
        return None, joined([_TEMPLATE, getattr(error, "message", None) or error], ": ")
    with os.fdopen(descriptor, "rb") as stream:
        raw = stream.read(_LARGEST_TEMPLATE + 1)
    if len(raw) > _LARGEST_TEMPLATE:
        return None, say("{template}: is too large", template=_TEMPLATE)
    try:
        return raw.decode(), NOTHING
    except UnicodeDecodeError:
        return None, say("{template}: is not UTF-8", template=_TEMPLATE)


def _render(template: str, said: dict[str, object], tongue: Language) -> str:
    """Return the text, cut where it gets long; a template reaches nothing but what it is given."""
    environment = ImmutableSandboxedEnvironment(
        autoescape=select_autoescape(default=False), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    environment.globals.update(_=tongue.gettext, _n=partial(_plural, tongue))
    text: list[str] = []
    size = 0
    for piece in environment.from_string(template).generate(**said):
        text.append(piece)
        size += len(piece)
        if size > _LONGEST:
            break
    whole = printable_lines("".join(text)).strip()
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST]}…"


def _plural(tongue: Language, singular: str, plural: str, number: int) -> str:
    return tongue.ngettext(singular, plural, number).format(n=tongue.number(number))
