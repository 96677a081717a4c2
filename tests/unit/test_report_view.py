"""What reports decide before they are in any language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.findings.catalogue import FILE_CHANGED, FILE_MISSING
from drp.domain.measure import Measurement
from drp.domain.phrase import Phrase, fact, quoted, recorded
from drp.reporting.i18n import language
from drp.reporting.reasons import reasons_of
from drp.reporting.tiles import data_loss
from drp.reporting.timeline import ticks
from drp.reporting.view import MAX_REASONS, MAX_ROWS, view_of
from tests.support import fixtures_records as sample
from tests.support import sample_outputs as given
from tests.support.reasons import MISSED, about, check, found, unreached


def spaces(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def tones(name: str) -> list[str]:
    return [tile.tone for tile in view_of(sample.sample_record(name)).recoveries[-1].tiles]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("passed", ["good"] * 6),
        ("failed", ["good", "good", "bad", "good", "good", "good"]),
        ("missed", ["bad", "good", "good", "good", "good", "doubt"]),
        ("inconclusive", ["doubt", "doubt", "doubt", "doubt", "good", "good"]),
        ("aborted", ["doubt", "doubt", "doubt", "doubt", "good", "good"]),
        ("unreachable", ["doubt"] * 6),
    ],
)
def test_tiles_say_how_to_take_them(name: str, expected: list[str]) -> None:
    assert tones(name) == expected


def test_a_sandbox_that_leaks_is_bad_and_one_not_proven_is_a_doubt() -> None:
    record = sample.sample_record("passed")
    (recovery,) = record.recoveries
    for proof, tone in (
        (given.proof(allowed=1), "bad"),
        (replace(given.proof(), canary_hits=1), "bad"),
        (replace(given.proof(), control_reached=0), "doubt"),
    ):
        changed = replace(recovery, prepare=replace(given.prepared(), proof=proof))
        tile = view_of(replace(record, recoveries=(changed,))).recoveries[0].tiles[4]
        assert tile.tone == tone


def measured(lower: int | None, upper: int | None) -> Measurement:
    (recovery,) = sample.sample_record("passed").recoveries
    return replace(recovery.measurement, rpa_lower_ms=lower, rpa_upper_ms=upper)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (None, None, "—"),
        (60_000, None, "at least 1 min"),
        (60_000, 60_000, "1 min"),
        (60_000, 120_000, "1 min to 2 min"),
        (0, 1, "0 ms to 1 ms"),
        (14_010, 14_090, "14 s"),
        (14_010, 14_110, "14 s to 14.1 s"),
        (7_230_001, 7_230_999, "2 h 30 s"),
    ],
)
def test_data_loss_is_an_interval(lower: int | None, upper: int | None, expected: str) -> None:
    assert spaces(language("en").plain(data_loss(measured(lower, upper)))) == expected


@pytest.mark.parametrize(
    ("reasons", "french"),
    [
        ([fact("stopped-on-request", "stopped on request")], ["arrêté à la demande"]),
        ([about("ehr", MISSED)], ["ehr : objectif de temps de reprise (DMIA) : Non tenu"]),
        (
            [about("ehr", found("DRP-T001", "RTO")), about("ehr", MISSED)],
            ["ehr : durée maximale d’interruption admissible dépassée (DRP-T001) : RTO (lu par drp)"],
        ),
        (
            [about("ehr", found("DRP-T001", "RTO")), about("lab", MISSED)],
            [
                "ehr : durée maximale d’interruption admissible dépassée (DRP-T001) : RTO (lu par drp)",
                "lab : objectif de temps de reprise (DMIA) : Non tenu",
            ],
        ),
        (
            [about("ehr", check("a: b", "failed"))],
            ["ehr : contrôle a: b : Échec"],
        ),
        (
            [about("ehr", unreached("hash")), about("ehr", unreached("start"))],
            ["ehr : non terminé : Comparaison des fichiers, Démarrage"],
        ),
        (
            [about("ehr", unreached("hash")), about("lab", unreached("hash"))],
            ["ehr : non terminé : Comparaison des fichiers", "lab : non terminé : Comparaison des fichiers"],
        ),
        ([about("ehr", unreached("exorcise"))], ["ehr : non terminé : exorcise"]),
        ([about("ehr", quoted("a reason of tomorrow"))], ["ehr : a reason of tomorrow"]),
        ([about("ehr", found("DRP-Z999", "unheard of"))], ["ehr : DRP-Z999 unheard of"]),
        ([recorded("ehr: RTO missed")], ["ehr: RTO missed (tel que consigné)"]),
        (
            [about("ehr", found("DRP-H002", str(number))) for number in range(3)],
            ["ehr : un fichier restauré manque (DRP-H002) : 0 (lu par drp), et 2 de plus"],
        ),
    ],
)
def test_reasons_are_said_in_the_reader_s_language(reasons: list[Phrase], french: list[str]) -> None:
    assert [spaces(language("fr").plain(reason)) for reason in reasons_of(reasons)] == french


def test_who_says_a_reason_stands_behind_it() -> None:
    (reason,) = reasons_of([about("ehr", MISSED)], ["drp"])
    assert spaces(language("fr").plain(reason)) == "ehr : objectif de temps de reprise (DMIA) : Non tenu (lu par drp)"


def test_a_thousand_alike_findings_are_shown_a_few_times() -> None:
    record = sample.sample_record("passed")
    (recovery,) = record.recoveries
    alike = [
        FILE_MISSING.finding(subject=f"{number:04}", observed="absent", expected="present") for number in range(1000)
    ]
    other = FILE_CHANGED.finding(subject="x", observed="a", expected="b")
    view = view_of(replace(record, recoveries=(replace(recovery, findings=(*alike, other)),))).recoveries[0]
    assert [(found.finding.code, found.alike) for found in view.findings] == [
        ("DRP-H001", 0),
        *[("DRP-H002", 0)] * 4,
        ("DRP-H002", 995),
    ]


def test_long_lists_are_cut_and_counted() -> None:
    record = sample.sample_record("failed")
    view = view_of(replace(record, reasons=tuple(f"ehr: reason {number}" for number in range(20))))
    assert (len(view.reasons.shown), view.reasons.left_out) == (MAX_REASONS, 20 - MAX_REASONS)
    deviations = view.recoveries[0].deviations
    assert len(deviations.shown) <= MAX_ROWS
    assert {deviation.kind for deviation in deviations.shown} == {"changed", "missing"}
    assert len(deviations.shown) + deviations.left_out == 433


@pytest.mark.parametrize("end", [1, 999, 7_000, 20_119, 301_000, 3_600_000, 9_620_000, 86_400_000, 10**10])
def test_an_axis_has_round_and_few_ticks(end: int) -> None:
    found = ticks(end)
    assert found[0] == 0
    assert found[-1] <= end
    assert len(found) <= 8


def test_limits_name_what_is_particular() -> None:
    english = language("en")
    limits = [english.plain(limit) for limit in view_of(sample.sample_record("missed")).limits]
    assert "lab: that the backup cannot be changed is declared, not observed." in limits
    record = sample.sample_record("passed")
    (recovery,) = record.recoveries
    assert recovery.select is not None
    assert recovery.select.immutability is not None
    lock = replace(recovery.select.immutability, objects_observed=20)
    wall = replace(recovery.measurement, clock_kind="wall")
    changed = replace(recovery, select=replace(recovery.select, immutability=lock), measurement=wall)
    limits = [english.plain(limit) for limit in view_of(replace(record, recoveries=(changed,), resumptions=1)).limits]
    assert "ehr: the lock was read on 20 of 128 objects." in limits
    assert "ehr: durations come from the wall clock and are approximate." in limits
    assert any(limit.startswith("The drill was interrupted and resumed") for limit in limits)
