"""The tripwire: what a sandbox must not reach, made reachable for its host uid on purpose.

Listeners, a secret, a repository and a process that belong to the very uid the sandbox has on the host, so that only
the sandbox can be the reason for a denial. It counts every hit and shows whether it is still whole.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from drp.command import Process, start
from drp.domain.phrase import say
from drp.errors import SandboxError
from drp.sandboxes.host.identity import standing
from drp.sandboxes.host.layout import LiveDirectory, new_id
from drp.sandboxes.host.processes import finish
from drp.sandboxes.network.hearing import Hearing
from drp.sandboxes.network.recorder import NAME
from drp.sandboxes.packing import PYTHON

HOSTS = ("127.0.0.1", "192.0.2.2", "::1", "fd00::2")
ENVIRONMENT_VARIABLE = "DRP_TRIPWIRE"
_FIRST_DECOY = 20_000
_DECOY_SECONDS = 120
_UDP_LITE = 136

NONCE = secrets.token_hex(12)
"""This process's own secret: it is put into our environment, which no sandbox may see."""


_Answer = Callable[[socket.socket, Callable[[], None]], None]
"""Takes one thing from a socket, tells that somebody was there, and answers him."""


def plant() -> None:
    """Put the secret into our own environment, before any sandbox starts: none may ever see it there."""
    os.environ[ENVIRONMENT_VARIABLE] = NONCE


class Tripwire:
    """Alive between construction and ``close``."""

    def __init__(
        self, parent: Path, uid: int, hosts: Sequence[str] = HOSTS, *, avoid: frozenset[int] = frozenset()
    ) -> None:
        """Set everything up for the host uid of a sandbox; hosts that cannot be bound are left out of ``targets``.

        Ports to ``avoid`` are listened on inside: the probe must not talk to restored software.
        """
        self._avoid = avoid
        self._hits: list[str] = []
        self._ears: list[Hearing] = []
        self._sockets: list[socket.socket] = []
        self._live = LiveDirectory(parent, new_id())
        self._live.record(kind="tripwire")
        self.directory = self._live.path
        self._abstract = f"drp-tripwire-{self.directory.name}"
        self._uid = uid
        self._decoy: Process | None = None
        try:
            self._make_files()
            self.hosts, ports = self._listen(hosts)
            self._decoy = self._start_decoy()
            self.digest = self._measure()
            self.production_ports = [_free(port, avoid) for port in (2575, 25)]
        except BaseException:
            self.close()
            raise
        # drawn for each proof, so that what others attempt meanwhile is not taken for the probe's
        self.production = ".".join(map(str, (10, *(secrets.randbelow(254) + 1 for _ in range(3)))))
        self.name = f"drp-{secrets.token_hex(8)}.example"
        self.ports = ports
        self.targets: dict[str, object] = {
            "nonce": NONCE,
            "marker": f"drp-marker-{NONCE}",
            "hosts": self.hosts,
            "tcp_port": ports[0],
            "udp_port": ports[1],
            "dns_port": ports[2],
            "vsock_port": ports[0],
            "production": self.production,
            "production_ports": self.production_ports,
            "name": self.name,
            "unix_path": str(self.directory / "docker.sock"),
            "abstract": self._abstract,
            "secrets": [str(self.directory / "secret"), "/etc/shadow", str(Path.home() / ".bashrc")],
            "repository": str(self.directory / "repository"),
            "process": self._decoy.pid,
        }

    def _make_files(self) -> None:
        repository = self.directory / "repository"
        repository.mkdir()
        made = [repository, repository / "chunk0", repository / "chunk1", self.directory / "secret"]
        for path in made[1:3]:
            path.write_bytes(secrets.token_bytes(4096))
        made[3].write_text(f"repository-password={NONCE}", encoding="ascii")
        for path in made:
            os.chown(path, self._uid, self._uid)

    def _listen(self, hosts: Sequence[str]) -> tuple[list[str], tuple[int, int, int]]:
        for _ in range(20):
            base = 20_000 + secrets.randbelow(10_000)
            if not self._avoid.isdisjoint(range(base, base + 3)):
                continue
            try:
                bound = [host for host in hosts if self._listen_at(host, base)]
            except OSError:  # the port is taken: try others
                self._close_sockets()
                continue
            self._listen_unix()
            return bound, (base, base + 1, base + 2)
        raise SandboxError(say("no free ports for the isolation tripwire"))

    def _listen_at(self, host: str, base: int) -> bool:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as trial:
                trial.bind((host, 0))
        except OSError:  # no such address on this host, or no IPv6 at all
            return False
        listener = self._open(family, socket.SOCK_STREAM)
        listener.bind((host, base))
        listener.listen(8)
        self._hear(_answer_stream, listener, f"tcp {host}")
        for offset, name in ((1, "udp"), (2, "dns")):
            channel = self._open(family, socket.SOCK_DGRAM)
            channel.bind((host, base + offset))
            self._hear(_answer_datagram, channel, f"{name} {host}")
        with suppress(OSError):  # a kernel that does not know it
            lite = self._open(family, socket.SOCK_DGRAM, _UDP_LITE)
            lite.bind((host, base + 1))
            self._hear(_answer_datagram, lite, f"udplite {host}")
        return True

    def _listen_unix(self) -> None:
        path = self.directory / "docker.sock"
        for address in (str(path), f"\0{self._abstract}"):
            listener = self._open(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(address)
            listener.listen(8)
            self._hear(_answer_stream, listener, "unix " + address.replace("\0", "@"))
        path.chmod(0o666)

    def _open(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        opened = socket.socket(family, kind, protocol)
        self._sockets.append(opened)
        return opened

    def _hear(self, answer: _Answer, channel: socket.socket, name: str) -> None:
        def hit() -> None:
            self._hits.append(name)

        who = say("the isolation tripwire ({channel})", channel=name.partition(" ")[0])
        self._ears.append(Hearing(channel, lambda heard: answer(heard, hit), who=who))

    def _start_decoy(self) -> Process:
        # a high number, so that it is not that of some process inside
        with suppress(OSError):
            Path("/proc/sys/kernel/ns_last_pid").write_text(
                str(_FIRST_DECOY + secrets.randbelow(10_000)), encoding="ascii"
            )
        become = ["setpriv", "--pdeathsig", "KILL"]
        if standing() != "user" and self._uid != os.geteuid():
            become += ["--reuid", str(self._uid), "--regid", str(self._uid), "--clear-groups"]
        program = f"import time; time.sleep({_DECOY_SECONDS})"
        argv = [*become, PYTHON, "-I", "-S", "-c", program, f"drp-marker-{NONCE}"]
        decoy = start(argv, environment={"SECRET": NONCE})
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with suppress(OSError):
                if Path(f"/proc/{decoy.pid}/cmdline").read_bytes().startswith(PYTHON.encode()):
                    return decoy
            time.sleep(0.002)
        decoy.kill()
        finish(decoy, 5)
        raise SandboxError(say("the isolation tripwire's process did not start"))

    def _measure(self) -> dict[str, str]:
        repository = self.directory / "repository"
        found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(repository.iterdir())}
        return {**found, "mode": oct((repository / "chunk0").stat().st_mode)}

    def production_targets(self) -> dict[str, tuple[str, int]]:
        """Return which address of production each check of that kind tries."""
        mllp, smtp = self.production_ports
        return {"net.mllp:production": (self.production, mllp), "net.smtp:production": (self.production, smtp)}

    def destinations(self) -> list[tuple[str, int]]:
        """Return everything that the probe will try to send to, as an egress recorder sees it."""
        hosts = [(host, port) for host in HOSTS for port in self.ports]
        return [*self.production_targets().values(), *hosts, (f"{NAME}{self.name}", 53)]

    def hits(self) -> int:
        """Return how often somebody reached it. Raises SandboxError where nobody listens any more."""
        for each in self._ears:
            each.catch_up()
        return len(self._hits)

    def rearm(self) -> None:
        """Begin to count anew: what the positive control did is not the sandbox's doing."""
        self.hits()
        self._hits.clear()
        self.digest = self._measure()

    def intact(self) -> bool:
        """Return whether files are as they were and the process is alive."""
        try:
            same = self._measure() == self.digest
        except OSError:  # who takes the files away has been outside as well
            same = False
        return same and self._decoy is not None and self._decoy.poll() is None

    def close(self) -> None:
        """Take everything down."""
        if self._decoy is not None:
            self._decoy.kill()
            finish(self._decoy, 5)
        self._close_sockets()
        shutil.rmtree(self.directory, ignore_errors=True)
        self._live.release()

    def _close_sockets(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for ear in self._ears:
            ear.close()
        self._sockets.clear()
        self._ears.clear()


def _free(port: int, avoid: frozenset[int]) -> int:
    """Return the port, or the next one that is not to be avoided."""
    return next(each for each in range(port, 1 << 16) if each not in avoid)


def _answer_stream(listener: socket.socket, hit: Callable[[], None]) -> None:
    peer, _ = listener.accept()
    with peer, suppress(OSError):
        hit()
        peer.settimeout(0.5)
        peer.recv(128)
        peer.sendall(b"tripwire " + NONCE.encode())


def _answer_datagram(channel: socket.socket, hit: Callable[[], None]) -> None:
    _, sender = channel.recvfrom(512)
    if sender is None:
        raise OSError(say("it was shut down"))
    hit()
    with suppress(OSError):
        channel.sendto(NONCE.encode(), sender)
