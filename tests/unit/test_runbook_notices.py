"""What a runbook saw becomes findings; what it says in another form is not taken for silence."""

from __future__ import annotations

import pytest

from drp.domain.findings.finding import Finding
from drp.domain.phrase import Phrase, quoted
from drp.domain.runbook import RunbookResult
from drp.domain.runbook_words import known, words_of
from drp.drill.phases.notices import notice_findings
from drp.reporting.i18n import language
from tests.simulators.world import Script, World
from tests.support.french import english_in
from tests.unit.test_drill_control_flow import codes, run

FRENCH = language("fr")


def found(notices: object) -> tuple[Finding, ...]:
    return notice_findings(RunbookResult(step="start", ok=True, tasks=(), outputs={"drp_notices": notices}))


def notice(kind: str = "unused", subject: str = "wal/000000010000000000000009.age", observed: str = "encrypted"):
    return {"kind": kind, "subject": subject, "observed": observed}


def test_nothing_handed_over_is_nothing_to_say() -> None:
    assert notice_findings(RunbookResult(step="start", ok=True, tasks=())) == ()
    assert found([]) == ()


@pytest.mark.parametrize(
    ("kind", "code", "severity"),
    [
        ("unused", "DRP-U003", "inconclusive"),
        ("beside", "DRP-U004", "warning"),
        ("held-back", "DRP-U005", "note"),
        ("overridden", "DRP-U006", "warning"),
        ("breaks-off", "DRP-U008", "warning"),
    ],
)
def test_each_kind_is_a_finding_of_its_own(kind: str, code: str, severity: str) -> None:
    (finding,) = found([notice(kind)])
    assert (finding.code, finding.severity) == (code, severity)
    assert (finding.subject, finding.observed) == ("wal/000000010000000000000009.age", "encrypted")


@pytest.mark.parametrize(
    "said",
    [
        "none", {}, 7, [7], [notice(kind="fine")], [{"kind": "unused"}], [notice(subject="")], [{**notice(), "observed": None}],
        [{**notice(), "kind": ["unused"]}],
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_never_passes(said: object) -> None:
    (finding,) = found(said)
    assert (finding.code, finding.severity) == ("DRP-U007", "inconclusive")


def test_a_limit_that_drps_own_runbook_tells_is_told_in_any_language() -> None:
    why = {
        "message": "PostgreSQL {version} is not installed where drills run: install its server package",
        "values": {"version": "19"},
    }
    told = words_of("ended with 3: PostgreSQL 19 is not installed where drills run: install its server package", why)
    assert (known(told), known(quoted("PostgreSQL 19")), known("broken")) == (True, False, False)
    assert FRENCH.plain(told).startswith("PostgreSQL 19 n’est pas installé là où tournent les exercices")


def test_many_are_counted_and_the_first_are_named() -> None:
    findings = found([notice(subject=f"file {number}") for number in range(50)])
    assert len(findings) == 21
    assert findings[-1].subject == "30 more"
    too_many = found([notice(subject=f"file {number}") for number in range(500)])
    assert too_many[-1].code == "DRP-U007"
    assert "300 of 500" in too_many[-1].observed


def test_the_same_notice_twice_is_one_finding_and_texts_have_an_end() -> None:
    assert len(found([notice(), notice()])) == 1
    (finding,) = found([notice(observed="x" * 10_000)])
    assert finding.observed == "x" * 300 + "…"


@pytest.mark.parametrize("step", ["restore", "start"])
def test_a_drill_with_unused_files_is_inconclusive_and_one_that_held_something_back_passes(step: str) -> None:
    assert run(World(Script(outputs={step: {"drp_notices": [notice()]}}))).verdict == "inconclusive"
    assert run(World(Script(outputs={step: {"drp_notices": [notice("held-back")]}}))).verdict == "passed"


def test_what_the_machine_lacks_is_not_the_backups_fault() -> None:
    outputs: dict[str, dict[str, object]] = {"start": {"drp_limit": "there is no program mariadbd"}}
    world = World(Script(start_ok=False, outputs=outputs))
    assert run(world).verdict == "inconclusive"
    assert "DRP-U002" in codes(world)
    assert "DRP-U001" not in codes(world)
    assert run(World(Script(outputs=outputs))).verdict == "passed", "it started after all"
    assert run(World(Script(start_ok=False, outputs={"start": {"drp_limit": 7}}))).verdict == "failed"


def test_what_drps_own_runbooks_say_is_told_in_any_language() -> None:
    (finding,) = found([notice("beside", "sub", "neither file nor folder")])
    assert FRENCH.plain(finding.observed) == "ni fichier ni dossier"
    assert english_in(FRENCH.plain(finding.expected)) == set()
    said = {
        "subject": {"message": "event {name}", "values": {"name": "ris.nightly\x1b[2J"}},
        "observed": {"message": "every {number} {unit}", "values": {"number": "1", "unit": "day"}},
    }
    (finding,) = found([{**notice("held-back", "event ris.nightly", "every 1 day"), "said": said}])
    assert (finding.subject, finding.observed) == ("event ris.nightly\\x1b[2J", "every 1 day")
    assert FRENCH.plain(quoted(finding.subject)) == "évènement ris.nightly\\x1b[2J"
    assert FRENCH.plain(finding.observed) == "intervalle\u00a0: 1 jour(s)"


@pytest.mark.parametrize(
    "observed",
    [
        {"message": "your backups are safe, {name}", "values": {"name": "x"}},
        {"message": "event {name}", "values": {}},
        {"message": "event {name}", "values": {"other": "x"}},
        {"message": 7, "values": {"name": "x"}},
        "event {name}",
    ],
)
def test_a_message_that_drp_does_not_know_is_what_somebody_said(observed: object) -> None:
    (finding,) = found([{**notice(observed="as somebody says"), "said": {"observed": observed}}])
    assert isinstance(finding.observed, Phrase)
    assert (finding.observed.code, finding.observed) == ("quoted", "as somebody says")
