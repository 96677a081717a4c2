"""What is not among what was restored is no content of the backup: it neither passes a check nor fails one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drp.domain.check import Expectation
from drp_verifiers.dicom import DicomOptions, DicomVerifier
from drp_verifiers.files import FilesOptions, FilesVerifier
from drp_verifiers.orthanc import OrthancOptions
from drp_verifiers.orthanc_files import stored_files
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier
from tests.simulators.target import LocalTarget

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DRILLED = Expectation(disaster_at=NOON, consistent_at=NOON, restored_root="/data/files/srv/ehr", within="/data/files")
OUTSIDE = ("/usr/share", "/data/postgres", "../../../../etc", "/data/files-of-others/x")


def asked(verifier, options, expectation=DRILLED):
    return [one for one in verifier().read(LocalTarget(), options, expectation) if hasattr(one, "outcome")]


@pytest.mark.parametrize("place", OUTSIDE)
@pytest.mark.parametrize(
    ("verifier", "options"),
    [
        (FilesVerifier, lambda place: FilesOptions(root=place, newest=True)),
        (SqliteVerifier, lambda place: SqliteOptions(path=place)),
        (DicomVerifier, lambda place: DicomOptions(root=place)),
    ],
)
def test_what_lies_elsewhere_is_not_judged_and_the_backup_not_blamed(verifier, options, place):
    (result,) = asked(verifier, options(place))
    assert result.outcome == "undetermined"
    assert "is not among what was restored" in result.observed
    assert result.undated or verifier is not FilesVerifier


def test_a_storage_that_lies_elsewhere_is_not_judged():
    options = OrthancOptions(storage="/var/lib/orthanc", index="index")
    (result,) = list(stored_files(LocalTarget(), options, DRILLED, still=True))
    assert (result.outcome, "/var/lib/orthanc is not" in result.observed) == ("undetermined", True)


@pytest.mark.parametrize("place", [".", "documents", "/data/files/srv/ehr/documents", "/data/files/other"])
def test_what_was_restored_is_read_and_on_a_system_in_use_everything_is(place):
    (absent,) = asked(FilesVerifier, FilesOptions(root=place))
    assert absent.outcome == "failed", "there is none, and the backup should have had it"
    (present, *_) = asked(FilesVerifier, FilesOptions(root="/usr/share"), replace(DRILLED, within=""))
    assert present.outcome == "passed"
