"""What drills need of the host and of the user who asks: programs, processes, sandboxes that hold; found by trying."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from drp import command
from drp.cli.need import Need, attempt
from drp.domain.phrase import own_words, say
from drp.domain.sandbox import DEFAULT_DRIVER
from drp.errors import AccessDenied, CommandFailed, DrpError
from drp.hashing.reading.core import core_name
from drp.sandboxes.host.identity import standing
from drp.sandboxes.host.worker import worker_command
from drp.sandboxes.registry import driver
from drp.sign_off import sign, verify
from drp.trust.accounts import account, account_name

_MEND_ANSIBLE = say("install drp again with its dependencies: pip install --force-reinstall drproof")
_MOST_PROCESSES = 128
"""What a small drill has at once, with threads: worker, Ansible, sandbox."""


def user() -> Need:
    """Who is asked: all that follows is what a drill of this user meets, and of nobody else."""
    kind = {
        "root": say("root of this host"),
        "mapped": say("root of a user namespace"),
        "user": say("a plain user: sandboxes in namespaces of his own"),
    }
    return Need(
        name="user",
        met=True,
        detail=say("{account}, {kind}", account=_own_account(), kind=kind[standing()]),
    )


def _own_account() -> str:
    """Return the name of this user, or that he has none."""
    number = os.geteuid()
    name = account_name(number)
    return name if name != str(number) else account(number)


def processes() -> Need:
    """Whether this user may start as many processes as a small drill has; root may always."""
    most, there = resource.getrlimit(resource.RLIMIT_NPROC)[0], _tasks(os.getuid())
    if standing() == "root" or most == resource.RLIM_INFINITY:
        return Need(name="processes", met=True, detail="as many as the host has room for")
    detail = say("{there} of at most {most} of this user", there=there, most=most)
    mend = say("raise the limit: `ulimit -u`, `nproc` in /etc/security/limits.conf, or TasksMax of the unit")
    enough = most - there >= _MOST_PROCESSES
    return Need(name="processes", met=enough, detail=detail, mend="" if enough else mend)


def _tasks(uid: int) -> int:
    """Return how many threads a user has, which is what the limit counts."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == uid:
                count += sum(1 for _ in (process / "task").iterdir())
    return count


def host_needs(run_directory: Path | None, drivers: Iterable[str] = (DEFAULT_DRIVER,)) -> list[Need]:
    """Programs, and what sandbox drivers find by trying, where the site's own sandboxes would live."""
    needs = [need for name in drivers for need in _driver_needs(name, run_directory)]
    tools = all(need.met for need in needs if need.name in {"setpriv", "unshare"})
    return [*needs, *([_ansible()] if tools else []), _hashing_core()]


def _driver_needs(name: str, run_directory: Path | None) -> Iterator[Need]:
    """Yield what a driver finds; its name stands before it, unless it is the default."""
    try:
        found = driver(name).requirements(run_directory)
    except DrpError as error:
        yield Need(
            name=say("sandbox driver {name}", name=name), met=False, detail=error.message, mend=own_words(error.hint)
        )
        return
    for item in found:
        yield Need(
            name=item.name if name == DEFAULT_DRIVER else say("{driver}: {need}", driver=name, need=item.name),
            met=item.met,
            detail=item.detail,
            mend=item.mend,
        )


def _ansible() -> Need:
    """Play a task as a drill would: in a worker's namespaces, in a private folder, with that environment alone."""
    name = "ansible"
    with tempfile.TemporaryDirectory(prefix="drp-doctor-") as directory:
        argv = worker_command([sys.executable, "-m", "drp.runbooks.doctor", directory])
        try:
            answer = json.loads(command.run(argv, timeout_seconds=90).stdout.splitlines()[-1])
        except (CommandFailed, ValueError, IndexError) as error:
            words = " ".join(error.tail)[-300:] if isinstance(error, CommandFailed) else ""
            return Need(name=name, met=False, detail=words or getattr(error, "message", str(error)), mend=_MEND_ANSIBLE)
    return Need(name=name, met=answer["met"], detail=answer["detail"], mend="" if answer["met"] else _MEND_ANSIBLE)


def _hashing_core() -> Need:
    """Which core hashes; both give the same digests, so this need is always met."""
    return Need(name="hashing core", met=True, detail=core_name("auto"))


def backup_tools() -> Iterator[Need]:
    """Yield whether there is something to read each kind of repository with, where no site says which are used."""
    from drp.repositories.kind import kind_names, trial_of

    for name in kind_names():
        yield attempt(say("repositories: {name}", name=name), partial(trial_of, name))


def signatures() -> Need:
    """Sign and verify once, with a key that is gone afterwards."""
    return attempt("signatures of sign-offs", _sign_once)


def _sign_once() -> str:
    with tempfile.TemporaryDirectory(prefix="drp-doctor-") as place:
        key = Path(place) / "key"
        try:
            command.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), timeout_seconds=20)
        except CommandFailed as error:
            raise AccessDenied(error.message, hint="install openssh-client, 8.3 or newer") from error
        listed = f"doctor {key.with_suffix('.pub').read_text(encoding='ascii')}"
        signer = verify(b"drp", sign(b"drp", key), listed, scratch=Path(place))
    return say("ssh-keygen signs and verifies ({key}…)", key=signer.key[:13])
