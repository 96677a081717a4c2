"""The optional compiled core is a wheel of its own, and holds out under the sanitizers."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "drp" / "hashing" / "native"
STRESS = Path(__file__).resolve().parents[1] / "support" / "accelerator_stress.py"
BUILD = "import sys, hatchling.build as build; print(build.build_wheel(sys.argv[1]))"


def environment() -> dict[str, str]:
    """Return where BLAKE3's sources are, as `make accelerator` finds them."""
    setup = Path(__file__).resolve().parents[1] / "setup" / "blake3.sh"
    cache = NATIVE.parents[2] / ".cache"
    told = subprocess.run(["sh", str(setup), str(cache)], capture_output=True, text=True, check=True)
    return {**os.environ, **({"DRP_BLAKE3_SOURCES": told.stdout.strip()} if told.stdout.strip() else {})}


def built(folder: Path, **extra: str) -> Path:
    """Return a freshly built wheel, unpacked."""
    command = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(command, cwd=NATIVE, env={**environment(), **extra}, check=True, capture_output=True, timeout=200)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return wheel


def test_is_a_wheel_for_every_python_of_this_machine(tmp_path):
    wheel = built(tmp_path)
    assert wheel.name.startswith("drproof_hash_native-")
    assert "-cp311-abi3-linux_" in wheel.name
    found = {path.name for path in (tmp_path / "unpacked").iterdir() if path.is_file()}
    assert found == {"drp_hash_native.abi3.so", "drp_hash_native.pyi"}
    assert {path.name for path in tmp_path.iterdir()} == {wheel.name, "unpacked"}
    shown = subprocess.run(
        [Path(sys.executable).with_name("auditwheel"), "show", wheel], capture_output=True, text=True, check=True
    )
    needed = set(re.findall(r"\blib[\w+-]+\.so[.\d]*", shown.stdout))
    assert {"libc.so.6"} <= needed <= {"libc.so.6", "libcrypto.so.3"}, "the machine's own, and nothing else"


def test_wheels_that_leave_the_machine_are_of_known_sources(tmp_path):
    spec = importlib.util.spec_from_file_location("build_module", NATIVE / "build_module.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("blake3.c", "blake3.h", "blake3_sse2_x86-64_unix.S", "README.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sums").write_text(f"# digest and version\n{module.sources_digest(tmp_path)}  0.0\n")
    with pytest.raises(RuntimeError, match="not known"):
        module.require_known(tmp_path)
    module._KNOWN = tmp_path / "sums"
    module.require_known(tmp_path)
    (tmp_path / "README.md").write_text("not compiled")
    module.require_known(tmp_path)
    (tmp_path / "blake3.h").write_text("another")
    for sources in (tmp_path, None):
        with pytest.raises(RuntimeError, match="not known"):
            module.require_known(sources)


def test_says_what_is_missing(tmp_path):
    changed = {**os.environ, "DRP_BLAKE3_SOURCES": str(tmp_path), "PATH": str(Path(sys.executable).parent)}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        cwd=NATIVE,
        env=changed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert "install librust-blake3-dev or libblake3-dev" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", ["address", "undefined"])
def test_holds_out_under_a_sanitizer(tmp_path, sanitizer):
    built(tmp_path, CFLAGS=f"-fsanitize={sanitizer} -fno-sanitize-recover=all -g")
    library = {"address": "libasan.so", "undefined": "libubsan.so"}[sanitizer]
    told = subprocess.run(["cc", f"-print-file-name={library}"], capture_output=True, text=True, check=True)
    changed = {
        **os.environ,
        "LD_PRELOAD": str(Path(told.stdout.strip()).resolve()),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter keeps much until its end; the script watches growth
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(tmp_path / "unpacked"),
    }
    (tmp_path / "work").mkdir()
    command = [sys.executable, str(STRESS), str(tmp_path / "work"), str(tmp_path / "unpacked")]
    done = subprocess.run(command, env=changed, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "sound"
