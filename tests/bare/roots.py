"""Minimal roots of Debian releases, and layers over them that are thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bare import host

CHECKOUT = Path(__file__).resolve().parents[2]
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_ACCOUNT = "nurse"
_UID = 1000
_SECONDS = 1800


class CannotBuild(Exception):
    """A root cannot be had here; the message says why."""


def clone(work: Path) -> Path:
    """Clone what is committed here, once a run: every machine gets the same, whatever is done to this checkout meanwhile."""
    made = work / "clone"
    if not made.exists():
        settings = ["-c", "safe.directory=*", "-c", "advice.detachedHead=false"]
        words = ["git", *settings, "clone", "--quiet", "--no-hardlinks", str(CHECKOUT), str(made)]
        subprocess.run(words, check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})
    return made


def build(release: str, work: Path) -> Path:
    """Make a release's minimal root once a run: python3, make, sudo and a user without any rights."""
    root = work / release
    if root.exists():
        return root
    sources = host.sources(release)
    if not sources:
        raise CannotBuild("this machine takes no packages of Debian: `make bare` needs its archive")
    options = work / "apt-options"
    options.write_text(host.apt_options())
    words = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,make,sudo", f"--keyring={_KEYRING}"]
    words += [f"--aptopt={options}", release, str(root), *sources]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBuild(f"mmdebstrap ended with {done.returncode}: {done.stderr.strip()[-1500:]}")
    account = f"useradd --create-home --key HOME_MODE=0700 --shell /bin/bash --uid {_UID} {_ACCOUNT}".split()
    subprocess.run(["chroot", str(root), *account], check=True)
    return root


@dataclass(frozen=True)
class Machine:
    """A layer over a root, with a clean clone in somebody's home."""

    root: Path
    user: str
    entry: Path
    """The script that makes a root the whole world of a command."""
    umask: str

    @property
    def home(self) -> str:
        return "/root" if self.user == "root" else f"/home/{self.user}"

    def run(self, script: str, log: Path) -> int:
        """Run a shell script from the clone as the user, in a login's bare environment; returns its exit status.

        Everything that it started is gone afterwards. Output is kept in ``log``.
        """
        path = "/usr/local/bin:/usr/bin:/bin"
        become = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "--"]
        if self.user == "root":
            path, become = f"/usr/local/sbin:/usr/sbin:/sbin:{path}", []
        environment = {"HOME": self.home, "USER": self.user, "LOGNAME": self.user, "PATH": path, **host.variables()}
        namespaces = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--"]
        enter = ["sh", str(self.entry), str(self.root)]
        words = ["setpriv", "--pdeathsig", "KILL", "--", *namespaces, *enter]
        words += ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *become]
        with log.open("ab") as sink:
            return subprocess.run(
                [*words, "sh", "-c", f"umask {self.umask}; cd {self.home}/drp && {script}"],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, timeout=_SECONDS, check=False,
            ).returncode  # fmt: skip


@contextmanager
def machine(base: Path, work: Path, user: str, *, sudo: bool) -> Iterator[Machine]:
    """Lay a machine over a root; downloads are shared between the machines of one run, nothing else is.

    Root's umask is that of a hardened machine: what root makes is closed to others, the clone too.
    """
    layer, cloned = work / "layer", clone(work)
    shutil.rmtree(layer, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (layer / name).mkdir(parents=True)
    with ExitStack() as stack:
        merged = layer / "root"
        _mount(stack, ["-t", "overlay", "overlay", "-o", _options(base, layer)], merged)
        made = Machine(merged, user, cloned / "tests/bare/enter.sh", "077" if user == "root" else "022")
        home = merged / made.home.lstrip("/")
        host.furnish(merged, home)
        with (merged / "etc/hosts").open("a") as hosts:
            hosts.write("127.0.0.1 bare\n")
        if sudo:
            (merged / "etc/sudoers.d" / user).write_text(f"{user} ALL=(ALL:ALL) NOPASSWD: ALL\n")
        for path in host.folders():
            _mount(stack, ["--bind", "-o", "ro", str(path)], _place(merged, path))
        _share(stack, work, merged, base.name)
        subprocess.run(["cp", "-a", str(cloned), str(home / "drp")], check=True)
        if user == "root":
            subprocess.run(["chmod", "-R", "go=", str(home / "drp")], check=True)
        else:
            subprocess.run(["chown", "-hR", f"{_UID}:{_UID}", str(home)], check=True)
        yield made
    shutil.rmtree(layer)


def _options(base: Path, layer: Path) -> str:
    options: Mapping[str, Path] = {"lowerdir": base, "upperdir": layer / "upper", "workdir": layer / "work"}
    return ",".join(f"{name}={path}" for name, path in options.items())


def _share(stack: ExitStack, work: Path, merged: Path, release: str) -> None:
    """Share what was downloaded: packages of a release, and what pip and uv keep for a user."""
    for name, owner, inside in (
        (f"archives-{release}", 0, "var/cache/apt/archives"),
        ("cache-root", 0, "root/.cache"),
        ("cache-user", _UID, f"home/{_ACCOUNT}/.cache"),
    ):
        kept = work / name
        kept.mkdir(exist_ok=True)
        os.chown(kept, owner, owner)
        _mount(stack, ["--bind", str(kept)], _place(merged, Path("/") / inside, folder=True))


def _place(merged: Path, path: Path, *, folder: bool = False) -> Path:
    place = merged / str(path).lstrip("/")
    if folder or path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return place


def _mount(stack: ExitStack, words: list[str], target: Path) -> None:
    subprocess.run(["mount", *words, str(target)], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", str(target)], check=False)
