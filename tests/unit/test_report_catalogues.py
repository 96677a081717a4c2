"""The catalogues hold exactly the messages that reports use, all of them translated, with the same placeholders."""

from __future__ import annotations

import re
import typing

import pytest
from babel.messages.pofile import read_po

from drp.domain import check, manifest, measure, phase, recovery_point, runbook, sandbox, verdict
from drp.domain.findings import finding
from drp.domain.findings.catalogue import CATALOGUE
from drp.domain.schedule.reasons import REASONS
from drp.errors import walk
from drp.reporting import words
from drp.reporting.i18n import language
from drp.share import catalogue, languages
from tests.support.french import small_words
from tests.support.messages import messages, updated
from tests.support.said import said_in, sources

PLACEHOLDER = re.compile(r"\{(\w+)\}")


def forms(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


@pytest.mark.parametrize("tag", languages())
def test_catalogues_are_up_to_date(tag: str) -> None:
    assert catalogue(tag).read_bytes() == updated(tag), "run `python -m tests.support.messages`, then translate"


def test_every_message_is_translated_into_french() -> None:
    with catalogue("fr").open("rb") as stream:
        french = read_po(stream, locale="fr", abort_invalid=True)
    missing = [message.id for message in french if message.id and not all(forms(message.string or ""))]
    assert not missing, f"translate into French: {missing}"
    assert not french.fuzzy
    assert len(french) > 300


def test_translations_keep_the_placeholders() -> None:
    with catalogue("fr").open("rb") as stream:
        french = read_po(stream, locale="fr", abort_invalid=True)
    for message in french:
        for original, translation in zip(forms(message.id), forms(message.string), strict=True):
            lost = set(PLACEHOLDER.findall(original)) - set(PLACEHOLDER.findall(translation))
            invented = set(PLACEHOLDER.findall(translation)) - set(PLACEHOLDER.findall(original))
            assert not invented, (original, translation)
            assert lost <= {"n"}, (original, translation)  # "the attempt" needs no number


def test_french_is_french() -> None:
    with catalogue("fr").open("rb") as stream:
        french = read_po(stream, locale="fr", abort_invalid=True)
    mixed = {text: found for message in french for text in forms(message.string or "") if (found := small_words(text))}
    assert not mixed, "English words in French messages"


def test_every_code_of_every_catalogue_is_told_in_french() -> None:
    tongue = language("fr")
    told = [tongue.text(text) for code in CATALOGUE.values() for text in (code.title, code.remedy)]
    told += [tongue.text(text) for text in REASONS.values()]
    told += [tongue.text(error.default_hint) for error in walk()]
    for path in sources():
        for message in said_in(path):
            told += forms(message) if tongue.text(forms(message)[0]) == forms(message)[0] else []
    mixed = {text: found for text in told if (found := small_words(text))}
    assert not mixed, "no French for these"


def test_messages_are_plain_text() -> None:
    for message, source in messages():
        for text in forms(message):
            assert not set("<>\r\t") & set(text), (source, text)


@pytest.mark.parametrize(
    ("table", "type_"),
    [
        (words.VERDICTS, verdict.Verdict),
        (words.VERDICT_MEANINGS, verdict.Verdict),
        (words.VERDICT_TONES, verdict.Verdict),
        (words.ATTAINMENTS, measure.Attainment),
        (words.ATTAINMENT_TONES, measure.Attainment),
        (words.SEVERITIES, finding.Severity),
        (words.SEVERITY_TONES, finding.Severity),
        (words.CHECK_OUTCOMES, check.CheckOutcome),
        (words.CHECK_TONES, check.CheckOutcome),
        (words.TASK_OUTCOMES, runbook.TaskOutcome),
        (words.TASK_TONES, runbook.TaskOutcome),
        (words.PROBE_OUTCOMES, sandbox.ProbeOutcome),
        (words.PROBE_TONES, sandbox.ProbeOutcome),
        (words.PHASE_NAMES, phase.PhaseName),
        (words.LOCK_MODES, recovery_point.LockMode),
        (words.PROVENANCES, recovery_point.Provenance),
        (words.SHORT_PROVENANCES, recovery_point.Provenance),
        (words.POLICIES, recovery_point.SelectionPolicy),
        (words.DEVIATIONS, manifest.DeviationKind),
    ],
)
def test_every_value_of_the_domain_has_its_word(table: dict[str, object], type_: object) -> None:
    assert set(table) == set(typing.get_args(type_))


def test_every_instant_of_the_clock_has_its_word() -> None:
    assert list(words.CLOCK) == list(measure.ClockReadings.__slots__)
