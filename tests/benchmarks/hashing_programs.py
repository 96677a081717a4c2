"""The programs that hashing is measured against, and what each does with a tree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drp.hashing.reading.core import load
from drp.hashing.standalone.package import pack
from tests.benchmarks import hashing_trees
from tests.benchmarks.hashing_trees import DIRECTORY
from tests.benchmarks.hashing_yardstick import yardstick

PYTHON = [getattr(sys, "_base_executable", sys.executable), "-I", "-S"]
CORES = os.cpu_count() or 1


_PEERS = {
    "b3sum": ("b3sum", "--version"),
    "sha256sum": ("sha256sum", "--version"),
    "hashdeep": ("hashdeep", "-V"),
    "rclone": ("rclone", "version"),
    "bagit.py": ("bagit.py", "--version"),
    "fio": ("fio", "--version"),
    "cc": ("cc", "--version"),
}
_HERE = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Program:
    """A command to measure."""

    name: str
    command: Sequence[str]
    seconds: Callable[[bytes], float] | None = None
    """How long it took, where its own words say it better than the clock."""


def find(name: str) -> str | None:
    """Return where a program is: on the path, or beside this Python."""
    return shutil.which(name) or shutil.which(name, path=str(_HERE))


def missing() -> list[str]:
    """Return what is not installed here."""
    return [name for name in _PEERS if not find(name)]


def versions() -> list[str]:
    """Return what the programs say of themselves."""
    found = [f"Python {sys.version.split()[0]}"]
    for name, (_, option) in _PEERS.items():
        if path := find(name):
            done = subprocess.run([path, option], capture_output=True, text=True, check=False)
            first = (done.stdout + done.stderr).strip().split("\n")[0]
            found.append(first if name.split(".")[0] in first else f"{name} {first}")
    return found


def programs(tree: Path) -> list[Program]:
    """Return everything that can be measured on a tree here, its check files made."""
    work = DIRECTORY / "sums"
    work.mkdir(exist_ok=True)
    tool = DIRECTORY / "drp-hash"
    pack(tool)
    drp = [*PYTHON, str(tool)]
    manifests = {}
    for algorithm in ("blake3", "sha256"):
        manifests[algorithm] = work / f"{tree.name}-{algorithm}.drpm"
        command = [*drp, "create", str(tree), "-o", str(manifests[algorithm]), "--algorithm", algorithm]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = []
    for core, told in (("pure", ""), ("native", ", native core")):
        if core == "native" and load("auto") is None:
            continue
        create = [*drp, "create", str(tree), "-o", str(work / "made.drpm"), "--core", core]
        verify = [*drp, "verify", str(tree), "--core", core, "--manifest"]
        found += [
            Program(f"drp-hash create{told}", create),
            Program(f"drp-hash verify{told}", [*verify, str(manifests["blake3"])]),
            Program(f"drp-hash verify, 1 worker{told}", [*verify, str(manifests["blake3"]), "--workers", "1"]),
            Program(f"drp-hash create sha256{told}", [*create, "--algorithm", "sha256"]),
            Program(f"drp-hash verify sha256{told}", [*verify, str(manifests["sha256"])]),
        ]
    command = [sys.executable, "-m", "drp", "manifest", "verify", str(tree), "-m", str(manifests["blake3"])]
    found.append(Program("drp manifest verify", command))
    return _limits(tree) + found + _peers(tree, work)


def _limits(tree: Path) -> list[Program]:
    """Return the yardstick in several ways; nothing where there is no C compiler to build it."""
    if not shutil.which("cc"):
        return []
    native, blake3 = yardstick()
    mode, rest = "blake3" if blake3 else "sha256", ["/dev/null", str(tree)]
    return [
        Program("native, all cores", [str(native), str(CORES), mode, "0", *rest]),
        Program("native, 8 threads, read ahead", [str(native), "8", mode, "1", *rest]),
        Program("native sha256, all cores", [str(native), str(CORES), "sha256", "0", *rest]),
    ]


def _peers(tree: Path, work: Path) -> list[Program]:
    found = []
    listing = f"find {tree} -type f -print0"
    if shutil.which("b3sum"):
        sums = _sums(work / f"{tree.name}.b3", f"{listing} | xargs -0 b3sum --")
        found += [
            Program(
                "b3sum, xargs -P2",
                ["sh", "-c", f"{listing} | xargs -0 -n 500 -P 2 b3sum --num-threads 1 -- >/dev/null"],
            ),
            Program("b3sum --check", ["sh", "-c", f"b3sum --check --quiet {sums}"]),
        ]
    sums = _sums(work / f"{tree.name}.sha256", f"{listing} | xargs -0 sha256sum --")
    found.append(Program("sha256sum -c", ["sha256sum", "-c", "--quiet", str(sums)]))
    if shutil.which("hashdeep"):
        known = _sums(work / f"{tree.name}.hashdeep", f"hashdeep -c sha256 -r -l {tree}")
        found.append(Program("hashdeep -a -j2", ["sh", "-c", f"hashdeep -c sha256 -r -l -a -k {known} -j2 {tree}"]))
    if shutil.which("rclone"):
        listed = _sums(
            work / f"{tree.name}.rclone", f"cd {tree} && find . -type f -printf '%P\\0' | xargs -0 sha256sum --"
        )
        found.append(
            Program(
                "rclone checksum",
                ["rclone", "checksum", "sha256", str(listed), str(tree), "--checkers", "2", "-q"],
            )
        )
    if (bagit := find("bagit.py")) is not None:
        found.append(Program("bagit --processes 2", _bagit(bagit, tree, work)))
    return found


def cold_programs(shape: str, tree: Path, scale: float) -> list[Program]:
    """Return what is measured with a cold cache: those that have an aim there, and the disk's own figure."""
    wanted = {"native, all cores", "native, 8 threads, read ahead"}
    wanted |= {ours + core for ours in ("drp-hash create", "drp-hash verify") for core in ("", ", native core")}
    found = [one for one in programs(tree) if one.name in wanted or one.name.startswith("b3sum")]
    if shutil.which("fio"):
        found.append(_fio(shape, tree, hashing_trees.tree("volumes", scale)))
    return found


def _fio(shape: str, tree: Path, volumes: Path) -> Program:
    """Return a random read of the volumes in pieces as large as the tree's files: 8 readers, 32 requests each.

    That is as deep as drp asks: a batch of 256 files. What it would need for the whole tree follows from its rate.
    """
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    command = ["fio", "--name=depth", "--readonly", "--direct=1", "--ioengine=libaio", "--rw=randread", "--numjobs=8"]
    command += ["--iodepth=32", f"--bs={'4k' if shape == 'small' else '512k'}", "--group_reporting", "--runtime=4"]
    command += ["--time_based", "--output-format=json", f"--filename={':'.join(map(str, sorted(volumes.iterdir())))}"]

    def seconds(told: bytes) -> float:
        document = json.loads(told[told.index(b"{") :])
        return float(size / document["jobs"][0]["read"]["bw_bytes"])

    return Program("fio, 256 deep", command, seconds)


def _sums(path: Path, command: str) -> Path:
    if not path.exists():
        subprocess.run(["sh", "-c", f"({command}) > {path}"], check=True)
    return path


def _bagit(bagit: str, tree: Path, work: Path) -> list[str]:
    """Return how a bag is validated whose payload is the tree itself, mounted there for this one process.

    A link would do instead of a mount, were it not that bagit refuses symbolic ones, and that hard ones change what
    the others measure.
    """
    bag = DIRECTORY / f"bag-{tree.name}"
    (bag / "data").mkdir(parents=True, exist_ok=True)
    (bag / "bagit.txt").write_text("BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")
    sums = work / f"{tree.name}.sha256"
    if not (bag / "manifest-sha256.txt").exists():
        subprocess.run(["sh", "-c", f"sed 's,  {tree}/,  data/,' {sums} > {bag}/manifest-sha256.txt"], check=True)
    inside = f"mount --bind {tree} {bag}/data && exec {bagit} --validate --processes 2 --quiet {bag}"
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    return [*alone, "sh", "-c", inside]
