"""What a message says, in both languages, and what it cannot hold whatever a journal says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drp.domain.alerts import Cause, Kind
from drp.domain.telling import Heard, News
from drp.monitoring.message import compose, trial_message
from drp.monitoring.phrases import harmless, phrase_of
from drp.reporting.i18n import language
from drp.share import languages

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ACTIVE = re.compile(r"[<>&*`\[\]()@#|~$!{}\\\"]|://|__")


def cause(kind: Kind, **named: object) -> Cause:
    said: dict[str, object] = {
        "application": "ehr",
        "level": "full",
        "drill": "ehr-20261129-0200z",
        "number": 2,
        "at": NOW,
        **named,
    }
    return Cause(kind=kind, **said)  # type: ignore[arg-type]


def begun(*kinds: Kind) -> News:
    return News(begun=tuple(Heard(cause=cause(kind), since=NOW) for kind in kinds))


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_cause_has_a_sentence_of_its_own(kind: Kind, tag: str) -> None:
    said = language(tag).plain(phrase_of(cause(kind)))
    others = {language(tag).plain(phrase_of(cause(other))) for other in get_args(Kind) if other != kind}
    assert said
    assert said not in others
    assert not ACTIVE.search(said), said
    if tag == "fr":
        assert said != language("en").plain(phrase_of(cause(kind)))


def test_a_message_is_one_for_all_that_is_new(tmp_path: Path) -> None:
    told = News(
        begun=begun("failed", "missed").begun,
        over=(Heard(cause=cause("overdue"), since=NOW, told_at=NOW, over_at=NOW),),
        still=(Heard(cause=cause("kept"), since=NOW, told_at=NOW),),
    )
    instant = "29 Nov 2026, 12:00:00\u00a0UTC"
    made = compose("north", tmp_path, told, "en")
    assert made.title == "[north] drp: 2 critical, 1 warning, 1 over"
    assert made.gravity == "critical"
    assert made.body.splitlines() == [
        "CRITICAL: ehr, level full: drill ehr-20261129-0200z failed, and none has passed since",
        "WARNING: ehr, level full: 2 drills in a row that were due were not held",
        "Still so:",
        f"CRITICAL: ehr: the sandbox of drill ehr-20261129-0200z is kept although its lease ended {instant}",
        "Over:",
        f"CRITICAL: ehr, level full: overdue, last proven {instant}",
        "Details: drp status, on the machine that holds the drills.",
    ]
    french = compose("north", tmp_path, told, "fr")
    assert french.title == "[north] drp: 2 critiques, 1 avertissement, 1 terminé"
    assert french.body.startswith("CRITIQUE\u00a0: ehr, niveau full : l’exercice ehr-20261129-0200z a échoué")
    over = compose("north", tmp_path, News(over=told.over), "en")
    assert over.gravity is None
    assert over.title == "[north] drp: 1 over"


def test_many_causes_make_a_short_message_that_says_how_many_are_left_out(tmp_path: Path) -> None:
    many = tuple(Heard(cause=cause("never-proven", application=f"app-{number}"), since=NOW) for number in range(5000))
    made = compose("north", tmp_path, News(begun=many), "en")
    assert len(made.body.splitlines()) < 40
    assert "and 4,970 more: drp status" in made.body
    assert made.title == "[north] drp: 5,000 critical"


@given(st.text(max_size=200))
def test_no_name_can_act_in_a_message(name: str) -> None:
    shown = harmless(name)
    assert not ACTIVE.search(shown), shown
    assert "\n" not in shown
    assert len(shown) <= 130


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "[x](http://evil.example)", "@everyone", "a\nInjected: b", "*b* `c`"]
)
def test_a_forged_journal_puts_nothing_into_a_message(tmp_path: Path, name: str) -> None:
    forged = News(begun=(Heard(cause=cause("failed", drill=name, application=name), since=NOW),))
    made = compose(name, tmp_path, forged, "en")
    assert not ACTIVE.search(made.body), made.body
    assert len(made.body.splitlines()) == 2
    assert not ACTIVE.search(made.title.replace("[", "", 1).replace("]", "", 1))


def test_names_of_sites_applications_and_drills_stay_as_they_are() -> None:
    for name in (
        "ehr",
        "lab-results",
        "ehr-20261129-0200z",
        "hospital-20261129-0200-host-a.example",
        "quarterly_drill",
    ):
        assert harmless(name) == name


def template(site: Path, text: str | bytes) -> None:
    path = site / "templates" / "alert.txt.j2"
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_site_may_say_it_its_own_way(tmp_path: Path) -> None:
    template(tmp_path, "{{ site }}: {{ begun | length }}\n{% for line in begun %}- {{ line }}\n{% endfor %}Call 4711.")
    made = compose("north", tmp_path, begun("failed"), "fr")
    assert made.trouble == ""
    assert made.body.splitlines()[0] == "north: 1"
    assert made.body.splitlines()[-1] == "Call 4711."


@pytest.mark.parametrize(
    "text",
    [
        "{{ nothing }}",
        "{% for x in begun %}",
        "{{ ''.__class__.__mro__ }}",
        "{{ begun.append('x') }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ 1 / 0 }}",
        "{% include '/etc/passwd' %}",
        b"\xff\xfe",
        b"x" * 70_000,
    ],
    ids=lambda text: str(text)[:30],
)
def test_a_template_that_does_not_work_silences_nobody(tmp_path: Path, text: str | bytes) -> None:
    template(tmp_path, text)
    made = compose("north", tmp_path, begun("failed"), "en")
    assert made.trouble.startswith("templates/alert.txt.j2")
    assert "drill ehr-20261129-0200z failed" in made.body


def test_a_template_of_others_is_not_read(tmp_path: Path) -> None:
    template(tmp_path, "mine")
    (tmp_path / "templates").chmod(0o777)
    made = compose("north", tmp_path, begun("failed"), "en")
    assert made.trouble
    assert "mine" not in made.body


def test_a_template_that_never_ends_is_cut(tmp_path: Path) -> None:
    template(tmp_path, "{% for _ in range(99999) %}{% for _ in range(99999) %}long {% endfor %}{% endfor %}")
    made = compose("north", tmp_path, begun("failed"), "en")
    assert len(made.body) < 8_100


@pytest.mark.parametrize("tag", languages())
def test_a_trial_is_marked_as_one(tag: str) -> None:
    made = trial_message("north", tag)
    assert "TEST" in made.title
    assert made.gravity is None
