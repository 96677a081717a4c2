"""Every event comes back from the journal as it went in; any change of a stored entry is seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drp.codec import canonical, from_data, to_data
from drp.domain.clock import Stamp
from drp.domain.events import Event, Interrupted
from drp.errors import Tampered
from drp.journal.chain import GENESIS, JournalChain, Row, forge, link, read
from tests.support.events import EVENT_TYPES, values

STAMP = Stamp(wall=datetime(2026, 11, 21, 2, tzinfo=UTC), monotonic_ns=17, boot_id="b")
unhurried = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
@unhurried
@given(data=st.data())
def test_every_event_comes_back_as_it_went_in(kind: Any, data: st.DataObject) -> None:
    event = data.draw(values(kind))
    body, entry = forge("d", 0, STAMP, event, GENESIS)
    assert entry.event == event
    assert type(entry.event) is kind
    assert from_data(Event, to_data(event, Event)) == event
    assert canonical(to_data(event)) in body.encode()


def rows(*events: Event) -> list[Row]:
    written: list[Row] = []
    for event in events:
        drill = f"d{len(written) % 2}"
        mine = [row for row in written if row.drill == drill]
        body, entry = forge(drill, len(mine), STAMP, event, mine[-1].hash if mine else GENESIS)
        previous = written[-1].link if written else GENESIS
        chained = link(len(written), entry.hash, previous)
        written.append(
            Row(position=len(written), drill=drill, sequence=len(mine), body=body, hash=entry.hash, link=chained)
        )
    return written


def check(stored: list[Row], ends: Row) -> int:
    chain = JournalChain()
    for row in stored:
        chain.pass_over(row)
    chain.end(ends.position, ends.link)
    return chain.next_position


EVENTS = tuple(Interrupted(signal_number=number, reason="r") for number in range(6))


def test_an_untouched_chain_holds() -> None:
    stored = rows(*EVENTS)
    assert check(stored, stored[-1]) == 6


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_change_of_any_field_of_any_row_is_seen(data: st.DataObject) -> None:
    stored = rows(*EVENTS)
    index = data.draw(st.integers(0, 5))
    field = data.draw(st.sampled_from(["position", "drill", "sequence", "body", "hash", "link"]))
    old = getattr(stored[index], field)
    if isinstance(old, int):
        new: Any = data.draw(st.integers(0, 9).filter(lambda value: value != old))
    else:
        place = data.draw(st.integers(0, len(old) - 1))
        new = (
            old[:place]
            + data.draw(st.characters(codec="ascii").filter(lambda letter: letter != old[place]))
            + old[place + 1 :]
        )
    changed = {name: getattr(stored[index], name) for name in Row.__slots__}
    stored_end = stored[-1]
    stored[index] = Row(**{**changed, field: new})
    with pytest.raises(Tampered, match=r"drill|head"):
        check(stored, stored_end)


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(6)).filter(lambda order: list(order) != [0, 1, 2, 3, 4, 5]))
def test_any_other_order_is_seen(order: list[int]) -> None:
    stored = rows(*EVENTS)
    with pytest.raises(Tampered):
        check([stored[index] for index in order], stored[-1])


@given(st.sets(st.integers(0, 5), min_size=1))
def test_any_loss_is_seen(lost: set[int]) -> None:
    stored = rows(*EVENTS)
    with pytest.raises(Tampered):
        check([row for index, row in enumerate(stored) if index not in lost], stored[-1])


def test_an_event_of_a_newer_drp_is_named_and_not_guessed() -> None:
    row = rows(EVENTS[0])[0]
    body = row.body.replace('"interrupted"', '"teleported"')
    from drp.journal.chain import digest

    with pytest.raises(Tampered, match="drill d0, entry 0: it cannot be read by this version of drp"):
        read(Row(position=0, drill="d0", sequence=0, body=body, hash=digest(body), link=""))
