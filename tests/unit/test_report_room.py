"""What the drill host lacked is among what a report does not prove, in the reader's language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drp.domain.precheck import BackupSign, Precheck, Room, judge
from drp.drill.conduct import conduct
from drp.drill.declare import declare
from drp.evidence.record import make_record
from drp.reporting.i18n import language
from drp.reporting.limits import limits_of
from tests.simulators.world import Script, World

GIB = 1 << 30
LITTLE = Room(
    memory_bytes=GIB // 4,
    cores=1,
    at_once=1,
    volumes=("/state/run", GIB),
    records={"/state": GIB // 16},
    sizes={"ehr": 1 << 50},
    backups=(BackupSign(repository="vault", kind="window", until=datetime(2026, 11, 29, tzinfo=UTC)),),
)


def told(admitted: Precheck | None, tag: str) -> str:
    world = World(Script())
    recorder = declare(world.plan, world.journal, world, world.clock, requested_by="t", ad_hoc=False, admitted=admitted)
    conduct(recorder, world.ports())
    record = make_record(world.journal.entries(recorder.drill), {})
    assert record.admitted == admitted
    return (
        "\n".join(language(tag).plain(limit) for limit in limits_of(record))
        .replace("\u00a0", " ")
        .replace("\u202f", " ")
    )


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("en", ("might have taken", "had only 67.1 MB left", "begun although there was no room", "written to vault")),
        (
            "fr",
            (
                "pouvaient prendre",
                "il ne restait que 67,1 Mo",
                "bien que la place ait manqué",
                "s’écrivaient dans vault",
            ),
        ),
    ],
)
def test_what_was_short_is_said(tag: str, words: tuple[str, ...]) -> None:
    plan = World(Script()).plan
    text = told(judge(plan, LITTLE, despite="<b>the server burns</b>"), tag)
    for each in (*words, "the server burns"):
        assert each in text, text


@pytest.mark.parametrize("nothing", [None, "room"])
def test_where_nothing_was_short_nothing_is_said(nothing: str | None) -> None:
    plan = World(Script()).plan
    rich = replace(LITTLE, memory_bytes=None, records={}, sizes={}, backups=())
    text = told(judge(plan, rich, despite="to be sure") if nothing else None, "en")
    assert "When the drill began" not in text
    assert "there was no room" not in text
