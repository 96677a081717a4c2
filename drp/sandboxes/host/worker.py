"""The drill worker's own namespaces: born with them, it takes everything it started along when it ends.

`worker_command` wraps its argv: own pid, network and mount namespaces (and a user namespace for a plain user), tied
to the supervisor. `enter_worker` then furnishes the network inside: loopback, the tripwire's addresses, and one door
per repository endpoint, which leads to the gateway. Nothing else can be reached, not even from Ansible's localhost.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from drp.domain.phrase import say
from drp.errors import SandboxError
from drp.sandboxes.host import mounts
from drp.sandboxes.host.identity import standing
from drp.sandboxes.network.endpoint import endpoint_plan
from drp.sandboxes.network.gateway import GatewayClient
from drp.sandboxes.payload.netns import main as netns
from drp.sandboxes.payload.netns import netlink
from drp.sandboxes.proof.tripwire import HOSTS

_HOSTS_FILE = Path("/etc/hosts")
_NAMES_LIMIT = 200


def worker_command(argv: Sequence[str], *, tied_to_parent: bool = True) -> list[str]:
    """Return the argv that runs ``argv`` as a drill worker; unless kept, it dies with the thread that starts it.

    A plain user becomes uid 0 of a user namespace, with its sub-uids where it has any.
    """
    tie = ["setpriv", "--pdeathsig", "KILL"] if tied_to_parent else []
    namespaces = ["--pid", "--net", "--mount", "--fork", "--kill-child=KILL", "--mount-proc"]
    if standing() == "user":
        namespaces = ["--user", "--map-root-user", *(["--map-auto"] if has_sub_ids() else []), *namespaces]
    return [*tie, "unshare", *namespaces, "--", *argv]


def has_sub_ids() -> bool:
    """Return whether this user may map sub-uids and sub-gids, and the tools for it are installed."""
    import pwd  # noqa: PLC0415 - not there on every system, and needed by plain users only
    import shutil  # noqa: PLC0415 - as above

    uid = os.getuid()
    try:
        names = {str(uid), pwd.getpwuid(uid).pw_name}
    except KeyError:  # unshare maps sub-ids only for users that have an account
        return False
    return all(
        _names_one_of(Path(file), names) and shutil.which(tool) is not None
        for file, tool in (("/etc/subuid", "newuidmap"), ("/etc/subgid", "newgidmap"))
    )


def _names_one_of(file: Path, names: set[str]) -> bool:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.split(":")[0] in names for line in lines)


def enter_worker(endpoints: Iterable[tuple[str, int]], gateway: GatewayClient | None) -> None:
    """Furnish the worker's network; call once, first thing. Raises SandboxError.

    Each endpoint (host, port) becomes reachable under its own name, through the gateway; nothing else is.
    """
    try:
        netlink.loopback_up()
        for address in HOSTS:
            if not ipaddress.ip_address(address).is_loopback:
                _add(address)
        names = _open_doors(sorted(set(endpoints)), gateway)
        _write_hosts(names)
    except OSError as error:
        message = say("cannot furnish the drill worker's network: {why}", why=error.strerror or error)
        raise SandboxError(message, hint="start drills through `drp drill run`; see `drp doctor`") from error


def _add(address: str) -> None:
    try:
        netlink.add_address(address)
    except OSError:
        if ":" not in address:  # a host without IPv6 has no IPv6 tripwire
            raise


def _open_doors(endpoints: Sequence[tuple[str, int]], gateway: GatewayClient | None) -> dict[str, str]:
    if endpoints and gateway is None:
        raise SandboxError(
            say("repositories on the network need the gateway"), hint="start drills through `drp drill run`"
        )
    names: dict[str, str] = {}
    for host, port in endpoints:
        if host not in names and len(names) >= _NAMES_LIMIT:
            message = say("more than {most} repository hosts", most=_NAMES_LIMIT)
            raise SandboxError(message)
        plan = endpoint_plan(host, port, names.get(host, f"127.77.0.{len(names) + 1}"))
        for address in plan.addresses:
            netlink.add_address(address)
        for address, listening_port in plan.listeners:
            with netns.listener(address, listening_port) as listener:
                assert gateway is not None
                gateway.relay(listener, host, port)
        names[host] = plan.listeners[0][0]
    return names


def _write_hosts(names: dict[str, str]) -> None:
    """Bind a hosts file of our own over the host's: visible in this mount namespace only."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{address} {host}" for host, address in names.items() if host not in {address, "localhost"}]
    with tempfile.NamedTemporaryFile("w", prefix="drp-hosts-", encoding="ascii") as private:
        private.write("\n".join(lines) + "\n")
        private.flush()
        Path(private.name).chmod(0o644)
        mounts.bind(Path(private.name), _HOSTS_FILE)
