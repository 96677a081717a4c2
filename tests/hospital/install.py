"""Installs the hospital's software: Debian packages, and GNU Health in a virtual environment of its own.

Run as ``python -m tests.hospital.install``. The environment is the *software image* of EHR and LIS: a folder and the
digest of everything in it. It is made for Debian's own python3, so that it works wherever ``/usr`` is bound.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hospital.processes import HospitalError, require_traversable

PACKAGES = (
    "dcmtk",
    "iproute2",
    "mariadb-backup",
    "mariadb-server",
    "orthanc",
    "orthanc-dicomweb",
    "orthanc-mysql",
    "orthanc-postgresql",
    "postgresql",
    "python3",
    "util-linux",
)
_HERE = Path(__file__).parent
_LOCK = _HERE / "gnuhealth.lock"
_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True)
class SoftwareImage:
    """Where an application's software is, and the digest over all of its files."""

    path: Path
    digest: str


def cache_directory() -> Path:
    """Return where what was built on this machine is kept; unprivileged programs can read it."""
    chosen = os.environ.get("DRP_HOSPITAL_CACHE")
    if chosen:
        folder = Path(chosen)
    else:
        folder = _HERE.parents[1] / ".cache" / "hospital"
        try:
            require_traversable(_HERE.parents[1])
        except HospitalError:
            folder = Path("/var/cache/drp-hospital")
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)  # another process of the tests may be as far
        folder.chmod(0o755)
    return folder


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process of this machine build what is kept in the cache; the others wait and then find it."""
    with (cache_directory() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install() -> SoftwareImage:
    """Install what is missing and return GNU Health's software image. Needs root for Debian packages."""
    with one_at_a_time(), ThreadPoolExecutor(2) as pool:
        packages, environment = pool.submit(_install_packages), pool.submit(_install_gnuhealth)
        packages.result()
        return environment.result()


def installed() -> bool:
    """Return whether nothing is missing; needs no rights."""
    try:
        gnuhealth_image()
    except HospitalError:
        return False
    return not _missing_packages()


def gnuhealth_image() -> SoftwareImage:
    """Return the software image of GNU Health; raises ``HospitalError`` when it is not installed."""
    stamp = cache_directory() / "venv.json"
    if not stamp.exists() or json.loads(stamp.read_text())["lock"] != lock_digest():
        raise HospitalError("GNU Health is not installed: run `python -m tests.hospital.install`")
    return SoftwareImage(cache_directory() / "venv", json.loads(stamp.read_text())["digest"])


def orthanc_image() -> SoftwareImage:
    """Return Orthanc's software image: it lives below /usr, and its digest covers every file of its packages."""
    listed = (
        subprocess.run(["dpkg-query", "--control-show", "orthanc", "md5sums"], capture_output=True, check=True).stdout
        + subprocess.run(
            ["dpkg-query", "--control-show", "orthanc-dicomweb", "md5sums"], capture_output=True, check=True
        ).stdout
    )
    lines = []
    for name in sorted(line.split(maxsplit=1)[1] for line in listed.decode().splitlines()):
        path = Path("/", name)
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {name}\n")
    return SoftwareImage(Path("/usr"), hashlib.sha256("".join(lines).encode()).hexdigest())


def tree_digest(root: Path) -> str:
    """Return the SHA-256 over the sorted lines ``digest mode path`` of every file and link below a folder."""
    lines = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in files + [f for f in folders if Path(folder, f).is_symlink()]:
            path = Path(folder, name)
            if path.is_symlink():
                content = f"-> {path.readlink()}"
            else:
                with path.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").hexdigest()
            lines.append(f"{content} {path.lstat().st_mode:o} {path.relative_to(root)}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _missing_packages() -> list[str]:
    wanted = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *PACKAGES], capture_output=True, check=False
    ).stdout.decode()
    present = {line.split()[0] for line in wanted.splitlines() if line.split()[1:2] == ["ii"]}
    if any(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        present.add("postgresql")
    return [package for package in PACKAGES if package not in present]


def _install_packages() -> None:
    missing = _missing_packages()
    if not missing:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:  # Orthanc's package would start it on every address of the machine
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        if subprocess.run(command, env=quiet, capture_output=True, check=False).returncode != 0:
            subprocess.run(["apt-get", "update"], env=quiet, capture_output=True, check=False)
            done = subprocess.run(command, env=quiet, capture_output=True, check=False)
            if done.returncode != 0:
                raise HospitalError(f"apt-get install {' '.join(missing)}:\n{done.stderr.decode()[-2000:]}")
    finally:
        if ours:
            policy.unlink()


def _install_gnuhealth() -> SoftwareImage:
    try:
        return gnuhealth_image()
    except HospitalError:
        pass
    folder = cache_directory() / "venv"
    shutil.rmtree(folder, ignore_errors=True)
    installer = _uv()
    for command in (
        [installer, "venv", "-q", "--python", _PYTHON, str(folder)],
        [installer, "pip", "install", "-q", "--python", str(folder / "bin/python"), "--no-deps", "--require-hashes",
         "--link-mode", "copy", "--compile-bytecode", "-r", str(_LOCK)],
    ):  # fmt: skip
        # hashes instead of time stamps inside the byte code: the same lock gives the same digest on every machine
        stable = {**os.environ, "PYC_INVALIDATION_MODE": "CHECKED_HASH"}
        done = subprocess.run(command, env=stable, capture_output=True, check=False)
        if done.returncode != 0:
            raise HospitalError(f"GNU Health cannot be installed:\n{done.stderr.decode()[-2000:]}")
    # uv copies from its cache with the modes that the umask of an earlier run gave
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    image = SoftwareImage(folder, tree_digest(folder))
    stamp = cache_directory() / "venv.json"
    stamp.write_text(json.dumps({"lock": lock_digest(), "digest": image.digest}))
    return image


def lock_digest() -> str:
    """Return what names the exact set of GNU Health packages."""
    return hashlib.sha256(_LOCK.read_bytes()).hexdigest()


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise HospitalError("uv is not installed: it comes with the project's development dependencies")
    return found


def _renew_lock() -> None:
    """Resolve again, keeping hashes and dropping addresses and psycopg2's source (psycopg2-binary provides it)."""
    command = [_uv(), "pip", "compile", "-q", "--upgrade", "--generate-hashes", "--no-emit-index-url",
               "--no-emit-find-links", "--no-header", "--no-annotate", "--python", _PYTHON, str(_HERE / "gnuhealth.in")]  # fmt: skip
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    blocks: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith((" ", "\t")) and blocks:
            blocks[-1] += line
        else:
            blocks.append(line)
    head = [line for line in _LOCK.read_text().splitlines(keepends=True) if line.startswith("#")]
    _LOCK.write_text("".join(head + [block for block in blocks if not block.startswith("psycopg2==")]))


if __name__ == "__main__":
    if "--lock" in sys.argv:
        _renew_lock()
    else:
        image = install()
        print(f"GNU Health: {image.path}\ndigest: sha256:{image.digest}")
