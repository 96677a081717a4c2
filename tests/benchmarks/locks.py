"""What it takes to attest many object versions: requests, seconds, memory; beside boto3's HEAD in eight threads.

The store is synthetic, on loopback, and shares the machine's cores: `tests.support.lock_store`.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drp.domain.repository import S3Location, WaitLimits
from drp.domain.restore import SecretReference
from drp.domain.service_address import ServiceAddress
from drp.domain.worm.attestation import LockDemand
from drp.repositories.locations.lock_memory import LockMemory
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.locations.s3_heads import LockQuestions
from drp.repositories.restic.backend import AttestationAsked
from drp.repositories.restic.object_lock import LockWatch
from tests.support.lock_store import lock_store

VERSIONS, SMALL, ROUNDS = 100_000, 3_000, 3
LIMIT_MB = 300


def main(arguments: list[str] | None = None) -> None:
    """Print the table; ``arguments``: how many versions, instead of a hundred thousand."""
    most = int(arguments[0]) if arguments else VERSIONS
    with lock_store(SMALL) as port:
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(_run("attest", port, "")["seconds"])
            theirs.append(_run("boto3", port, "")["seconds"])
    drp, peer = statistics.median(ours), statistics.median(theirs)
    print_line(
        f"{SMALL} locks: drp {drp:.2f} s with listing, boto3 HEAD in 8 threads {peer:.2f} s without: {peer / drp:.1f} x"
    )
    with lock_store(most) as port, tempfile.TemporaryDirectory(prefix="drp-bench-") as folder:
        for turn in ("first", "second"):
            told, before = _run("attest", port, folder), _counts(port)
            print_line(
                f"{most} versions, {turn} time: {told['seconds']:.1f} s, {told['megabytes']:.0f} MB at most "
                f"({LIMIT_MB} are allowed), requests since the start: {before[0]} HEAD, {before[1]} other; "
                f"{told['asked']:.0f} known, {told['remembered']:.0f} of them remembered"
            )


def print_line(text: str) -> None:
    """Print one row."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _counts(port: int) -> tuple[int, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/bucket/counts") as answer:
        heads, others = answer.read().split()
    return int(heads), int(others)


def _run(what: str, port: int, folder: str) -> dict[str, float]:
    """Run one measurement in a process of its own, whose memory is its own."""
    argv = [sys.executable, "-m", "tests.benchmarks.locks", what, str(port), folder]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    told: dict[str, float] = json.loads(said)
    return told


def _child(what: str, port: int, folder: str) -> None:
    secret = SecretReference(kind="file", value=("/none",))
    location = S3Location(
        endpoint=ServiceAddress(secure=False, host="127.0.0.1", port=port),
        bucket="bucket",
        access_key=secret,
        secret_key=secret,
    )
    limits = WaitLimits(answer_seconds=60)
    reader = S3Reader("bench", location, lambda _: "AKIDEXAMPLE", limits)
    told: dict[str, float] = {}
    begun = time.perf_counter()
    if what == "attest":
        questions = LockQuestions("bench", location, lambda _: "AKIDEXAMPLE", limits)
        memory = LockMemory(Path(folder) / "locks.sqlite" if folder else None, "bench")
        watch = LockWatch(reader, questions, memory, audited_objects=10**9)
        seen = watch.attest(
            AttestationAsked(subject="bench", points=("1" * 64,), demand=LockDemand(required=True), mode="compliance")
        )
        assert seen.modes == {"compliance": seen.needed}, seen
        told = {"asked": seen.asked, "remembered": seen.remembered}
    else:
        versions = [(each.key, each.version) for each in reader.versions()]
        begun = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lambda version: reader.lock(*version), versions))
    told["seconds"] = time.perf_counter() - begun
    told["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print_line(json.dumps(told))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _child(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    else:
        main(sys.argv[1:])
