"""Compiles `module.c` while the wheel is built: with the C compiler, OpenSSL, and BLAKE3's own C sources or library.

BLAKE3 is taken from the system: from the folder that ``DRP_BLAKE3_SOURCES`` names, from Debian's librust-blake3-dev,
or from libblake3. It is not part of this package. With ``DRP_BLAKE3_KNOWN``, as for wheels that leave the machine, only
sources are taken whose digest stands in ``blake3.sums``.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_REGISTRY = Path("/usr/share/cargo/registry")
_STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
_COMMON = ["-O3", "-fPIC", "-fvisibility=hidden", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"]
_PORTABLE = ("blake3.c", "blake3_dispatch.c", "blake3_portable.c")
_KNOWN = Path(__file__).with_name("blake3.sums")
_BY_MACHINE = {"x86_64": "blake3_*_x86-64_unix.S", "aarch64": "blake3_neon.c"}


class BuildModule(BuildHookInterface[Any]):
    """Adds the compiled module to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; the wheel fits this machine and every Python from 3.11 on (the stable ABI)."""
        del version
        module = Path(self.directory) / "drp_hash_native.abi3.so"
        compile_module(Path(self.root) / "module.c", module)
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["force_include"] = {
            str(module): module.name,
            str(Path(self.root) / "drp_hash_native.pyi"): "drp_hash_native.pyi",
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what is in the wheel now."""
        del version, build_data, artifact_path
        (Path(self.directory) / "drp_hash_native.abi3.so").unlink(missing_ok=True)


def compile_module(source: Path, module: Path) -> None:
    """Compile ``source`` into ``module``. Raises ``CalledProcessError``, ``RuntimeError`` when BLAKE3 is missing."""
    module.parent.mkdir(parents=True, exist_ok=True)
    compiler = shlex.split(os.environ.get("CC", "cc"))
    extra = shlex.split(os.environ.get("CFLAGS", ""))
    include = f"-I{sysconfig.get_paths()['include']}"
    sources = blake3_sources()
    units, flags, libraries = [], [], ["-lcrypto"]
    if os.environ.get("DRP_BLAKE3_KNOWN"):
        require_known(sources)
    if sources is not None:
        pattern = _BY_MACHINE.get(os.uname().machine)
        units = [sources / name for name in _PORTABLE] + (sorted(sources.glob(pattern)) if pattern else [])
        flags = [f"-I{sources}"]
    elif shutil.which("pkg-config") and not subprocess.run(["pkg-config", "--exists", "libblake3"]).returncode:
        told = subprocess.run(["pkg-config", "--cflags", "--libs", "libblake3"], check=True, capture_output=True)
        libraries += shlex.split(told.stdout.decode())
    else:
        raise RuntimeError("no BLAKE3 in C: install librust-blake3-dev or libblake3-dev, or set DRP_BLAKE3_SOURCES")
    own = module.with_suffix(".o")
    first = [*compiler, *_COMMON, *_STRICT, *extra, include, *flags, "-c", str(source), "-o", str(own)]
    subprocess.run(first, check=True)
    last = [*compiler, *_COMMON, *extra, *flags, "-shared", str(own), *map(str, units), "-o", str(module), *libraries]
    subprocess.run([*last, "-Wl,-z,relro,-z,now", "-Wl,--strip-debug"], check=True)
    own.unlink()


def blake3_sources() -> Path | None:
    """Return the folder with BLAKE3's C sources, or None."""
    named = os.environ.get("DRP_BLAKE3_SOURCES")
    found = [Path(named)] if named else sorted(_REGISTRY.glob("blake3-*/c"))
    return next((folder for folder in reversed(found) if (folder / "blake3.c").exists()), None)


def require_known(sources: Path | None) -> None:
    """Refuse sources of BLAKE3 that are not listed. Raises ``RuntimeError``."""
    found = sources_digest(sources) if sources is not None else "none"
    if found not in {line.split()[0] for line in _KNOWN.read_text().splitlines() if line and not line.startswith("#")}:
        raise RuntimeError(f"these sources of BLAKE3 are not known ({sources}: {found}): see {_KNOWN.name}")


def sources_digest(sources: Path) -> str:
    """Return the SHA-256, hex, over names and digests of everything that is compiled, as sha256sum would list it."""
    files = sorted(path for path in sources.iterdir() if path.suffix in {".c", ".h", ".S"})
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
