"""What really happened in the region: patients, orders, and what was done for them. Deterministic in its seed.

Instants are whole seconds since 1970 in true time; each application's clock is off by its own few seconds (`sets.py`).
"""

from __future__ import annotations

from array import array
from datetime import datetime
from random import Random

BACKUP = int(datetime.fromisoformat("2026-11-21T02:00:00+01:00").timestamp())
"""When the first application is backed up, at night; production goes on for half an hour after it."""
DAY = 86_400
SPAN = 3 * 365 * DAY
RUSH = 2 * 3600
"""So long before the backup an order comes every 40 seconds, as in a bad night."""
RUSH_EVERY = 40
AFTER = 1800

LAB, IMAGING = 0, 1
DRAFT, CANCELLED, WAITING, DONE = range(4)
"""What became of an order; WAITING: never performed."""
FIRST_ACCESSION, FIRST_LAB = 1_000_000, 20_000_000

_DRAFTS, _CANCELLED, _WAITING = 0.02, 0.06, 0.09
_IMAGING = 0.43
_SITES = 4


class History:
    """Orders by number in the order in which they were placed, as columns; patients by number from 1."""

    def __init__(self, patients: int, *, seed: int = 13) -> None:
        """Live through three years: seven and a half orders for each patient."""
        self.patients = patients
        self.random = Random(seed)
        self.at = array("q")
        self.patient = array("L")
        self.kind = array("B")
        self.fate = array("B")
        self.done = array("q")
        """Instant of the result or the study; 0: there is none."""
        self.odd = array("B")
        """A byte of chance for each order, that decides how it is written where."""
        self.number = array("L")
        """As its sequence issued it."""
        self.merged: dict[int, int] = {}
        """Patient → the one it was merged into; chains of up to four."""
        self.temporary: dict[int, int] = {}
        """Patient → number of the temporary identity under which the first study was made."""
        self.tests = frozenset(range(1, 4))
        """Test patients: they have orders, and never a real study."""
        self._live()
        self._merge()

    def _live(self) -> None:
        draw = self.random.random
        usual = self.patients * 15 // 2 - (RUSH + AFTER) // RUSH_EVERY
        first = BACKUP - SPAN
        step = (SPAN - RUSH) / usual
        following = [FIRST_LAB, FIRST_ACCESSION]
        for index in range(usual):
            self._order(int(first + (index + draw() * 0.9) * step), following, usual=True)
        for at in range(BACKUP - RUSH, BACKUP + AFTER, RUSH_EVERY):
            self._order(at + int(draw() * 20), following, usual=False)
        self.next_lab, self.next_accession = following

    def _order(self, at: int, following: list[int], *, usual: bool) -> None:
        draw = self.random.random
        kind, fate = IMAGING if draw() < _IMAGING else LAB, draw()
        self.at.append(at)
        self.patient.append(1 + int(draw() * draw() * self.patients))
        self.kind.append(kind)
        self.odd.append(int(draw() * 256))
        self.number.append(following[kind])
        following[kind] += 1
        done = 0
        if not usual:
            done = at + 60 + int(draw() * 480)
        elif kind == LAB:
            done = at + 1200 + int(draw() ** 3 * 100_000)
        elif draw() < 0.01:
            done = at - 20 - int(draw() * 60)  # an emergency: the study came before the order
        else:
            done = at + 600 + int(draw() ** 3 * 5 * DAY)
        fate_is = DRAFT if fate < _DRAFTS else CANCELLED if fate < _CANCELLED else WAITING if fate < _WAITING else DONE
        if usual and done > BACKUP - RUSH:
            done = 0
            fate_is = WAITING if fate_is == DONE else fate_is
        self.fate.append(fate_is)
        self.done.append(done if fate_is == DONE else 0)

    def _merge(self) -> None:
        """Merge one patient of fifty, some of them in chains, and give one of forty a temporary identity first."""
        rest = iter(range(10, self.patients - 4, 50))
        for number, patient in enumerate(rest):
            for link in range(1 + number % 3 * (number % 5 == 0) + (number % 20 == 0)):
                self.merged[patient + link] = patient + link + 1
        for number, patient in enumerate(range(31, self.patients, 40)):
            self.temporary[patient] = 4000 + number

    def survivor(self, patient: int) -> int:
        """Return the patient whom somebody is today."""
        while patient in self.merged:
            patient = self.merged[patient]
        return patient
