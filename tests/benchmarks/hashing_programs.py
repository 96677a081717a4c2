"""The programs that hashing is measured against, and what each does with a tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drp.hashing.package import pack
from tests.benchmarks.hashing_trees import DIRECTORY
from tests.benchmarks.hashing_yardstick import yardstick

PYTHON = [getattr(sys, "_base_executable", sys.executable), "-I", "-S"]
CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Program:
    """A command to measure."""

    name: str
    command: Sequence[str]
    group: str
    """create, verify, or both with SHA-256: what it may be compared with."""


def programs(shape: str, tree: Path) -> list[Program]:
    """Return everything that can be measured on a tree here, its check files made."""
    work = DIRECTORY / "sums"
    work.mkdir(exist_ok=True)
    tool = DIRECTORY / "drp-hash"
    pack(tool)
    drp = [*PYTHON, str(tool)]
    manifests = {}
    for algorithm in ("blake3", "sha256"):
        manifests[algorithm] = work / f"{shape}-{algorithm}.drpm"
        command = [*drp, "create", str(tree), "-o", str(manifests[algorithm]), "--algorithm", algorithm]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    made = str(work / "made.drpm")
    found = [
        Program("drp-hash create", [*drp, "create", str(tree), "-o", made], "drp"),
        Program("drp-hash verify", [*drp, "verify", str(tree), "--manifest", str(manifests["blake3"])], "drp"),
        Program(
            "drp-hash verify, 1 worker",
            [*drp, "verify", str(tree), "--manifest", str(manifests["blake3"]), "--workers", "1"],
            "drp",
        ),
        Program("drp-hash create sha256", [*drp, "create", str(tree), "-o", made, "--algorithm", "sha256"], "drp"),
        Program("drp-hash verify sha256", [*drp, "verify", str(tree), "--manifest", str(manifests["sha256"])], "drp"),
        Program(
            "drp manifest verify",
            [sys.executable, "-m", "drp", "manifest", "verify", str(tree), "-m", str(manifests["blake3"])],
            "drp",
        ),
    ]
    return _limits(tree) + found + _peers(shape, tree, work)


def _limits(tree: Path) -> list[Program]:
    """Return the yardstick in several ways; nothing where there is no C compiler to build it."""
    if not shutil.which("cc"):
        return []
    native, blake3 = yardstick()
    mode, rest = "blake3" if blake3 else "sha256", ["/dev/null", str(tree)]
    return [
        Program("native, all cores", [str(native), str(CORES), mode, "0", *rest], "limit"),
        Program("native, 8 threads, read ahead", [str(native), "8", mode, "1", *rest], "limit"),
        Program("native sha256, all cores", [str(native), str(CORES), "sha256", "0", *rest], "limit"),
    ]


def _peers(shape: str, tree: Path, work: Path) -> list[Program]:
    found = []
    find = f"find {tree} -type f -print0"
    if shutil.which("b3sum"):
        sums = _sums(work / f"{shape}.b3", f"{find} | xargs -0 b3sum --")
        found += [
            Program(
                "b3sum, xargs -P2",
                ["sh", "-c", f"{find} | xargs -0 -n 500 -P 2 b3sum --num-threads 1 -- >/dev/null"],
                "create",
            ),
            Program("b3sum --check", ["sh", "-c", f"b3sum --check --quiet {sums}"], "verify"),
        ]
    sums = _sums(work / f"{shape}.sha256", f"{find} | xargs -0 sha256sum --")
    found.append(Program("sha256sum -c", ["sha256sum", "-c", "--quiet", str(sums)], "verify sha256"))
    if shutil.which("hashdeep"):
        known = _sums(work / f"{shape}.hashdeep", f"hashdeep -c sha256 -r -l {tree}")
        found.append(
            Program(
                "hashdeep -a -j2", ["sh", "-c", f"hashdeep -c sha256 -r -l -a -k {known} -j2 {tree}"], "verify sha256"
            )
        )
    if shutil.which("rclone"):
        listed = _sums(work / f"{shape}.rclone", f"cd {tree} && find . -type f -printf '%P\\0' | xargs -0 sha256sum --")
        found.append(
            Program(
                "rclone checksum",
                ["rclone", "checksum", "sha256", str(listed), str(tree), "--checkers", "2", "-q"],
                "verify sha256",
            )
        )
    if shutil.which("bagit.py", path=str(Path(sys.executable).parent)):
        bag = _bag(shape, tree)
        found.append(
            Program(
                "bagit --processes 2",
                [str(Path(sys.executable).parent / "bagit.py"), "--validate", "--processes", "2", "--quiet", str(bag)],
                "verify sha256",
            )
        )
    return found


def _sums(path: Path, command: str) -> Path:
    if not path.exists():
        subprocess.run(["sh", "-c", f"({command}) > {path}"], check=True)
    return path


def _bag(shape: str, tree: Path) -> Path:
    """Return a bag whose payload are hard links to the tree's files."""
    bag = DIRECTORY / f"bag-{shape}"
    if not (bag / "bagit.txt").exists():
        shutil.rmtree(bag, ignore_errors=True)
        bag.mkdir()
        subprocess.run(["cp", "-al", f"{tree}/.", str(bag)], check=True)
        maker = [str(Path(sys.executable).parent / "bagit.py"), "--sha256", "--processes", "2", "--quiet", str(bag)]
        subprocess.run(maker, check=True)
    return bag
