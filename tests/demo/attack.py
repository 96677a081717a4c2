"""What the demo shows last: an intruder with the backup job's keys, and the hospital that comes back all the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests.hospital.rig import HospitalRig
from tests.support.attack import attack
from tests.support.words import in_words

Drp = Callable[..., Any]
Say = Callable[[str], None]
DRILL = "after-the-attack"


def plan(rig: HospitalRig) -> None:
    """Write the drill of what is kept in the bucket; PACS is on the medium, out of the intruder's reach."""
    assert rig.disaster_at is not None
    names = [name for name in ("ehr", "lis") if name in rig.kept]
    told = {
        "version": 1,
        "name": DRILL,
        "scenario": {
            "title": "Ransomware with the keys of the backup job",
            "disaster_at": rig.disaster_at.isoformat(),
        },
        "recoveries": [{"application": name, "select": {"policy": "newest-immutable"}} for name in names],
    }
    (rig.site / "inventory" / "drills" / f"{DRILL}.yml").write_text(yaml.safe_dump(told, sort_keys=False))


def hold(rig: HospitalRig, drp: Drp, say: Say) -> tuple[dict[str, Any], int]:
    """Let the intruder do all that he can, show that a plain restore fails, and drill; returns record and status."""
    plan(rig)
    say("\nthe attack: an intruder has the keys and the password of the backup job")
    done = attack(rig.server, rig.bucket)
    say(f"  {done.hidden} objects deleted, and config written over; then every version by itself:")
    say(f"  {done.destroyed} destroyed, {done.refused} refused for their lock")
    with tempfile.TemporaryDirectory() as folder:
        plain = rig.worm().run("restore", "latest", "--target", folder, check=False)
    assert plain.returncode, "a plain restore of what was attacked cannot work"
    say(f"  $ restic restore latest        → {plain.stderr.strip().splitlines()[-1]}")
    say("\nand the drill, with a key that may only read, from what cannot be deleted")
    ended = drp("drill", "run", DRILL).returncode
    drp("report", "latest", "--format", "html", "-o", str(rig.folder / f"{DRILL}.html"), stdout=subprocess.DEVNULL)
    record = json.loads(drp("report", "latest", "--format", "json", stdout=subprocess.PIPE).stdout)
    return in_words(record), ended


def told(record: dict[str, Any], say: Say) -> None:
    """Say what happened, from when it came back, and how long that took."""
    say("\nwhat came back, although everything was deleted")
    for recovery in record["recoveries"]:
        selected, usable = recovery["select"] or {}, recovery["measurement"]["rta_ms"]
        view = selected.get("pinned") or {"at": "", "why": "now"}
        if view["why"] == "before-tampering":
            say(f"  {recovery['recovery']:<5} last good instant {clock(view['at'])}Z, by the store's own clock")
        took = f"usable after {usable / 1000:.0f} s (RTA)" if usable is not None else "not usable"
        point = selected.get("point")
        since = f"data of {clock(point['consistent_at'])}Z" if point else "no recovery point"
        versions = len((recovery["restore"] or {"read": []})["read"])
        locks = selected.get("locks") or {"asked": 0, "modes": {}, "earliest": None}
        needed = (selected.get("horizon") or {"objects": versions})["objects"]  # it may read an index besides
        held = locks["asked"] >= needed > 0 and set(locks["modes"]) == {"compliance"}
        until = f"; nobody can delete what it needs before {locks['earliest']}" if held else ""
        say(f"        {since}, {took}, from {versions} object versions{until}")


def clock(at: str) -> str:
    """Return the time of day of an instant of a record."""
    return at.partition("T")[2][:8]


@contextmanager
def undone(rig: HospitalRig) -> Iterator[None]:
    """Have repositories, and what drp remembers of their locks, afterwards as they were before: no intruder could.

    Else the stage would serve no second time: drp misses what was locked and is gone.
    """
    aside = rig.folder / "before-the-attack"
    places = {"data": rig.server.folder / "data", "cache": rig.site / "state" / "cache"}
    shutil.rmtree(aside, ignore_errors=True)
    rig.server.stop()
    for name, place in places.items():
        shutil.copytree(place, aside / name, symlinks=True)
    rig.server.start()
    try:
        yield
    finally:
        rig.server.stop()
        for name, place in places.items():
            shutil.rmtree(place)
            (aside / name).rename(place)
        aside.rmdir()
        rig.server.start()
