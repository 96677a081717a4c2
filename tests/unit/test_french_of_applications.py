"""What verifiers of applications and comparisons of files conclude of damage is French to a French reader."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from drp.domain.phrase import Phrase
from drp.domain.tree_parts import PARTS as OF_TREES
from drp.hashing.judge import Found
from drp.hashing.tally import deviation
from drp.reporting.i18n import language
from drp_verifiers import dicom, fhir_references, gnuhealth_answers, orthanc_answers, orthanc_files, orthanc_identity
from drp_verifiers.clinical import judge_counts
from drp_verifiers.failures import failure
from drp_verifiers.gnuhealth import GnuHealthOptions
from drp_verifiers.parts_gnuhealth import PARTS as OF_GNUHEALTH
from drp_verifiers.parts_orthanc import PARTS as OF_ORTHANC
from tests.support.french import english_in

FRENCH = language("fr")
STATEMENT = Phrase("")
FAILURES: tuple[list[object], ...] = (
    ["connection-refused"], ["connection-broke"], ["not-http"], ["timed-out"], ["overdue", 15_000], ["packed"],
    ["system", errno.EACCES, "Permission denied"], ["system", errno.EIO, "Input/output error"],
    ["answered", "GET /système", 500], ["answered", "GET Patient", 200, ""], ["body-broke-off", 12], ["login-refused"],
)  # fmt: skip
DEPARTURES = (
    Found("changed", b"a", ("content", 12, (("sha256", "00ff"),)), ("content", 13, (("sha256", "00fe"),))),
    Found("missing", b"a", ("kind", "directory")),
    Found("unreadable", b"a", ("kind", "symlink"), ("errno", errno.EIO), errno.EIO),
    Found("unreadable", b"a", ("unreadable-then", errno.EACCES)),
    Found("unreadable", b"a", (), ("workers-died", 9)),
    Found(
        "metadata", b"a", ("all", (("mode", "0644"), ("owner", "1:1"))), ("all", (("mode", "0600"), ("owner", "2:2")))
    ),
    Found("metadata", b"a", ("link", "b"), ("own-file",)),
    Found("metadata", b"a", ("with", "user.x"), ("without", "user.x")),
    Found("unstable", b"a", ("at-rest",), ("changed-twice",)),
    Found("unexpected", b"a", (), ("below-unexpected",)),
    Found("unexpected", b"a", ("nothing",), ("beside",)),
)
IMAGES = {
    "sound": 3, "damaged": 2, "others": 4, "empty": 1, "packed": 1, "unread": 2, "beyond": 1, "late": 1, "twice": 2,
    "listed": [["a.dcm", ["pixels-short", 512, 1024]], ["b.dcm", ["names-no", "study"]], ["c.dcm", ["ends-early", 3]]],
    "out_of_reach": [["d.dcm", ["nested", 64]]], "repeated": ["e.dcm"],
}  # fmt: skip
REFERENCES = {
    "found": 9, "near": 1, "followed": 3, "asked": 9, "contained": 1, "logical": 2, "missed": 0, "dangling": 0,
    "broken": 0, "external": {"autre.example": 1}, "foreign": {"ailleurs.example": 2},
    "unrecognised": [[["conditional", "Patient"], 1], [["no-text"], 1], [["odd-id"], 1]], "unasked": [[["time-over"], 2]],
}  # fmt: skip
ATTACHED = {
    "attachments": {"sound": 4, "altered": 1, "missing": 2, "unreadable": 1, "without-digest": 1, "denied": 1},
    "listed": [["file", "0a", "altered"], ["row", 7, "unreadable"]], "rows": 9, "orphans": 3,
}  # fmt: skip
OPTIONS = GnuHealthOptions(database="dpi", password_file="secret", signed_reports="required")
ATTACHMENTS = {"looked": 3, "bad": 2, "listed": [["radio", ["empty"]], ["lettre", ["answered", "lire", 500]]]}
TAGS = {
    "same": 1,
    "other": 2,
    "unclear": 1,
    "unread": 1,
    "listed": [["0a", "patient", "name of study"]],
    "swapped": [["0a", "birth"]],
}


def phrases() -> Iterator[Phrase]:
    """Yield what is concluded of things that are damaged, and cannot be judged."""
    yield from map(failure, FAILURES)
    for found in map(deviation, DEPARTURES):
        yield from (found.expected, found.observed)
    broken = {**REFERENCES, "dangling": 2, "missed": 1, "broken": 1}
    broken |= {"listed": ["Patient/1"], "missing": ["#pr"], "named": [["Patient/2", ["status", 500]]]}
    results = [
        dicom._files(IMAGES, STATEMENT), dicom._files({**IMAGES, "damaged": 0}, STATEMENT),
        dicom._duplicates(IMAGES, {}), dicom._studies({"1.2": 1}, {"1.2": 2}), dicom._studies({"1.2": 1}, {}),
        fhir_references.judge_references(REFERENCES, 3), fhir_references.judge_references(broken, 3),
        judge_counts("counts", STATEMENT, {"studies": 1}, {"counts": {"studies": 2}, "rule": "at-least"}),
        judge_counts("counts", STATEMENT, {"patients": 0}, {}), judge_counts("counts", STATEMENT, {"patients": 1}, {}),
        orthanc_files._files(ATTACHED, STATEMENT),
        orthanc_answers.digests({"digests": {"looked": 4, "damaged": 1, "without": 0, "slow": 0, "listed": []}}, 9),
        orthanc_answers.digests({"digests": {"looked": 4, "damaged": 0, "without": 2, "slow": 1}}, None),
        orthanc_identity._images(TAGS), orthanc_identity._tags(TAGS), orthanc_identity._tags({"unlike": [["0a", "name"]]}),
        gnuhealth_answers.attachments({"attachments": ATTACHMENTS}, {}, OPTIONS),
        *gnuhealth_answers.reports({"reports": {"looked": 5, "altered": 1, "listed": ["R1"]}}, {}, OPTIONS),
        *gnuhealth_answers.reports({"reports": {"looked": 0}}, {}, OPTIONS),
    ]  # fmt: skip
    for result in results:
        yield from (
            getattr(result, name)
            for name in ("statement", "observed", "expected", "part", "why")
            if hasattr(result, name)
        )
    yield from (part.words for part in (*OF_TREES, *OF_ORTHANC, *OF_GNUHEALTH))
    yield from (part.name for part in (*OF_TREES, *OF_ORTHANC, *OF_GNUHEALTH))


@pytest.mark.parametrize("phrase", dict.fromkeys(phrases()), ids=str)
def test_no_word_stays_english(phrase: Phrase) -> None:
    assert english_in(FRENCH.plain(phrase)) == set()


def test_the_cases_say_something() -> None:
    said = [phrase for phrase in phrases() if phrase]
    assert len({phrase.message for phrase in said}) > 100
