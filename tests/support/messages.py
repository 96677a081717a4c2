"""Collects every message of the reports and brings the catalogues up to date: `python -m tests.support.messages`.

Translations stay; new messages arrive without one, and `tests/unit/test_report_catalogues.py` fails until they have.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.precheck import REASONS as PRECHECK
from drp.domain.schedule.reasons import REASONS
from drp.errors import walk
from drp.share import catalogue, languages
from tests.support.help_texts import help_texts
from tests.support.said import said_in, sources, task_names

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {"_": None, "_n": (1, 2)}
HEADER = "# Messages of drp's reports. English messages are their own translation."


def messages() -> Iterator[tuple[str | tuple[str, str], str]]:
    """Yield every message (or singular and plural) with the file that it comes from."""
    folder = ROOT / "reports" / "templates"
    found = extract_from_dir(
        str(folder),
        method_map=[("**.j2", "jinja2")],
        options_map={"**.j2": {"trimmed": "true", "silent": "false"}},
        keywords=KEYWORDS,
    )
    for name, _, message, _, _ in found:
        yield message, f"reports/templates/{name}"
    for path in sources():
        for message in said_in(path):
            yield message, str(path.relative_to(ROOT))
    for sentence in REASONS.values():
        yield sentence, "drp/domain/schedule/reasons.py"
    for _, sentence in PRECHECK.values():
        yield sentence, "drp/domain/precheck.py"
    for code in CATALOGUE.values():
        yield code.title, "drp/domain/findings/catalogue.py"
        yield code.remedy, "drp/domain/findings/catalogue.py"
    for error in walk():
        yield error.default_hint, "drp/errors.py"
    yield from help_texts()
    for path in sorted((ROOT / "runbooks").rglob("*.yml")):
        for name in task_names(path):
            yield name, str(path.relative_to(ROOT))


def template() -> Catalog:
    """Return a catalogue of all messages without translations, in the order of their text."""
    catalog = Catalog(project="drp", header_comment=HEADER)
    for message, source in sorted(messages(), key=str):
        catalog.add(message, locations=[(source, 0)])
    return catalog


def updated(tag: str) -> bytes:
    """Return the language's catalogue with exactly the messages there are now."""
    with catalogue(tag).open("rb") as stream:
        known = read_po(stream, abort_invalid=True)
    fresh = Catalog(locale=known.locale, project="drp", header_comment=HEADER)
    for message in template():
        if message.id:
            old = known.get(message.id)
            fresh.add(message.id, old.string if old is not None else None, locations=message.locations)
    buffer = BytesIO()
    write_po(buffer, fresh, width=120, omit_header=True, include_lineno=False)
    header = (
        f'{HEADER}\nmsgid ""\nmsgstr ""\n"Language: {known.locale}\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {fresh.plural_forms}\\n"\n\n'
    )
    return header.encode() + buffer.getvalue()


if __name__ == "__main__":
    for language_tag in languages():
        catalogue(language_tag).write_bytes(updated(language_tag))
