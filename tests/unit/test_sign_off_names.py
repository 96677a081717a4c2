"""Whose word a sign-off is: the principal whom the signature proves, whatever name stands under it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drp.domain.findings.sign_off import SIGN_OFF_OTHER_NAME
from drp.domain.sign_off import Checklist, Principal
from drp.evidence.record import make_record
from drp.reporting.html import render_html
from drp.reporting.text import render_markdown
from drp.reporting.view import view_of
from tests.simulators.world import World
from tests.support.sign_offs import CHECKLIST, answering, codes, run, world_with

MALLORY, DURAND = "trainee.mallory@chu.example", "n.durand@chu.example"
IVANOVA = Principal(principal="labo@chu.example", name="Анна Иванова")
LISTED = replace(CHECKLIST, allowed_signers=f"{DURAND}\n{MALLORY}\n{IVANOVA.principal}\nhelene.lefevre@chu.example")
DECLARED = replace(LISTED, principals=(Principal(principal=DURAND, name="N. Durand"), IVANOVA))


def drilled(checklist: Checklist, principal: str, name: str) -> World:
    world = world_with(checklist)
    answering(world, signature=f"signed by {principal}", name=name)
    run(world)
    return world


@pytest.mark.parametrize(
    ("checklist", "principal", "name"),
    [
        (LISTED, DURAND, "N. Durand"),
        (LISTED, "helene.lefevre@chu.example", "Hélène Lefèvre"),
        (LISTED, MALLORY, MALLORY),
        (DECLARED, DURAND, "n.  DURAND"),
        (DECLARED, IVANOVA.principal, IVANOVA.name),
    ],
)
def test_who_signs_as_himself_is_no_finding(checklist: Checklist, principal: str, name: str) -> None:
    assert codes(drilled(checklist, principal, name)) == []


@pytest.mark.parametrize(
    ("checklist", "principal", "name", "expected"),
    [
        (LISTED, MALLORY, "N. Durand", "a name that is declared for this signer"),
        (LISTED, DURAND, "N. Dur\u0430nd", "a name that is declared for this signer"),
        (DECLARED, DURAND, "N. Dur\u0430nd", "N. Durand"),
        (DECLARED, DURAND, "M. Moreau", "N. Durand"),
        (DECLARED, IVANOVA.principal, "N. Durand", IVANOVA.name),
    ],
)
def test_another_name_is_a_finding_that_names_both(
    checklist: Checklist, principal: str, name: str, expected: str
) -> None:
    world = drilled(checklist, principal, name)
    record = make_record(world.journal.entries(world.journal.drills()[0]), {})
    (finding,) = [each for each in record.recoveries[0].findings if each.code == SIGN_OFF_OTHER_NAME.code]
    assert (finding.severity, finding.subject, finding.expected) == ("warning", principal, expected)
    shown = name.replace("\u0430", "[U+0430 CYRILLIC SMALL LETTER A]")
    assert finding.observed == f"signed under the name {shown}"
    assert record.verdict == "passed"
    for tag in ("en", "fr"):
        page, text = render_html(record, tag).decode(), render_markdown(record, tag).decode()
        for shown_in in (page, text):
            assert name in shown_in or shown in shown_in
            assert "\u0430nd" not in shown_in
            assert principal in shown_in
    line = next(each for each in text.splitlines() if each.startswith("Validée par"))
    assert line.index(principal) < line.index(shown)


def test_who_is_not_among_those_who_sign_is_refused() -> None:
    world = drilled(DECLARED, MALLORY, "N. Durand")
    assert codes(world) == ["DRP-B002"]
    assert {reason for _, reason in world.desk.replies} == {
        f"{MALLORY} made this signature, and is not among those who sign for this application"
    }


def test_that_everybody_could_have_signed_is_said() -> None:
    def limits(checklist: Checklist) -> str:
        world = drilled(checklist, DURAND, "N. Durand")
        record = make_record(world.journal.entries(world.journal.drills()[0]), {})
        return " ".join(phrase.message for phrase in view_of(record).limits)

    assert "nobody declared who signs it off" in limits(LISTED)
    assert "nobody declared who signs it off" not in limits(DECLARED)
