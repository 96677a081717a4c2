"""A sealed record in the format that somebody asked for."""

from __future__ import annotations

import hashlib

from drp.evidence.record import read_record
from drp.reporting.view import Origin
from drp.service.past import past_of
from drp.service.sealed import SealedRecord
from drp.service.wiring import Wiring


def rendered(sealed: SealedRecord, form: str, tongue: str, wiring: Wiring) -> bytes:
    """Return a record as ``html`` or ``md`` in a language, or its bytes as they are.

    A page also shows what the site's journal tells of drills before this one.
    """
    record = read_record(sealed.content)
    origin = Origin(
        digest=hashlib.sha256(sealed.content).hexdigest(),
        vouched_for=not sealed.trouble,
        history=past_of(wiring, record) if form == "html" else (),
    )
    if form == "html":
        from drp.reporting.html import render_html

        return render_html(record, tongue, origin)
    if form == "md":
        from drp.reporting.text import render_markdown

        return render_markdown(record, tongue, origin)
    return sealed.content
