"""A region of hospitals, with every normal oddity: nothing is found that is not true, and every loss is found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.region import losses
from tests.support.region.history import BACKUP, IMAGING, LAB, History
from tests.support.region.judged import Judged, judged
from tests.support.region.sets import FOREIGN, IN_OUR_FORM, SKEWED, STRAYS, Region

ORDERED, REPORTED = "a result has its order", "a reported order has its result"
IMAGES, PERFORMED, KNOWN = "images have their order", "a performed order has its images", "a patient is in the index"
REFERENCES = (ORDERED, REPORTED, IMAGES, PERFORMED, KNOWN)
TOLERATED = ("ehr", "DRP-A002")
DISAGREE = [(name, "DRP-A006") for name in ("ehr", "lis", "mpi", "pacs")]


@pytest.fixture(scope="module")
def region() -> Region:
    return Region(history=History(2000))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("region")


@pytest.fixture(scope="module")
def whole(region, folder) -> Judged:
    return judged(region, folder)


def kinds(found: Judged) -> dict[str, dict[str, int]]:
    return {name: found.kinds(name) for name in REFERENCES}


def more(found: Judged, whole: Judged) -> Counter[tuple[str, str]]:
    """Return the findings that a loss added; none may go."""
    there, before = Counter(found.codes), Counter(whole.codes)
    assert not before - there
    return there - before


def only(found: Judged, whole: Judged, **changed: dict[str, int]) -> None:
    """Nothing else dangles than before, but for what is said here; nobody is mixed up."""
    expected = {**kinds(whole), **changed}
    assert kinds(found) == expected


def mismatched(found: Judged) -> dict[str, int]:
    return {name: found.reference(name).mismatched for name in REFERENCES if found.reference(name).mismatched}


def test_a_healthy_region_gives_no_finding_but_the_true_one(whole):
    """Two studies of other hospitals that nobody listed dangle for years; they are tolerated, and said."""
    assert whole.codes == [TOLERATED]
    assert all(reference.judged for reference in whole.result.references)
    assert kinds(whole) == {**{name: {} for name in REFERENCES}, IMAGES: {"older": STRAYS}}
    assert not mismatched(whole)
    assert whole.result.agreement == "as-restored"
    assert all(number.judged and not number.reissued for number in whole.result.identifiers)


def test_what_is_excepted_and_merged_is_counted(whole):
    (way,) = whole.reference(IMAGES).ways
    assert way.excepted == FOREIGN + IN_OUR_FORM
    assert [(use.count, use.expired, use.owner) for use in way.exceptions] == [
        (FOREIGN, False, "Dr Roux, imaging"),
        (IN_OUR_FORM, False, "Dr Roux, imaging"),
    ]
    assert whole.reference(IMAGES).merged > 100
    assert whole.reference(ORDERED).merged > 100
    assert whole.reference(IMAGES).matched > 5000


def test_the_region_is_as_odd_as_it_says(region):
    """Or the healthy one would be no proof."""
    studies = [(str(row["accession"]), str(row["patient"])) for row in region.rows("studies")]
    accessions = Counter(accession for accession, _ in studies)
    for sign in ("LYO1", "0001", "EXT-", "ext-"):
        assert sum(accession.startswith(sign) for accession in accessions) > 20
    for sign in ("p0", "TMP-", "X"):
        assert sum(patient.startswith(sign) for _, patient in studies) > 20
    assert sum(patient.endswith("^^^CHU") for _, patient in studies) > 20
    assert sum(number > 1 for number in accessions.values()) > 20
    statuses = Counter(row["status"] for name in ("lab-orders", "imaging-orders") for row in region.rows(name))
    assert all(statuses[status] > 20 for status in ("draft", "cancelled", "ordered", "performed"))
    past = region.history
    assert {0, 1, 2, 3} <= {depth(past, patient) for patient in past.merged} | {0}
    results = [str(row["order"]) for row in region.rows("lab-results")]
    assert sum(order.endswith("\0") for order in results) > 20
    assert sum(0 < past.done[i] < at for i, at in enumerate(past.at)) > 20


def depth(past: History, patient: int) -> int:
    count = 0
    while patient in past.merged:
        patient, count = past.merged[patient], count + 1
    return count


def test_backups_minutes_apart_show_what_was_made_between_them_and_nothing_else(region, folder, whole):
    apart = replace(region, cut=SKEWED)
    found, past = judged(apart, folder), region.history
    between = {
        kind: sum(
            past.kind[index] == kind and past.patient[index] not in past.tests and 0 < done <= until and at > BACKUP
            for index, (at, done) in enumerate(zip(past.at, past.done, strict=True))
        )
        for kind, until in ((LAB, SKEWED.lis), (IMAGING, SKEWED.pacs))
    }
    assert min(between.values()) > 2
    only(found, whole, **{ORDERED: {"recent": between[LAB]}, IMAGES: {"older": STRAYS, "recent": between[IMAGING]}})
    assert set(found.codes) == {TOLERATED, ("ehr", "DRP-A001"), ("ehr", "DRP-A004"), *DISAGREE}
    assert not mismatched(found)
    agreed = found.result.agreed_at
    assert agreed is not None
    assert -300 < (agreed - datetime.fromtimestamp(BACKUP, UTC)).total_seconds() < 300


def test_three_recent_orders_lost(region, folder, whole):
    found = judged(losses.recent_orders(region), folder)
    counts = {name: found.kinds(name).get("recent", 0) for name in (ORDERED, IMAGES)}
    assert sum(counts.values()) == 3
    expected = {
        name: {**whole.kinds(name), **({"recent": number} if number else {})} for name, number in counts.items()
    }
    only(found, whole, **expected)
    lost = sum(map(bool, counts.values()))
    assert more(found, whole) == Counter({("ehr", "DRP-A001"): lost, **dict.fromkeys(DISAGREE, 1)})
    assert sum(harm.count for harm in found.result.harm if harm.kind == "orphaned" and harm.recent) == 3


def test_three_lost_within_what_is_tolerated_are_lost(region, folder, whole):
    found = judged(losses.recent_imaging_orders(region), folder)
    only(found, whole, **{IMAGES: {"older": STRAYS, "recent": 3}})
    assert more(found, whole) == Counter({("ehr", "DRP-A001"): 1, **dict.fromkeys(DISAGREE, 1)})


def test_three_lost_behind_foreign_studies_are_lost(region, folder):
    """No exception is declared, and the tolerance is wide enough for all."""

    def wide(text: str) -> str:
        return text[: text.index("exceptions:")].replace("tolerate: 5", "tolerate: 500")

    found = judged(losses.recent_imaging_orders(region), folder, changed=wide)
    assert found.kinds(IMAGES)["recent"] == 3
    assert ("ehr", "DRP-A001") in found.codes
    assert sum(found.kinds(IMAGES).values()) == 3 + FOREIGN + IN_OUR_FORM + STRAYS


def test_one_recent_result_lost(region, folder, whole):
    found = judged(losses.recent_result(region), folder)
    only(found, whole, **{REPORTED: {"recent": 1}})
    assert more(found, whole) == Counter({("lis", "DRP-A001"): 1, **dict.fromkeys(DISAGREE, 1)})


def test_a_day_of_studies_lost(region, folder, whole):
    lost, number = losses.day_of_studies(region)
    found = judged(lost, folder)
    assert number > 10
    only(found, whole, **{PERFORMED: {"recent": number}})
    assert more(found, whole) == Counter({("pacs", "DRP-A001"): 1, **dict.fromkeys(DISAGREE, 1)})
    agreed = found.result.agreed_at
    assert agreed is not None
    past = region.history
    first = min(past.done[index] for index in losses.done_orders(past, IMAGING, since=BACKUP - 86400))
    assert -300 < (agreed - datetime.fromtimestamp(first, UTC)).total_seconds() < 300


def test_forty_old_orders_deleted(region, folder, whole):
    found = judged(losses.old_orders(region), folder)
    only(found, whole, **{IMAGES: {"older": STRAYS + 40}})
    assert Counter(found.codes) == Counter([("ehr", "DRP-A007")])
    assert found.result.agreement == "as-restored"


def test_a_month_of_studies_gone(region, folder, whole):
    lost, number = losses.month_of_studies(region)
    found = judged(lost, folder)
    assert number > 50
    only(found, whole, **{PERFORMED: {"older": number}})
    assert more(found, whole) == Counter([("pacs", "DRP-A007")])
    assert found.result.agreement == "as-restored"


def test_two_orders_with_each_others_patient(region, folder, whole):
    found = judged(losses.swapped_orders(region), folder)
    only(found, whole)
    assert mismatched(found) == {IMAGES: 2}
    assert more(found, whole) == Counter([("pacs", "DRP-A003")])


def test_two_patients_exchanged(region, folder, whole):
    lost, number = losses.exchanged_patients(region)
    found = judged(lost, folder)
    only(found, whole)
    assert sum(mismatched(found).values()) == number > 2
    assert set(more(found, whole)) <= {("pacs", "DRP-A003"), ("lis", "DRP-A003")}


def test_a_sequence_rolled_back(region, folder, whole):
    lost, number = losses.sequence_back(region)
    found = judged(lost, folder)
    only(found, whole)
    assert [each.reissued for each in found.result.identifiers] == [number]
    assert number
    assert more(found, whole) == Counter([("ehr", "DRP-A004")])
    assert found.result.harm[0].kind == "number-reissued"


def test_everybody_merged_into_one_is_no_proof(region, folder):
    found = judged(losses.all_merged(region), folder)
    assert not found.reference(ORDERED).judged
    assert not found.reference(IMAGES).judged
    assert [code for _, code in found.codes] == ["DRP-A005", "DRP-A005"]


def test_another_prefix_is_said_with_both_forms_and_rolls_nothing_back(region, folder, whole):
    lost, number = losses.other_prefix(region)
    found = judged(lost, folder)
    unfound = found.kinds(PERFORMED)
    assert sum(unfound.values()) == number
    only(found, whole, **{IMAGES: {"older": STRAYS, "strange": number}, PERFORMED: unfound})
    assert ("ehr", "DRP-A008") in found.codes
    assert ("pacs", "DRP-A007") in found.codes
    (strange,) = [kind for kind in found.reference(IMAGES).ways[0].kinds if kind.kind == "strange"]
    assert strange.forms == ("AAA0000000",)
    assert strange.forms_there == ("0000000",)
    assert found.result.agreement != "earlier"


def test_a_loss_under_an_exception_is_counted_by_it_and_said_to_be_recent(region, folder):
    before, after = losses.under_a_pattern(region)
    uses = [judged(each, folder).reference(IMAGES).ways[0].exceptions[0] for each in (before, after)]
    assert [(use.count, use.recent) for use in uses] == [(FOREIGN, 0), (FOREIGN + 3, 3)]


def test_an_exception_that_fits_the_hospitals_own_keys_hides_no_loss(region, folder, whole):
    found = judged(losses.under_a_pattern(region, kept=3)[1], folder)
    only(found, whole, **{IMAGES: {"older": STRAYS, "recent": 3}})
    expected = Counter([("ehr", "DRP-A001"), ("pacs", "DRP-A010"), *DISAGREE])
    assert more(found, whole) == expected
    assert found.reference(IMAGES).ways[0].exceptions[0].broad


@pytest.mark.parametrize(("tolerate", "code"), [(5, "DRP-A009"), (0, "DRP-A001")])
def test_undated_losses_are_no_pass(region, folder, tolerate, code):
    def tolerant(text: str) -> str:
        return text.replace(
            "    same: {patient: patient}\n", f"    same: {{patient: patient}}\n    tolerate: {tolerate}\n", 1
        )

    found = judged(losses.undated_results(region), folder, changed=tolerant)
    assert found.kinds(ORDERED) == {"undated": 3}
    assert ("ehr", code) in found.codes
