"""The isolation proof of one sandbox, in three legs: the same probe outside, inside, and the tripwire's verdict.

Outside it runs as the sandbox's host uid and must reach its targets, or its denials inside would prove nothing.
Inside every check must be denied. At the end the tripwire must have seen nothing. An address of production that
answers inside is denied only if this sandbox's own recorder saw the attempt arrive: then it went nowhere.
What stands in the sandbox's root, and what can be written there, must be what drp put there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from drp.command import run
from drp.domain.check import Execution
from drp.domain.first_fatal import first_fatal
from drp.domain.phrase import quoted, say
from drp.domain.sandbox import IsolationProof, ProbeCheck
from drp.domain.strict_json import Limits, parse_object
from drp.errors import SandboxError
from drp.sandboxes.client import AgentClient
from drp.sandboxes.host.identity import standing
from drp.sandboxes.network.recorder import EgressRecorder
from drp.sandboxes.packing import PYTHON, packed_probe
from drp.sandboxes.proof.answers import FOR_WRITING, NOT_OURS, ON_ITS_OWN_LOOPBACK, UNSAID, meaning
from drp.sandboxes.proof.tripwire import Tripwire

_SECONDS = 40.0
_ANSWER = Limits(size=1 << 20, largest=0, half_pairs=True)
_CHECKS_LIMIT = 500
_ALWAYS_REACHED = (
    "unix.path",
    "unix.abstract",
    "fs.read:environ-of-canary",
    "repo.overwrite",
    "repo.create",
    "repo.rename",
    "repo.chmod",
    "repo.utime",
    "proc.kill",
    "proc.visible",
)
_WRITABLE = {"data", "dev", "proc", "run", "tmp"}
"""Of /dev and /proc only parts are: the probe tries what could do harm there."""
_PLACES = _WRITABLE | {"bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr"}


Saw = Callable[[str, int], bool]


def prove(
    client: AgentClient,
    *,
    host_uid: int,
    parent: Path,
    recorder: EgressRecorder | None,
    places: Iterable[str] = (),
    interfaces: Sequence[str] = ("lo",),
) -> IsolationProof:
    """Return the proof for the sandbox behind ``client``, whose commands have ``host_uid`` on the host.

    ``recorder`` is asked whether an attempt to reach production arrived there, and does not keep the probe's.
    ``places`` are where drp bound something read-only, ``interfaces`` all that the sandbox may have.
    """
    started = time.monotonic()
    tripwire = Tripwire(parent, host_uid, avoid=recorder.busy_ports() if recorder is not None else frozenset())
    saw: Saw = recorder.saw if recorder is not None else lambda _destination, _port: False
    try:
        if recorder is not None:
            recorder.disregard(tripwire.destinations())
        reached, _ = _read(_outside(tripwire, host_uid))
        expected = {*_ALWAYS_REACHED, f"fs.read:{tripwire.directory / 'secret'}"}
        expected |= {f"net.{kind}:{host}" for host in tripwire.hosts for kind in ("tcp", "udp", "dns-udp")}
        able = {each.id for each in reached if each.outcome == "allowed"}
        tripwire.rearm()
        checks, facts = _read(_inside(client, {**tripwire.targets, "interfaces": list(interfaces)}))
        checks = (*(_judge(each, tripwire.production_targets(), saw) for each in checks), *_foreign(facts, places))
        left_out = {each.id for each in reached} - {each.id for each in checks}
        return IsolationProof(
            denied=sum(each.outcome == "denied" for each in checks),
            allowed=sum(each.outcome == "allowed" for each in checks),
            errors=sum(each.outcome == "error" for each in checks) + len(left_out),
            control_reached=len(able),
            control_missed=tuple(sorted(expected - able)),
            canary_hits=tripwire.hits(),
            canary_intact=tripwire.intact(),
            checks=tuple(_anonymous(each, tripwire) for each in checks),
            facts={**facts, "canary_hosts": tripwire.hosts, "known_interfaces": list(interfaces)},
            duration_ms=int((time.monotonic() - started) * 1000),
        )
    finally:
        tripwire.close()


def _outside(tripwire: Tripwire, host_uid: int) -> bytes:
    probe = tripwire.directory / "probe"  # where the sandbox's uid can read it
    probe.write_text(packed_probe(), encoding="ascii")
    probe.chmod(0o644)
    argv = [PYTHON, "-I", "-S", str(probe)]
    if standing() != "user" and host_uid != os.geteuid():
        argv = ["setpriv", "--reuid", str(host_uid), "--regid", str(host_uid), "--clear-groups", *argv]
    targets = json.dumps({**tripwire.targets, "control": True}).encode()
    return run(argv, timeout_seconds=_SECONDS, stdin=targets).stdout.encode()


def _inside(client: AgentClient, targets: Mapping[str, object]) -> bytes:
    argv = [PYTHON, "-I", "-S", "-c", packed_probe()]  # handed over in memory, and gone when it ends
    ended: Execution = client.exec(argv, stdin=json.dumps(targets).encode(), timeout=_SECONDS)
    if ended.exit_code != 0:
        fatal = first_fatal(ended.stderr.decode("utf-8", "replace").splitlines())[:200]
        message = say(
            "the isolation probe ended with {status} inside the sandbox: {why}",
            status=str(ended.exit_code),
            why=quoted(fatal) if fatal else say("it said nothing"),
        )
        raise SandboxError(message)
    return ended.stdout


def _read(output: bytes) -> tuple[tuple[ProbeCheck, ...], Mapping[str, object]]:
    """Return the checks and facts of a probe's answer, which is untrusted."""
    try:
        answer = parse_object(output, _ANSWER)
        checks = tuple(
            ProbeCheck(
                id=str(each["id"])[:200],
                kind=str(each["kind"])[:20],
                outcome=each["outcome"] if each["outcome"] in {"denied", "allowed"} else "error",
                detail=meaning(str(each["detail"])[:200]),
            )
            for each in answer["checks"][:_CHECKS_LIMIT]
        )
        facts = dict(answer["facts"])
    except (ValueError, KeyError, TypeError) as error:
        message = say("the isolation probe gave no readable answer")
        raise SandboxError(message) from error
    return checks, facts


def _foreign(facts: Mapping[str, object], bound: Iterable[str]) -> tuple[ProbeCheck, ...]:
    """Return as allowed what no probe looks for by name: places that drp did not make, or did not make writable."""
    root, writable = facts.get("root"), facts.get("writable")
    if not isinstance(root, list) or not isinstance(writable, list):
        return (
            ProbeCheck(
                id="fs.places",
                kind="fs",
                outcome="error",
                detail=UNSAID,
            ),
        )
    known = _PLACES | {place.split("/")[1] for place in bound}
    seen = {f"fs.foreign:/{name}": NOT_OURS for name in root if name not in known}
    places = [str(place) for place in writable]
    seen |= {f"fs.writable:{place}": FOR_WRITING for place in places if place.split("/")[1] not in _WRITABLE}
    return tuple(ProbeCheck(id=name[:200], kind="fs", outcome="allowed", detail=why) for name, why in seen.items())


def _judge(check: ProbeCheck, production: Mapping[str, tuple[str, int]], saw: Saw) -> ProbeCheck:
    """Return the check; what answered at an address of production is no leak if the recorder saw it arrive."""
    if check.id not in production or check.outcome != "allowed" or not saw(*production[check.id]):
        return check
    return ProbeCheck(id=check.id, kind=check.kind, outcome="denied", detail=ON_ITS_OWN_LOOPBACK)


def _anonymous(check: ProbeCheck, tripwire: Tripwire) -> ProbeCheck:
    """Keep the random name of the tripwire's directory out of the record: ids must be the same in each proof."""
    name = check.id.replace(str(tripwire.directory), "/canary")
    return ProbeCheck(id=name, kind=check.kind, outcome=check.outcome, detail=check.detail)
