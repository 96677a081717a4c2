"""The benchmark itself works: small trees, one round, real programs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("shape", ["small", "images", "volumes", "mixed"])
def test_measures_every_shape(tmp_path, shape):
    command = [sys.executable, "-m", "tests.benchmarks.hashing", "--shape", shape, "--scale", "0.02", "--rounds", "1"]
    environment = {**os.environ, "DRP_BENCH_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=250)
    assert "| drp-hash verify |" in done.stdout
    assert "| b3sum --check / drp-hash verify |" in done.stdout


@pytest.mark.slow
def test_measures_scale(tmp_path):
    command = [sys.executable, "-m", "tests.benchmarks.hashing_scale", "200000"]
    environment = {**os.environ, "DRP_BENCH_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=250)
    assert "| diff (4) |" in done.stdout
    assert "| verify an empty tree (200000) |" in done.stdout
