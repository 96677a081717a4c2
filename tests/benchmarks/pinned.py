"""A restore through the pinned view against restic on the bucket itself, and on rclone's view, interleaved.

`python -m tests.benchmarks pinned [--megabytes N] [--rounds N] [--rclone PROGRAM]`. The tree is random for three quarters
and text for the rest, the store is a real one on loopback, targets lie in memory where there is room. Both restics; medians and ratios.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from drp.domain.repository import WaitLimits
from drp.domain.repository_port import PinnedViews
from drp.repositories.kind import create
from drp.repositories.restic.settings import ResticSettings
from tests.support.fixtures_buckets import Bucket
from tests.support.fixtures_repositories import carry_out, keep_secret, resolve
from tests.support.locations import s3_location
from tests.support.pinned_views import point_of, served
from tests.support.restic_tools import PASSWORD, Restic, VersionKind, executable
from tests.support.s3_server import S3Server

_MEMORY = Path("/dev/shm")


def make_source(folder: Path, megabytes: int) -> Path:
    """Fill a folder: three quarters of it in large random files, the rest in small text."""
    draw = random.Random(7)
    folder.mkdir(parents=True)
    for number in range(max(1, megabytes * 3 // 4 // 16)):
        (folder / f"image-{number:04d}").write_bytes(draw.randbytes(16 << 20))
    words = [draw.randbytes(6).hex() for _ in range(5000)]
    for number in range(megabytes):
        (folder / f"letter-{number:05d}").write_text(" ".join(draw.choices(words, k=20_000)))
    return folder


def timed(work: Callable[[Path], object], target: Path) -> tuple[float, float]:
    """Return seconds, and processor seconds of all that was waited for."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work(target)
    took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(target)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ways(
    bucket: Bucket, folder: Path, rclone: str | None
) -> tuple[dict[str, Callable[[Path], object]], Callable[[], None]]:
    """Return each way to restore, by its name, and what ends them."""
    reader = bucket.server.identities["ro_lock"]
    location = s3_location(
        bucket.url,
        access_key=keep_secret(folder, "access", reader.access_key),
        secret_key=keep_secret(folder, "secret", reader.secret_key),
    )
    settings = ResticSettings(
        name="bench",
        location=location,
        password=keep_secret(folder, "password", bucket.password),
        executable=str(bucket.writer.program),
        limits=WaitLimits(),
    )
    repository = create(settings, resolve=resolve, cache_directory=folder / "cache")
    assert isinstance(repository, PinnedViews)
    view = repository.pinned("bench")
    assert view is not None
    plain = Restic(bucket.writer.program, bucket.url, bucket.password, bucket.server.environment("ro_lock"))

    order = view.repository.restore_order(point_of(bucket))  # which asks restic for the point's folder

    def through(target: Path) -> None:
        with served(order) as here:
            outcome = carry_out(here, view.repository.secrets(), target)
        assert outcome.exit_code == 0, outcome
        assert all(each.digest for each in view.served(order.served_by).read)

    def directly(target: Path) -> None:
        plain.run("--no-lock", "restore", bucket.point, "--target", str(target), timeout=900)

    found: dict[str, Callable[[Path], object]] = {"restic on S3": directly, "pinned view": through}
    if rclone is not None:
        name = bucket.url.removeprefix(f"s3:{bucket.server.endpoint}/")
        options = f"serve restic --stdio --s3-version-at {view.pinned.at:%Y-%m-%dT%H:%M:%SZ}"
        environment = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_W_TYPE": "s3",
            "RCLONE_CONFIG_W_PROVIDER": "Other",
            "RCLONE_CONFIG_W_ENDPOINT": bucket.server.endpoint,
            "RCLONE_CONFIG_W_REGION": "us-east-1",
            "RCLONE_CONFIG_W_ACCESS_KEY_ID": reader.access_key,
            "RCLONE_CONFIG_W_SECRET_ACCESS_KEY": reader.secret_key,
        }
        theirs = Restic(bucket.writer.program, f"rclone:W:{name}", bucket.password, environment)
        chosen = ("-o", f"rclone.program={rclone}", "-o", f"rclone.args={options}")

        def by_rclone(target: Path) -> None:
            theirs.run(*chosen, "--no-lock", "restore", bucket.point, "--target", str(target), timeout=900)

        found["rclone's view"] = by_rclone
    return found, view.process.close  # type: ignore[attr-defined]


def measure(server: S3Server, kind: VersionKind, folder: Path, megabytes: int, rounds: int, rclone: str | None) -> None:
    """Print the medians of one version of restic."""
    source = make_source(folder / kind / "source", megabytes)
    url = server.make_bucket(f"bench-{kind}")
    writer = Restic(executable(kind), f"{url}/site", PASSWORD, server.environment("writer")).init()
    writer.run("backup", str(source), timeout=900)
    point = str(writer.snapshots()[0]["id"])
    bucket = Bucket(server, f"bench-{kind}", f"{url}/site", writer, PASSWORD, point, source)
    room = _MEMORY if shutil.disk_usage(_MEMORY).free > megabytes * 4_000_000 else folder
    found, end = ways(bucket, folder, rclone)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    with tempfile.TemporaryDirectory(dir=room) as targets:
        for number in range(rounds + 1):
            for name, work in found.items():
                taken = timed(work, Path(targets) / f"{number}-{len(name)}")
                if number:  # the first is for caches
                    times[name].append(taken)
    end()
    base = statistics.median(seconds for seconds, _ in times["restic on S3"])
    for name, each in times.items():
        seconds = statistics.median(took for took, _ in each)
        busy = statistics.median(used for _, used in each)
        sys.stdout.write(f"{kind:8} {name:14} {seconds:6.2f} s  {seconds / base:5.2f}x  {busy:5.1f} CPU s\n")


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--megabytes", type=int, default=300)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--rclone", default=None)
    chosen = options.parse_args(list(arguments))
    with tempfile.TemporaryDirectory() as folder, S3Server(Path(folder) / "s3") as server:
        for kind in ("current", "reduced"):
            measure(server, kind, Path(folder), chosen.megabytes, chosen.rounds, chosen.rclone)


if __name__ == "__main__":
    main(sys.argv[1:])
