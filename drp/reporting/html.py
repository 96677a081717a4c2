"""The report as one HTML file: no script, no request to anywhere, nothing of the drill trusted.

Everything that came from the drill passes `_datum`: escaped by autoescape, isolated from the text around it, its
invisible characters shown.
"""

from __future__ import annotations

import re
from functools import cache, partial

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from drp.domain.evidence import EvidenceRecord
from drp.domain.names import shown_name
from drp.domain.phrase import RECORDED, Data, Phrase, Several, Value, recorded, with_data
from drp.domain.visible import split_visible
from drp.reporting import words
from drp.reporting.charts import swatch, together_figure, trend_figure
from drp.reporting.i18n import Language, language
from drp.reporting.runbooks import authored
from drp.reporting.svg import gauge, mark, timeline_figure
from drp.reporting.view import Origin, view_of
from drp.share import shared

_BRIEF = 28
_WORD = 24
"""A longer word may be broken anywhere, so that it fits; others never are."""
_CODE = re.compile(r"`([^`]+)`")
_APART = re.compile(r" (?=[:;?!»])|(?<=«) ")


def render_html(record: EvidenceRecord, tag: str, origin: Origin | None = None) -> bytes:
    """Return the report of a record in a language. Same arguments, same bytes."""
    return render_page(record, language(tag), origin).encode("utf-8", "replace")


def render_page(record: EvidenceRecord, tongue: Language, origin: Origin | None = None) -> str:
    """Return the page in a language that is at hand."""
    tongue = tongue.within(record.zone)
    template = _environment(tongue).get_template("report.html.j2")
    return template.render(view=view_of(record, origin), language=tongue, words=words)


@cache
def _environment(tongue: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shared("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=partial(_finished, tongue),
    )
    environment.globals.update(
        _=partial(_message, tongue),
        _n=partial(_plural, tongue),
        mark=mark,
        figure={
            "gauge": partial(gauge, language=tongue),
            "timeline": partial(timeline_figure, language=tongue),
            "together": partial(together_figure, language=tongue),
            "trend": partial(trend_figure, language=tongue),
        },
        swatch=swatch,
    )
    environment.filters.update(
        say=partial(_phrase, tongue),
        data=_datum,
        own=partial(_own, tongue),
        requester=partial(_requester, tongue),
        brief=partial(_brief, tongue),
        authored=authored,
        person=_person,
        number=tongue.number,
        duration=tongue.duration,
        size=tongue.size,
        instant=tongue.instant,
    )
    return environment


def _finished(tongue: Language, value: object) -> object:
    """Return what a template shows as it stands: a phrase in words, which would be English otherwise."""
    return _phrase(tongue, value) if isinstance(value, Phrase) else value


def _message(tongue: Language, message: str, **values: object) -> Markup:
    """Return a message of the catalogue, which is ours, with values escaped into it."""
    return _pattern(tongue.gettext(message)).format(**values)


def _plural(tongue: Language, singular: str, plural: str, number: int, **values: object) -> Markup:
    return _pattern(tongue.ngettext(singular, plural, number)).format(n=tongue.number(number), **values)


def _pattern(message: str) -> Markup:
    """Return a message of the catalogue as markup: the text is ours, what is put into it gets escaped.

    What French sets apart by a blank stays on its word's line.
    """
    message = _APART.sub("\u00a0", message)
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(message))))  # noqa: S704 - escaped just here


def _phrase(tongue: Language, phrase: str | Data) -> Markup:
    if isinstance(phrase, Data):
        return _datum(phrase.text)
    if not isinstance(phrase, Phrase):
        phrase = recorded(phrase)
    values = {name: _value(tongue, value) for name, value in phrase.values.items()}
    return _pattern(tongue.pattern(phrase)).format(**values)


def _value(tongue: Language, value: Value) -> Markup:
    if isinstance(value, Several):
        return escape(value.between).join(_value(tongue, each) for each in value.values)
    return _phrase(tongue, value) if isinstance(value, Phrase | Data) else escape(tongue.value(value))


def _datum(value: object) -> Markup:
    """Return a datum of the drill: escaped, isolated (bdi), what is invisible in it shown, and cut."""
    runs, left_out = split_visible(str(value))
    shown = Markup("").join(
        Markup('<span class="escape">{}</span>').format(text) if escaped else escape(text) for escaped, text in runs
    )
    more = Markup('<span class="more">… +{}</span>').format(left_out) if left_out else Markup("")
    long = any(len(word) > _WORD for _, text in runs for word in text.split())
    return Markup('<bdi class="data{}">{}{}</bdi>').format(" long" if long else "", shown, more)


def _own(tongue: Language, name: str) -> Markup:
    """Return the name of a task: of our own runbooks in the reader's language, of others as it stands."""
    said = tongue.gettext(name)
    return _datum(name) if said == name else escape(said)


def _requester(tongue: Language, name: str) -> Markup:
    """Return who asked for a drill: a person's name, or in the reader's language that the schedule did."""
    return _phrase(tongue, words.SCHEDULE) if name == words.SCHEDULE else _person(name)


def _person(name: object) -> Markup:
    """Return a name of a person: what only looks like another letter is named."""
    return _datum(shown_name(str(name)))


def _brief(tongue: Language, value: object) -> Markup:
    """Return a text with its digests short enough for a table: the record has all of it."""
    if isinstance(value, Phrase) and value.code != RECORDED:
        cut = with_data(value, _cut)
        return _phrase(tongue, cut if isinstance(cut, Phrase) else value)
    return _datum(_cut(str(value)))


def _cut(text: str) -> str:
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}…"
