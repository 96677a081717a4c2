"""The section of the textual report on how the applications fit together: harm first, then references and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from drp.reporting.markdown import Markdown, code, table
from drp.reporting.reconciliation import NumberRow, ReconciliationView
from drp.reporting.reconciliation_harm import HarmRow
from drp.reporting.reconciliation_ways import ExceptionRow, ReferenceRow
from drp.reporting.words import RESTORED_SYSTEMS

Row = tuple[str, ...]


def reconciliation_lines(view: ReconciliationView, markdown: Markdown) -> Iterator[str]:
    """Yield the section's lines."""
    _, say = markdown.tongue.gettext, markdown.say
    yield f"## {_('Reconciliation of the applications')}"
    yield ""
    yield f"{markdown.word(view.tone, view.summary)} ({say(RESTORED_SYSTEMS)})"
    yield ""
    if view.harm:
        heads: tuple[str, ...] = (
            _("What would happen if they were opened like this"),
            _("Reference"),
            _("Which, and whose"),
        )
        yield from table(heads, [_harm(row, markdown) for row in view.harm])
    if view.references:
        heads = (_("Reference"), _("Between"), _("Observed"), _("Outcome"))
        yield from table(heads, [_reference(row, markdown) for row in view.references])
    if view.exceptions:
        heads = (_("Exception"), _("Reference"), _("Observed"), _("Reason"), _("Owner"), _("Until"), _("Outcome"))
        yield from table(heads, [_exception(row, markdown) for row in view.exceptions])
    if view.numbers:
        heads = (_("Numbers"), _("Observed"), _("Before anybody works, run"), _("Outcome"))
        yield from table(heads, [_number(row, markdown) for row in view.numbers])
    if view.sets:
        read = [(code(one.title), code(one.application), say(one.found)) for one in view.sets]
        yield from table((_("Records read"), _("Application"), _("Observed")), read)
    if view.applications:
        rows = [(code(a.title), say(a.newest), say(a.after), say(a.advice)) for a in view.applications]
        heads = (_("Application"), _("Newest record"), _("Younger than the common instant"), _("What to do"))
        yield from table(heads, rows)


def _harm(row: HarmRow, markdown: Markdown) -> Row:
    told = [" · ".join(code(text) for text in pair if text) for pair in row.listed]
    listed = ", ".join([*told, *([markdown.more(row.more)] if row.more and told else [])]) or "—"
    if row.alike:
        listed += f" · {markdown.tongue.gettext('all of the same:')} {code(row.alike)}"
    return markdown.word(row.tone, row.found), code(row.reference), listed


def _reference(row: ReferenceRow, markdown: Markdown) -> Row:
    found = markdown.found(row.found, row.listed)
    return code(row.name), markdown.say(row.between), found, markdown.word(row.tone, row.word)


def _exception(row: ExceptionRow, markdown: Markdown) -> Row:
    return (
        code(row.name),
        code(row.reference),
        markdown.found(row.found, row.listed),
        code(row.reason),
        code(row.owner),
        markdown.say(row.expires),
        markdown.word(row.tone, row.word),
    )


def _number(row: NumberRow, markdown: Markdown) -> Row:
    bump = code(row.bump) if row.bump else "—"
    return code(row.name), markdown.found(row.found, row.listed), bump, markdown.word(row.tone, row.word)
