"""A region of 200,000 patients over three years, prepared and judged: `python -m tests.benchmarks region`.

Every record goes the way that a drill sends it: declared conditions, forms, merges and exceptions, then the judge.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from tests.support.region import losses
from tests.support.region.history import History
from tests.support.region.judged import Judged, judged
from tests.support.region.sets import SKEWED, Region


def main(arguments: list[str]) -> None:
    """Print what each region came to, in seconds and at most so many MiB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=200_000)
    parser.add_argument("--losses", action="store_true", help="some losses, too: as long again for each")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    whole = Region(history=History(chosen.patients))
    print(f"{chosen.patients} patients, {len(whole.history.at)} orders, made in {time.monotonic() - began:.1f} s")
    regions = {"nothing lost": whole}
    if chosen.losses:
        regions["backups 20 minutes apart"] = Region(history=whole.history, cut=SKEWED)
        regions["three orders lost"] = losses.recent_orders(whole)
        regions["a day of studies lost"] = losses.day_of_studies(whole)[0]
        regions["40 old orders deleted"] = losses.old_orders(whole)
    with tempfile.TemporaryDirectory() as folder:
        for name, region in regions.items():
            began = time.monotonic()
            found = judged(region, Path(folder))
            print(f"{name}: {told(found)}, {time.monotonic() - began:.0f} s, {peak()} MiB at most")


def told(found: Judged) -> str:
    """Return what was read, what was found, and when all agree."""
    matched = sum(reference.matched for reference in found.result.references)
    kinds = {reference.name: found.kinds(reference.name) for reference in found.result.references}
    apart = {name: kind for name, kind in kinds.items() if kind}
    agreed = f", all agree at {found.result.agreed_at}" if found.result.agreed_at is not None else ""
    codes = " ".join(sorted({code for _, code in found.codes}))
    return f"{sum(found.read.values())} records, {matched} matched, {codes} {apart}{agreed}"


def peak() -> int:
    """Return the most memory that this process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
