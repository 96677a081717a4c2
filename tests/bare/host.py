"""How this machine reaches the archive and the index: read at run time, so that no address stands in the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

_VARIABLES = re.compile(
    r"(PIP|UV)_.*|(https?|all|no)_proxy|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE", re.IGNORECASE
)
_APT = re.compile(r"Acquire::(https?|Check-\S+|Retries|ForceIPv[46])\b")
_SYSTEM_FILES = ("etc/pip.conf", "etc/xdg/pip", "etc/uv/uv.toml", "etc/apt/auth.conf", "etc/apt/auth.conf.d")
_HOME_FILES = (".config/pip", ".pip", ".config/uv", ".netrc")
_CERTIFICATES = ("etc/ssl/certs/ca-certificates.crt", "usr/local/share/ca-certificates")


def variables() -> dict[str, str]:
    """Return the environment that leads to the index: proxies, certificates, settings of pip and uv."""
    return {name: value for name, value in os.environ.items() if _VARIABLES.fullmatch(name)}


def sources(release: str) -> list[str]:
    """Return sources of a Debian release from where this machine takes its own; empty where it takes no Debian."""
    form = "$(ORIGIN)|$(REPO_URI)|$(COMPONENT)|$(CODENAME)"
    words = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    found = []
    for suffix in ("", "-updates", "-security"):
        for origin, uri, component, suite in (line.split("|") for line in told):
            same = suite.endswith(suffix) if suffix else "-" not in suite
            if origin == "Debian" and component == "main" and same:
                found.append(f"deb {uri} {release}{suffix} main")
                break
    return found


def apt_options() -> str:
    """Return what apt is told about proxies, certificates and checks, in its own form."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if _APT.match(line))


def furnish(root: Path, home: Path) -> None:
    """Copy into a root what pip, uv and TLS read on this machine."""
    for name in (*_SYSTEM_FILES, *_CERTIFICATES, "etc/resolv.conf", "etc/hosts"):
        _copy(Path("/") / name, root / name)
    for name in _HOME_FILES:
        _copy(Path.home() / name, home / name)
    (root / "etc/apt/apt.conf.d/50host").write_text(apt_options())


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def folders() -> list[Path]:
    """Return the local folders and files, such as wheels and constraints, that settings of pip and uv name."""
    texts = list(variables().values())
    for file in [Path("/") / name for name in _SYSTEM_FILES] + [Path.home() / name for name in _HOME_FILES]:
        texts += [each.read_text() for each in ([file] if file.is_file() else file.glob("*")) if each.is_file()]
    named = re.findall(r"(?:file://)?(/[^\s'\",:;]+)", "\n".join(texts))
    apart = (Path("/etc"), Path("/proc"), Path("/dev"))
    found = {path.resolve() for path in map(Path, named) if path.exists()}
    return sorted(path for path in found if not any(path.is_relative_to(each) for each in apart) and path != Path("/"))
