"""Known losses, one at a time: what each does to what the readers find, and how many keys it truly concerns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from tests.support.region.history import BACKUP, DAY, DRAFT, IMAGING, LAB, History
from tests.support.region.sets import Change, Region, utc

EHR_ORDERS = ("lab-orders", "imaging-orders", "reported-lab-orders", "performed-imaging-orders")


def without(gone: Mapping[str, Collection[int]]) -> Change:
    """Return the change that takes records, by their number in the history, out of sets."""

    def change(name: str, number: int, record: dict[str, object]) -> dict[str, object] | None:
        return None if number in gone.get(name, ()) else record

    return change


def done_orders(history: History, kind: int, *, since: int, until: int = BACKUP) -> list[int]:
    """Return the orders of a kind that were done in a time, the test patients' left out; in order of the doing."""
    found = [
        (done, index)
        for index, done in enumerate(history.done)
        if history.kind[index] == kind and since < done <= until and history.patient[index] not in history.tests
    ]
    return [index for _, index in sorted(found)]


def tail(history: History, kinds: Collection[int], count: int) -> tuple[int, frozenset[int]]:
    """Return an instant after which just so many orders were placed that are done by the backup, and all after it."""
    placed = sorted(
        (history.at[index] for kind in kinds for index in done_orders(history, kind, since=BACKUP - 7200)), reverse=True
    )
    border = placed[count] if len(placed) > count else placed[-1] - 1
    return border, frozenset(index for index, at in enumerate(history.at) if at > border)


def recent_orders(region: Region, count: int = 3) -> Region:
    """The EHR came back a few minutes older than it says: its newest orders are gone, what was done for them is not."""
    border, _ = tail(region.history, (LAB, IMAGING), count)
    return replace(region, cut=replace(region.cut, ehr=border))


def recent_imaging_orders(region: Region, count: int = 3) -> Region:
    """So that only imaging orders are lost, no result came after the EHR's state: fewer than the reference tolerates."""
    border, lost = tail(region.history, (IMAGING,), count)
    results = {index for index in lost if region.history.kind[index] == LAB}
    reported = {index for index, done in enumerate(region.history.done) if done + 20 > border}
    gone = without({"lab-results": results, "reported-lab-orders": reported, "performed-imaging-orders": reported})
    return replace(region, cut=replace(region.cut, ehr=border), change=gone)


def recent_result(region: Region) -> Region:
    """The newest result is gone."""
    return replace(region, change=without({"lab-results": done_orders(region.history, LAB, since=BACKUP - 7200)[-1:]}))


def day_of_studies(region: Region) -> tuple[Region, int]:
    """The PACS came back a day old; returns how many orders have lost their images."""
    since = BACKUP - DAY
    lost = frozenset(done_orders(region.history, IMAGING, since=since))
    past = region.history

    def change(name: str, number: int, record: dict[str, object]) -> dict[str, object] | None:
        if name != "studies":
            return record
        if number in lost or (number < 0 and str(record["at"]) > utc(since, "pacs")):
            return None
        return record if number < 0 else {**record, "at": utc(past.done[number], "pacs")}

    return replace(region, change=change), len(lost)


def old_orders(region: Region, count: int = 40) -> Region:
    """Rows of old imaging orders are missing from the EHR."""
    old = done_orders(region.history, IMAGING, since=0, until=BACKUP - 60 * DAY)[10 : 10 + count]
    return replace(region, change=without(dict.fromkeys(EHR_ORDERS, frozenset(old))))


def month_of_studies(region: Region) -> tuple[Region, int]:
    """A disk of the PACS is missing: the studies of a month, a year ago; returns how many orders they were for."""
    lost = frozenset(done_orders(region.history, IMAGING, since=BACKUP - 400 * DAY, until=BACKUP - 370 * DAY))
    return replace(region, change=without({"studies": lost})), len(lost)


def swapped_orders(region: Region) -> Region:
    """Two imaging orders carry each other's patient."""
    past = region.history
    first, second = two_of_different_patients(past)
    swap = {first: past.patient[second], second: past.patient[first]}

    def change(name: str, number: int, record: dict[str, object]) -> dict[str, object]:
        if name not in {"imaging-orders", "performed-imaging-orders"} or number not in swap:
            return record
        return {**record, "patient": f"P{past.survivor(swap[number]):07d}"}

    return replace(region, change=change)


def two_of_different_patients(past: History) -> tuple[int, int]:
    """Return two done imaging orders of a year ago that belong to different living patients."""
    first, *rest = done_orders(past, IMAGING, since=BACKUP - 400 * DAY, until=BACKUP - 100 * DAY)
    mine = past.survivor(past.patient[first])
    return first, next(index for index in rest if past.survivor(past.patient[index]) != mine)


def exchanged_patients(region: Region) -> tuple[Region, int]:
    """In the EHR two patients have each other's orders; returns how many of those are done."""
    past = region.history
    pair = [past.survivor(past.patient[index]) for index in two_of_different_patients(past)]
    other = {f"P{pair[0]:07d}": f"P{pair[1]:07d}", f"P{pair[1]:07d}": f"P{pair[0]:07d}"}

    def change(name: str, _: int, record: dict[str, object]) -> dict[str, object]:
        if name not in EHR_ORDERS or record["patient"] not in other:
            return record
        return {**record, "patient": other[str(record["patient"])]}

    concerned = sum(
        bool(done) and done <= BACKUP and past.survivor(patient) in pair
        for done, patient in zip(past.done, past.patient, strict=True)
    )
    return replace(region, change=change), concerned


def sequence_back(region: Region, by: int = 3) -> tuple[Region, int]:
    """The sequence of accession numbers is rolled back; returns how many numbers in use it would issue again."""
    past = region.history
    imaging = [index for index, kind in enumerate(past.kind) if kind == IMAGING and past.at[index] <= region.cut.ehr]
    again = sum(past.fate[index] != DRAFT and past.patient[index] not in past.tests for index in imaging[-by:])
    return replace(region, sequence_back=by), again


def all_merged(region: Region) -> Region:
    """The table of merged patients makes one patient of everybody."""
    return replace(region, merges=dict.fromkeys(range(4, region.history.patients + 1 - 1), region.history.patients))


def other_prefix(region: Region) -> tuple[Region, int]:
    """An upgrade of the broker made another prefix; returns how many orders' images carry it."""
    past = region.history
    carried = sum(past.odd[index] % 4 == 0 for index in done_orders(past, IMAGING, since=0))
    return replace(region, renamed=lambda accession: accession.replace("LYO", "LYN")), carried


def under_a_pattern(region: Region, *, kept: int = 0, count: int = 3) -> tuple[Region, Region]:
    """Return the region with its newest imaging orders numbered as an exception says, and the one that lost them.

    Of those numbered so, ``kept`` are older than what is lost.
    """
    past = region.history
    newest = sorted(done_orders(past, IMAGING, since=BACKUP - 7200), key=past.at.__getitem__)[-count - kept :]
    lost = recent_imaging_orders(region, count)

    def named(name: str, number: int, record: dict[str, object]) -> dict[str, object]:
        if number not in newest or name not in {"imaging-orders", "performed-imaging-orders", "studies"}:
            return record
        return {**record, ("accession" if name == "studies" else "number"): f"EXT-{9000 + number}"}

    def gone(name: str, number: int, record: dict[str, object]) -> dict[str, object] | None:
        left = lost.change(name, number, record)
        return None if left is None else named(name, number, left)

    return replace(region, change=named), replace(lost, change=gone)


def undated_results(region: Region) -> Region:
    """The laboratory's records have no date, and three of its newest orders are gone from the EHR."""
    newest = frozenset(done_orders(region.history, LAB, since=BACKUP - 7200)[-3:])

    def change(name: str, number: int, record: dict[str, object]) -> dict[str, object] | None:
        if name == "lab-results":
            return {**record, "at": None}
        return None if name in EHR_ORDERS and number in newest else record

    return replace(region, change=change)
