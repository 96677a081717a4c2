"""The records of each application as its reader gives them: its own clock, its own spelling, its own backup instant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.support.region.history import (
    BACKUP,
    CANCELLED,
    DAY,
    DONE,
    DRAFT,
    IMAGING,
    LAB,
    SPAN,
    WAITING,
    History,
)

Record = Mapping[str, object]
Change = Callable[[str, int, dict[str, object]], dict[str, object] | None]
"""What a loss does to one record of a set: its number in the history, and what the reader gives; None: it is gone."""

PARIS = ZoneInfo("Europe/Paris")
CLOCKS = {"ehr": 0, "lis": 75, "pacs": -110, "mpi": 20}
"""Seconds by which the clock of each application is ahead."""
STATUS = {DRAFT: "draft", CANCELLED: "cancelled", WAITING: "ordered", DONE: "performed"}
FOREIGN, IN_OUR_FORM, STRAYS = 60, 12, 2
"""Studies of other hospitals under `EXT-…`, under numbers like ours that are listed, and under such that nobody listed."""
FOREIGN_NUMBER = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """True instants at which the applications were backed up."""

    ehr: int = BACKUP
    lis: int = BACKUP
    pacs: int = BACKUP
    mpi: int = BACKUP


CONSISTENT = Cut()
SKEWED = Cut(lis=BACKUP + 600, pacs=BACKUP + 1200, mpi=BACKUP + 300)


def untouched(_: str, __: int, record: dict[str, object]) -> dict[str, object]:
    """Change nothing."""
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What the readers of all applications find, after a loss or none."""

    history: History
    cut: Cut = CONSISTENT
    change: Change = untouched
    sequence_back: int = 0
    """By so many numbers the accession sequence was rolled back."""
    merges: Mapping[int, int] | None = None
    """What the EHR says of merged patients, where it is not the truth."""
    renamed: Callable[[str], str] = field(default=lambda accession: accession)
    """What the PACS makes of an accession number."""

    def rows(self, name: str) -> Iterator[Record]:
        """Yield the records of a set."""
        made = getattr(self, f"_{name.replace('-', '_')}")
        for number, record in made():
            changed = self.change(name, number, record)
            if changed is not None:
                yield changed

    def _orders(self, kind: int, *, reported: bool) -> Iterator[tuple[int, dict[str, object]]]:
        past, cut, survivor = self.history, self.cut.ehr, self.history.survivor
        for index, at in enumerate(past.at):
            if past.kind[index] != kind or at > cut:
                continue
            done = past.done[index]
            told = done + 20  # the message that it is done takes its time
            seen = max(at, told) if done and max(at, told) <= cut else 0
            status = STATUS[past.fate[index]] if seen or past.fate[index] != DONE else "ordered"
            if reported and not seen:
                continue
            patient = past.patient[index]
            yield (
                index,
                {
                    "at": local(seen if reported else at, "ehr"),
                    "number": f"{past.number[index]:010d}",
                    "patient": f"TEST{patient:03d}" if patient in past.tests else f"P{survivor(patient):07d}",
                    "status": status,
                },
            )

    def _lab_orders(self) -> Iterator[tuple[int, dict[str, object]]]:
        return self._orders(LAB, reported=False)

    def _imaging_orders(self) -> Iterator[tuple[int, dict[str, object]]]:
        return self._orders(IMAGING, reported=False)

    def _reported_lab_orders(self) -> Iterator[tuple[int, dict[str, object]]]:
        return self._orders(LAB, reported=True)

    def _performed_imaging_orders(self) -> Iterator[tuple[int, dict[str, object]]]:
        return self._orders(IMAGING, reported=True)

    def _lab_results(self) -> Iterator[tuple[int, dict[str, object]]]:
        past = self.history
        for index, done in enumerate(past.done):
            if past.kind[index] == LAB and done and done <= self.cut.lis:
                odd, patient = past.odd[index], past.patient[index]
                yield (
                    index,
                    {
                        "at": utc(done, "lis"),
                        "order": f"{past.number[index]}" + ("\0" if odd % 3 == 0 else " " * (odd % 2)),
                        "patient": f"TEST{patient:03d}" if patient in past.tests else f"{patient:08d}",
                        "state": "preliminary" if odd < 12 else "final",
                    },
                )
        for number in range(5):  # of orders that were cancelled: no result at all, but a record
            yield -1 - number, {"at": None, "order": "", "patient": "00000005", "state": "cancelled"}

    def _studies(self) -> Iterator[tuple[int, dict[str, object]]]:
        past = self.history
        first = set[int]()
        for index, done in enumerate(past.done):
            if past.kind[index] != IMAGING or not done or done > self.cut.pacs:
                continue
            odd, patient = past.odd[index], past.patient[index]
            if patient in past.tests:
                continue
            dicom = (
                f"p{patient:07d}" if odd % 5 == 0 else f"{patient:07d}^^^CHU" if odd % 5 == 1 else f"P{patient:07d} "
            )
            if patient in past.temporary and patient not in first:
                first.add(patient)
                dicom = f"TMP-{past.temporary[patient]}"
            updated = done
            if odd == 7 and BACKUP - done > 30 * DAY:
                updated = BACKUP - DAY + index % DAY // 2  # sent again yesterday by a modality
            accession = self.renamed(f"LYO{past.number[index]}" if odd % 4 == 0 else f"{past.number[index]:010d}")
            record: dict[str, object] = {"at": utc(updated, "pacs"), "accession": accession, "patient": dicom}
            yield index, record
            if odd % 32 == 3:  # two studies for one order
                yield index, dict(record)
        yield from self._foreign()

    def _foreign(self) -> Iterator[tuple[int, dict[str, object]]]:
        for number in range(FOREIGN):
            at = BACKUP - DAY // 2 if number % 10 == 0 else BACKUP - SPAN + number * 10 * DAY
            accession = f"{'ext' if number % 2 else 'EXT'}-{number:04d}"
            yield -100 - number, {"at": utc(at, "pacs"), "accession": accession, "patient": f"X{number}"}
        for number in range(IN_OUR_FORM + STRAYS):
            at = BACKUP - (200 + 30 * number) * DAY
            accession = f"{FOREIGN_NUMBER + number:010d}"
            yield -300 - number, {"at": utc(at, "pacs"), "accession": accession, "patient": f"Y{number}"}
        for number in range(20):  # films of before there were numbers
            yield -400 - number, {"at": utc(BACKUP - SPAN, "pacs"), "accession": " ", "patient": f"{number + 20:07d}"}

    def _ehr_patients(self) -> Iterator[tuple[int, dict[str, object]]]:
        for patient in range(1, self.history.patients + 1):
            status = "merged" if patient in self.history.merged else "active"
            puid = f"TEST{patient:03d}" if patient in self.history.tests else f"P{patient:07d}"
            yield patient, {"at": local(BACKUP - SPAN - patient, "ehr"), "puid": puid, "status": status}

    def _mpi_patients(self) -> Iterator[tuple[int, dict[str, object]]]:
        for patient in range(4, self.history.patients + 1):
            yield patient, {"at": utc(BACKUP - SPAN - patient - 30, "mpi"), "id": f"P{patient:07d}"}
        for patient in range(100):  # of the clinics around
            yield -1 - patient, {"at": utc(BACKUP - DAY * patient, "mpi"), "id": f"Q{patient:07d}"}

    def _merged_patients(self) -> Iterator[tuple[int, dict[str, object]]]:
        merged = self.history.merged if self.merges is None else self.merges
        for old, new in merged.items():
            yield old, {"at": None, "old": f"P{old:07d}", "new": f"P{new:07d}"}

    def _next_accession(self) -> Iterator[tuple[int, dict[str, object]]]:
        used = (n for n, k, at in zip(self.history.number, self.history.kind, self.history.at, strict=True)
                if k == IMAGING and at <= BACKUP)  # fmt: skip
        yield 0, {"at": None, "next": max(used) + 1 - self.sequence_back}


def utc(at: int, application: str) -> str:
    """Return an instant as the application's clock showed it, in UTC."""
    return datetime.fromtimestamp(at + CLOCKS[application], UTC).isoformat()


def local(at: int, application: str) -> str:
    """Return it as a database without time zones keeps it: two hours of every year look the same."""
    return datetime.fromtimestamp(at + CLOCKS[application], PARIS).replace(tzinfo=None).isoformat()
