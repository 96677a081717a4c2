"""What is declared, observed and probed of immutability, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from drp.domain.phrase import Data, Phrase
from drp.reporting.immutability import ImmutabilityView
from drp.reporting.markdown import Markdown, code, table


def immutability_lines(view: ImmutabilityView, markdown: Markdown) -> Iterator[str]:
    """Yield the section: the three words, what was seen, what ends first, what was tried."""
    _, say = markdown.tongue.gettext, markdown.say
    yield f"### {_('Immutability')}"
    yield ""
    words = ((say(row.title), markdown.word(row.tone, row.word), " ".join(map(say, row.says))) for row in view.words)
    yield from table((_("Word"), _("Outcome"), _("What it rests on")), words)
    for label, lines in view.facts:
        if lines:
            yield f"- {markdown.tongue.labelled(say(label), '; '.join(map(say, lines)))}"
    if view.facts:
        yield ""
    if view.weakest:
        weakest = (
            (code(weak.key), say(weak.mode), say(weak.until), markdown.tongue.value(weak.size)) for weak in view.weakest
        )
        yield from table((_("What may be deleted first"), _("Lock"), _("Until"), _("Size")), weakest)
    if view.tried:
        tried = (
            (
                say(row.what),
                markdown.word(row.tone, row.word),
                _answer(row.answer, markdown),
            )
            for row in view.tried
        )
        yield from table((_("Attempt"), _("Outcome"), _("Answer")), tried)


def _answer(answer: Phrase | Data, markdown: Markdown) -> str:
    return markdown.say(answer) if answer not in ("", Data("")) else "—"
