"""What was lost before the backup was made: a true copy of an emptied table, drilled on the real thing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.airgap import backed_up, drilled, manifest_of, site
from tests.support.rig import APPLICATION, Rig
from tests.support.words import in_words

pytestmark = [pytest.mark.real, pytest.mark.slow]

MEDICATION = "postgres/databases/ehr/tables/public.medication"


@pytest.fixture
def medicated(stage: Rig) -> Iterator[Rig]:
    """Give the EHR a thousand medications for the time of a test."""
    stage.ehr.sql(
        "create table medication (id int primary key); insert into medication select generate_series(1, 1000)"
    )
    yield stage
    stage.ehr.sql("drop table medication")
    stage.count()


def test_a_backup_of_an_emptied_table_is_told_until_somebody_accepts_it(medicated: Rig):
    """The copy is true, so every check passes; only an earlier drill knows that there were a thousand."""
    medicated.count()
    root = medicated.ehr.stage()
    with backed_up(medicated, root, manifest=manifest_of(medicated, root)):
        assert drilled(medicated)[0] == "passed"
        before = in_words(json.loads(medicated.drp("report", "latest", "--format", "json").stdout))["drill"]

    medicated.ehr.sql("delete from medication")
    medicated.count()
    root = medicated.ehr.stage()
    strict = APPLICATION + 'never_shrinks: ["*medication"]\n'
    with backed_up(medicated, root, manifest=manifest_of(medicated, root)):
        verdict, found, recovery = drilled(medicated)
        assert verdict == "passed"
        assert (found["DRP-C005"]["subject"], found["DRP-C005"]["observed"]) == (MEDICATION, "0")
        assert found["DRP-C005"]["expected"] == f"1000, as in drill {before}"
        assert [(fall["had"], fall["has"]) for fall in recovery["verify"]["falls"]] == [(1000, 0)]
        assert "vanished" in medicated.drp("status", check=False).stdout
        with site(medicated, strict):
            verdict, found, _ = drilled(medicated)
            assert verdict == "failed"
            assert found["DRP-C006"]["expected"] == f"1000, as in drill {before}"
        accepted = f"accepted_falls: [{{what: {MEDICATION}, since: {before}, by: Dr Morel, reason: moved}}]\n"
        with site(medicated, strict + accepted):
            verdict, found, _ = drilled(medicated)
            assert verdict == "passed"
            assert found["DRP-C007"]["observed"] == "0; accepted by Dr Morel: moved"
