"""The benchmark itself works: small trees, one round, real programs, and the whole table by one command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.hashing_scale import Step
from tests.benchmarks.hashing_table import Run, Section, page
from tests.benchmarks.hashing_trees import SHAPES


def bench(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks", "hashing", "--scale", "0.01", "--rounds", "1", *arguments]
    environment = {**os.environ, "DRP_BENCH_DIR": str(folder)}
    subprocess.run([*command, "--table", str(folder / "table.md")], env=environment, check=True, timeout=250)
    return (folder / "table.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.real
def test_measures_every_shape(tmp_path):
    table = bench(tmp_path, "--warm-only", "--entries", "0")
    for shape in SHAPES:
        assert f"| {shape}, warm | b3sum --check / drp-hash verify |" in table
        assert f"| {shape}, warm | bagit --processes 2 / drp-hash verify sha256 |" in table
    assert "these figures are no result" in table
    for peer in ("rclone", "hashdeep"):
        assert (f"Not measured, since it is not installed: {peer}." in table) == (not shutil.which(peer))


@pytest.mark.slow
@pytest.mark.real
def test_measures_cold_and_scale(tmp_path):
    table = bench(tmp_path, "--shape", "small", "--cold-only", "--entries", "20000")
    assert "| diff | 20000 |" in table
    assert "| verify an empty tree | 20000 |" in table
    assert ("| small, cold | b3sum --check / drp-hash verify |" in table) == (os.geteuid() == 0)


def test_every_ratio_is_told_with_its_aim():
    runs = {"b3sum --check": [Run(2.0, 2.0, 0.1)] * 3, "drp-hash verify": [Run(1.0, 1.0, 0.1)] * 3}
    runs |= {"native, all cores": [Run(0.9, 1.8, 0.1)] * 3, "native, 8 threads, read ahead": [Run(0.8, 1.6, 0.1)] * 3}
    steps = {"diff": Step(1000, 1.0, 50.0, 4)}
    text, missed = page([Section("small", False, runs, 3), Section("small", True, runs, 3)], steps, 1.0, ["rclone"])
    assert "| small, warm | b3sum --check / drp-hash verify | 2.00 | 2.00 | 2.22 | ≥ 2.00 | met |" in text
    assert (
        "| small, cold | b3sum --check / drp-hash verify | 2.00 | 2.00 | 2.50 | ≥ 4.00 | **missed**, beyond the limit |"
        in text
    )
    assert "| small, warm | native, all cores / drp-hash verify | 0.90 | 1.80 |  | ≥ 0.80 | met |" in text
    assert "| diff | 1000 | 1.0 | 0.00 M | ≥ 2 M | 50 | ≤ 128 | **missed** |" in text
    assert "Other programs took\n10% of the processors meanwhile." in text
    assert "Not measured, since it is not installed: rclone." in text
    assert missed == 2
