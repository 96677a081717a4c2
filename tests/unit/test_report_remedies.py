"""Every remedy that names an application can be said in French, and says the same in English as the record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drp.codec import from_data
from drp.domain.findings.catalogue import CHECK_UNDETERMINED
from drp.domain.findings.finding import Finding
from drp.domain.findings.reconciliation import APPLICATIONS_DISAGREE
from drp.domain.phrase import Phrase
from drp.domain.reconciliation.declaration import Reconciliation
from drp.domain.reconciliation.findings import findings_of
from drp.domain.reconciliation.result import Advice, ApplicationState, IdentifierResult, ReconciliationResult
from drp.reporting.i18n import language
from drp.reporting.remedies import remedy_of

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
BUMP = "SELECT setval('x', 16)\n-- {application}"


def findings(advice: Advice) -> list[Finding]:
    result = ReconciliationResult(
        references=(),
        identifiers=(
            IdentifierResult(name="n", application="ehr", judged=True, next=3, highest=15, reissued=1, bump=BUMP),
        ),
        applications=(
            ApplicationState(
                application="lis", records=9, newest_at=NOON, point_in_time=True, after=1234, advice=advice
            ),
        ),
        agreement="earlier",
        agreed_at=NOON,
    )
    return [finding for _, finding in findings_of(Reconciliation(records=()), result)]


@pytest.mark.parametrize("advice", ["keep", "roll-back", "ahead"])
def test_remedies_of_a_reconciliation(advice: Advice) -> None:
    for finding in findings(advice):
        remedy = remedy_of(finding)
        assert isinstance(remedy, Phrase)
        said = language("en").plain(remedy)
        assert said.replace("1,234", "1234") == finding.remedy.replace("\n", "\\n")
        assert language("fr").plain(remedy) not in {said, finding.remedy}


def test_a_remedy_of_the_catalogue_and_one_that_nobody_knows() -> None:
    known = APPLICATIONS_DISAGREE.finding(subject="s", observed="o", expected="e")
    assert isinstance(remedy_of(known), Phrase)
    foreign = APPLICATIONS_DISAGREE.finding(subject="s", observed="o", expected="e", remedy="roll over")
    assert language("fr").plain(remedy_of(foreign)) == "roll over"


def test_a_sentence_of_a_record_of_before_is_shown_as_it_stands_unless_the_catalogue_has_it() -> None:
    words = {"code": "DRP-C002", "severity": "inconclusive", "subject": "s", "observed": "o", "expected": "e"}
    old = from_data(Finding, {**words, "remedy": "mend the check by hand"})
    assert language("fr").plain(remedy_of(old)) == "mend the check by hand (tel que consigné)"
    same = from_data(Finding, {**words, "remedy": CHECK_UNDETERMINED.remedy})
    assert language("fr").plain(remedy_of(same)) not in {CHECK_UNDETERMINED.remedy, "mend the check by hand"}
