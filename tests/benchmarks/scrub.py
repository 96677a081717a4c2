"""The keyless scrub beside its peers, one after the other in every round: `python -m tests.benchmarks scrub [MEGABYTES [ROUNDS]]`.

Local: restic `check --read-data` of both versions, `sha256sum` by xargs on both cores, and what two processes hash of memory,
which no reader can exceed. Half of what is backed up cannot be compressed, as images are; half can be by two, as rows of a
database: restic unpacks those. From a bucket on loopback: restic's check, and rclone's `hashsum --download`. Told are medians of wall
clock and processor seconds, of clients alone, and ratios of them; above 1 the scrub is faster. drp's own command is measured with
its start (*command*) and without (*scrub*): large repositories see no start.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.restic_tools import PASSWORD, Restic, executable
from tests.support.s3_server import S3Server

_PIECE = 4 << 20
_FILE = 32 << 20
_SCRUB = """
import sys, time
from pathlib import Path
from drp.config.site import load_site
from drp.service.wiring import Wiring
from drp.service.worm.scrubbing import Wish, scrub_repository
wiring = Wiring(load_site(Path(sys.argv[1])))
wiring.register()
began, busy = time.monotonic(), time.process_time()
scrub = scrub_repository(wiring, "vault", Wish(keyless=True))
print(time.monotonic() - began, time.process_time() - busy)
assert not scrub.findings, scrub.findings
"""
_MEMORY = """
import hashlib, os, sys
piece, times = bytes(1 << 20), int(sys.argv[1]) >> 21
if os.fork() == 0:
    digest = hashlib.sha256()
    for _ in range(times):
        digest.update(piece)
    os._exit(0)
digest = hashlib.sha256()
for _ in range(times):
    digest.update(piece)
os.wait()
"""
Timed = tuple[float, float]
"""Wall clock and processor, seconds."""


def run(arguments: list[str], environment: Mapping[str, str] | None = None, *, own: bool = False) -> Timed:
    """Run a program; return what it took, or with ``own`` what it says itself."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        arguments,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr[-2000:]
    if own:
        wall, busy = map(float, done.stdout.split())
        return wall, busy
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fill(restic: Restic, folder: Path, megabytes: int) -> int:
    """Back up so much, half of it as it is, half of it packed by two; return the bytes in the repository."""
    folder.mkdir()
    for number in range(max(1, (megabytes << 20) // _FILE)):
        with (folder / str(number)).open("wb") as stream:
            for piece in range(_FILE // _PIECE):
                stream.write(os.urandom(_PIECE) if piece % 2 else os.urandom(_PIECE).hex().encode())
        restic.run("backup", str(folder / str(number)), "--host", "h", timeout=600)
        (folder / str(number)).unlink()
    return sum(path.stat().st_size for path in Path(restic.repository).rglob("*") if path.is_file())


def site(folder: Path, location: str) -> Path:
    """Make a site with one repository, whose password is nowhere."""
    (folder / "inventory").mkdir(parents=True)
    (folder / "drp.yml").write_text("version: 1\nname: bench\n")
    (folder / "inventory" / "repositories.yml").write_text(
        f"repositories:\n  vault: {{kind: restic, password: {{file: nowhere}}, location: {location}}}\n"
    )
    return folder


def local(place: Path, size: int) -> dict[str, Callable[[], Timed]]:
    """Return what reads a repository in a directory."""
    made = site(place / "local", f"{{directory: {place / 'vault'}}}")
    check = ("--repo", str(place / "vault"), "--no-lock", "--no-cache", "check", "--read-data")
    key = {"RESTIC_PASSWORD": PASSWORD}
    sums = f"find {place / 'vault'} -type f ! -name config -print0 | xargs -0 -P2 -n4 sha256sum"
    drp = [str(Path(sys.executable).with_name("drp")), "--site", str(made), "repo", "scrub", "vault", "--keyless"]
    return {
        "scrub": lambda: run([sys.executable, "-c", _SCRUB, str(made)], own=True),
        "command": lambda: run(drp),
        "restic 0.18 check": lambda: run([str(executable("current")), *check], key),
        "restic 0.14 check": lambda: run([str(executable("reduced")), *check], key),
        "xargs sha256sum": lambda: run(["sh", "-c", sums]),
        "SHA-256 of memory": lambda: run([sys.executable, "-c", _MEMORY, str(size)]),
    }


def bucket(place: Path, server: S3Server) -> dict[str, Callable[[], Timed]]:
    """Return what reads the same repository in a bucket."""
    url, client = server.make_bucket("vault"), server.client("admin", seconds=120)
    for path in (place / "vault").rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                client.put_object(Bucket="vault", Key=str(path.relative_to(place / "vault")), Body=stream)
    who = server.identities["ro_lock"]
    location = f"{{s3: {{endpoint: '{server.endpoint}', bucket: vault, access_key: {{file: access}}, secret_key: {{file: secret}}}}}}"
    made = site(place / "bucket", location)
    for name, value in (("access", who.access_key), ("secret", who.secret_key)):
        (made / name).write_text(value)
        (made / name).chmod(0o600)
    key = {"RESTIC_PASSWORD": PASSWORD, "AWS_ACCESS_KEY_ID": who.access_key, "AWS_SECRET_ACCESS_KEY": who.secret_key}
    remote = {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_W_TYPE": "s3",
        "RCLONE_CONFIG_W_PROVIDER": "Other",
        "RCLONE_CONFIG_W_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_W_ACCESS_KEY_ID": who.access_key,
        "RCLONE_CONFIG_W_SECRET_ACCESS_KEY": who.secret_key,
        "RCLONE_CONFIG_W_REGION": "us-east-1",
    }
    check = ("--repo", url, "--no-lock", "--no-cache", "check", "--read-data")
    return {
        "scrub": lambda: run([sys.executable, "-c", _SCRUB, str(made)], own=True),
        "restic 0.18 check": lambda: run([str(executable("current")), *check], key),
        "rclone hashsum": lambda: run(["rclone", "hashsum", "SHA-256", "--download", "W:vault"], remote),
    }


def compare(title: str, size: int, ways: Mapping[str, Callable[[], Timed]], rounds: int) -> None:
    """Measure all, round after round, and print the medians."""
    found: dict[str, list[Timed]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    print(f"\n{title}: {size / 1e6:.0f} MB, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"{'':20} {'wall s':>8} {'MB/s':>7} {'cpu s':>8} {'wall x':>8} {'cpu x':>8}")
    medians = {
        name: tuple(statistics.median(each) for each in zip(*times, strict=True)) for name, times in found.items()
    }
    wall, busy = medians["scrub"]
    for name, (took, used) in medians.items():
        print(f"{name:20} {took:8.2f} {size / took / 1e6:7.0f} {used:8.2f} {took / wall:8.2f} {used / busy:8.2f}")


def main(arguments: list[str] | None = None) -> None:
    """Measure."""
    given = [int(each) for each in arguments or ()]
    megabytes, rounds = given[0] if given else 1024, given[1] if len(given) > 1 else 5
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        place = Path(folder)
        size = fill(Restic(executable("reduced"), str(place / "vault")).init(), place / "source", megabytes)
        compare("directory in memory", size, local(place, size), rounds)
        with S3Server(place / "s3") as server:
            ways = bucket(place, server)
            if shutil.which("rclone") is None:
                del ways["rclone hashsum"]
            compare("bucket on loopback", size, ways, rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
