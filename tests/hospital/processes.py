"""Programs of the hospital: run to their end or left running, as unprivileged users, in its network namespace."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hospital-spawner")
"""Programs that stay die with the thread that started them (PDEATHSIG), so one thread that never ends starts all."""


class HospitalError(RuntimeError):
    """Something of the hospital does not work; the message ends with the last lines of what it said."""


@dataclass(frozen=True)
class User:
    """Whom a program runs as; a number needs no account on the machine."""

    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> User:
        """Return the account of a Debian package."""
        import pwd

        entry = pwd.getpwnam(name)
        return cls(entry.pw_uid, entry.pw_gid)


ROOT = User(0, 0)


@dataclass
class Namespace:
    """A network of its own without a way out; Orthanc 1.10 binds every address, so nothing runs outside of it."""

    name: str = field(default_factory=lambda: f"drp-hospital-{os.getpid()}-{secrets.token_hex(4)}")
    addresses: tuple[str, ...] = ()
    _home: int | None = None

    def create(self) -> None:
        """Make it, with loopback up and the hospital's addresses on it; remove those of hospitals that were killed."""
        for left in Path("/run/netns").glob("drp-hospital-*-*"):
            if not Path("/proc", left.name.split("-")[2]).exists():
                run(["ip", "netns", "delete", left.name], check=False)
        run(["ip", "netns", "add", self.name])
        for words in (["link", "set", "lo", "up"], *(["addr", "add", f"{a}/32", "dev", "lo"] for a in self.addresses)):
            run(["ip", "-n", self.name, *words])

    def destroy(self) -> None:
        """Remove it by name; safe to call again."""
        if Path("/run/netns", self.name).exists():
            run(["ip", "netns", "delete", self.name], check=False)

    def prefix(self) -> list[str]:
        """Return the words that run a command inside."""
        return ["ip", "netns", "exec", self.name]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread inside: sockets opened meanwhile belong to the namespace for good."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(there)
            os.close(home)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace (root is needed)")


def as_user(user: User, argv: Sequence[str], *, dies_with_parent: bool = False) -> list[str]:
    """Return the words that run a command as somebody without any capability."""
    death = ["--pdeathsig", "KILL"] if dies_with_parent else []
    return ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", *death, "--", *argv]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of a program: nothing of ours. Tryton asks for a login name, account or not."""
    base = {
        "PATH": PATH,
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "LOGNAME": "hospital",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**base, **(extra or {})}


def copy(source: Path, target: Path) -> None:
    """Copy a file or a tree, with its attributes, in place of what is there: cp alone would put a tree inside it."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    run(["cp", "-a", "--reflink=auto", "--no-target-directory", str(source), str(target)])


def run(
    argv: Sequence[str],
    *,
    user: User = ROOT,
    namespace: Namespace | None = None,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    timeout: float = 1200,
    check: bool = True,
    output: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end. With ``output`` its standard output goes to that file. Raises ``HospitalError``."""
    words = as_user(user, argv) if user != ROOT else list(argv)
    words = [*(namespace.prefix() if namespace else []), *words]
    with open(output or os.devnull, "wb") as sink:
        done = subprocess.run(
            words,
            input=stdin,
            stdout=sink if output else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(extra),
            timeout=timeout,
            cwd="/",
            check=False,
        )
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout or b"").decode("utf-8", "replace").strip().splitlines()[-12:]
        raise HospitalError(f"{Path(argv[0]).name} ended with {done.returncode}:\n" + "\n".join(said))
    return done


@dataclass
class Daemon:
    """A program that stays, and where it logs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        user: User,
        namespace: Namespace,
        log: Path,
        extra: Mapping[str, str] | None = None,
    ) -> Daemon:
        """Start it; it dies with this process."""
        log.parent.mkdir(parents=True, exist_ok=True)

        def spawn() -> subprocess.Popen[bytes]:
            with log.open("ab") as sink:
                return subprocess.Popen(
                    [*namespace.prefix(), *as_user(user, argv, dies_with_parent=True)],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=environment(extra),
                    cwd="/",
                    start_new_session=True,
                )

        return cls(name, _spawner.submit(spawn).result(), log)

    @property
    def running(self) -> bool:
        """Return whether it is alive."""
        return self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout: float = 240) -> float:
        """Wait until it is ready and return how long that took. Raises ``HospitalError`` with the end of its log."""
        started = time.monotonic()
        while time.monotonic() - started < timeout:
            if not self.running:
                raise HospitalError(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")
            with suppress(OSError, HospitalError):
                if ready():
                    return time.monotonic() - started
            time.sleep(0.03)
        raise HospitalError(f"{self.name} was not ready after {timeout:.0f} s:\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30) -> None:
        """Ask it to end and wait for its real end; Orthanc merges its write-ahead log only then."""
        if self.running:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it and its whole session at once, as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def in_parallel(*works: Callable[[], object]) -> list[object]:
    """Do several things at once and return their results in order; the first failure is raised."""
    with ThreadPoolExecutor(max_workers=len(works)) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


def hand_over(path: Path, user: User) -> Path:
    """Make a folder that belongs to somebody, private to them."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, user.uid, user.gid)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str, user: User) -> Path:
    """Write a file that only its owner can read, such as a configuration with a password."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    os.chown(path, user.uid, user.gid)
    return path


def require_traversable(path: Path) -> None:
    """Raise ``HospitalError`` unless unprivileged programs can get into a folder."""
    for folder in (path.resolve(), *path.resolve().parents):
        if not folder.stat().st_mode & 0o001:
            raise HospitalError(
                f"{folder} is closed to other users, and the databases of the hospital do not run as root: "
                f"choose a work folder such as /var/tmp/hospital, or `chmod o+x {folder}`"
            )


class Stopwatch:
    """Names and times what the rig does, for the demo's output."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Time a piece of work."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self.times[name] = self.times.get(name, 0.0) + time.monotonic() - started
