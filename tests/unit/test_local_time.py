"""Times without a zone become instants of a declared zone; of two that fit, the older."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drp.domain.check import Expectation
from drp.domain.local_time import local_instant, require_one_zone, require_zone
from drp.domain.reconciliation.declaration import RecordSource
from drp.verifiers.records import _row
from drp_verifiers.command import CommandOptions
from drp_verifiers.watermarks import Newest, judge

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EXPECTATION = Expectation(disaster_at=NOW, consistent_at=NOW, timeout_seconds=1)


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        (datetime(2026, 7, 1, 12), "Europe/Paris", datetime(2026, 7, 1, 10)),
        (datetime(2026, 11, 21, 12), "Europe/Paris", datetime(2026, 11, 21, 11)),
        (datetime(2026, 10, 25, 2, 30), "Europe/Paris", datetime(2026, 10, 25, 0, 30)),  # comes twice
        (datetime(2026, 3, 29, 2, 30), "Europe/Paris", datetime(2026, 3, 29, 0, 30)),  # never comes
        (datetime(2026, 11, 21, 12), "America/New_York", datetime(2026, 11, 21, 17)),
        (datetime(2026, 11, 21, 12), "UTC", datetime(2026, 11, 21, 12)),
    ],
)
def test_a_local_time_is_never_taken_for_younger_than_it_may_be(local: datetime, zone: str, instant: datetime) -> None:
    assert local_instant(local, zone) == instant.replace(tzinfo=UTC)


@pytest.mark.parametrize("name", ["localtime", "Europe/Atlantis", "../etc/passwd", "Europe", "", "Europe/Paris\n"])
def test_a_zone_that_nobody_knows_or_that_is_this_machines_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        require_zone(name)


def test_one_zone_is_said() -> None:
    with pytest.raises(ValueError, match="not both"):
        require_one_zone("UTC", assume_utc=True)
    with pytest.raises(ValueError, match="not both"):
        Newest(query="x", zone="Europe/Paris", assume_utc=True)
    with pytest.raises(ValueError, match="there is no time zone"):
        CommandOptions(argv=("true",), zone="localtime")


def test_a_watermark_is_read_in_its_zone_unless_it_brings_one() -> None:
    for text, hour in (("2026-11-21 10:30:00", 9), ("2026-11-21 10:30:00+00:00", 10), ("2026-11-21T10:30Z", 10)):
        found = judge(text, Newest(query="x", zone="Europe/Paris"), EXPECTATION, store="s").watermark
        assert found is not None
        assert found.at.hour == hour, text
    for text in ("0001-01-01 00:00:00", "9999-12-31 23:59:59"):
        assert judge(text, Newest(query="x", zone="Asia/Tokyo"), EXPECTATION, store="s").undated, text


def test_records_are_dated_in_their_zone() -> None:
    source = RecordSource(name="r", application="a", reader="sqlite", zone="Europe/Paris")
    (utc, _), (paris, _) = (_row({"at": "2026-11-21 10:30:00"}, (), zone=zone) for zone in ("UTC", source.zone))
    assert utc is not None
    assert paris is not None
    assert utc - paris == 3_600_000_000
    with pytest.raises(ValueError, match="say assume_utc or zone"):
        _row({"at": "2026-11-21 10:30:00"}, (), zone="")
    with pytest.raises(ValueError, match="beyond the ends of the calendar"):
        _row({"at": "0001-01-01 00:00:00"}, (), zone="Asia/Tokyo")
