"""What this host lacks for sandboxes, found by trying: each need, whether it is met, and what fixes it.

Optional abilities (limits by control groups, volumes on disk, ranges of ids) count as met and say what is lost.
``python -m drp.sandboxes.bubblewrap.doctor DIRECTORY`` is the trial itself, in a worker's namespaces.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from drp.command import run
from drp.domain.ports import Sandbox
from drp.domain.sandbox import SandboxHandle, SandboxOrder, SandboxProfile
from drp.errors import CommandFailed, DrpError
from drp.sandboxes.bubblewrap.arguments import PYTHON
from drp.sandboxes.host import cgroups
from drp.sandboxes.host.cgroups import ControlGroup
from drp.sandboxes.host.identity import standing
from drp.sandboxes.host.layout import new_id
from drp.sandboxes.host.worker import enter_worker, has_sub_ids, worker_command

_SECONDS = 90.0
_TOOLS = {
    "bubblewrap": (["bwrap", "--version"], "apt-get install bubblewrap"),
    "setpriv": (["setpriv", "--version"], "apt-get install util-linux"),
    "unshare": (["unshare", "--version"], "apt-get install util-linux"),
    "nsenter": (["nsenter", "--version"], "apt-get install util-linux"),
    "prlimit": (["prlimit", "--version"], "apt-get install util-linux"),
    "sandbox python": ([PYTHON, "-I", "-S", "-c", "import ctypes, sys; print(sys.version)"], "apt-get install python3"),
}  # fmt: skip
_PROFILE = (
    r"printf 'abi <abi/4.0>,\nprofile drp-bwrap /usr/bin/bwrap flags=(unconfined) {\n  userns,\n}\n'"
    " > /etc/apparmor.d/drp-bwrap && apparmor_parser -r /etc/apparmor.d/drp-bwrap"
)
_HINTS = (
    ("uid map", _PROFILE),
    ("RTM_NEWADDR", _PROFILE),
    ("mount proc", "run drp's container with `--security-opt systempaths=unconfined` (podman: `unmask=ALL`)"),
    ("mount /proc", "run drp's container with `--security-opt systempaths=unconfined` (podman: `unmask=ALL`)"),
    ("new namespace", "sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000"),
    ("unshare failed", "run drp as root, or: sysctl -w kernel.unprivileged_userns_clone=1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One need."""

    name: str
    met: bool
    detail: str
    mend: str = ""
    """A command or a setting; empty when nothing needs fixing."""


def requirements(run_directory: Path | None = None) -> tuple[Requirement, ...]:
    """Return every need of the sandbox driver; takes about two seconds, changes nothing.

    The trial takes place in the run directory, where there is one: there a drill's sandboxes would live.
    """
    tools = tuple(_tool(name, argv, mend) for name, (argv, mend) in _TOOLS.items())
    trial = (_isolation(run_directory),) if all(each.met for each in tools) else ()
    return (*tools, *trial, _limits(), _loop(), _ranges())


def _tool(name: str, argv: list[str], mend: str) -> Requirement:
    try:
        output = run(argv, timeout_seconds=20)
    except CommandFailed as error:
        return Requirement(name=name, met=False, detail=error.message, mend=mend)
    return Requirement(name=name, met=True, detail=(output.stdout.splitlines() or [""])[0].strip())


def _isolation(run_directory: Path | None = None) -> Requirement:
    """Open a sandbox in a worker of its own, prove it, destroy it."""
    name = "sandbox isolation"
    with ExitStack() as done:
        directory = str(run_directory)
        if run_directory is None or not os.access(run_directory, os.W_OK):
            directory = done.enter_context(tempfile.TemporaryDirectory(prefix="drp-doctor-"))
            Path(directory).chmod(0o711)
        argv = worker_command([sys.executable, "-m", "drp.sandboxes.bubblewrap.doctor", directory])
        try:
            answer = json.loads(run(argv, timeout_seconds=_SECONDS).stdout.splitlines()[-1])
        except (CommandFailed, ValueError, IndexError) as error:
            words = " ".join(error.tail) if isinstance(error, CommandFailed) else ""
            detail = words[-300:] or str(error)
            return Requirement(name=name, met=False, detail=detail, mend=_hint(detail))
    return Requirement(
        name=name, met=answer["met"], detail=answer["detail"], mend=_hint(answer["detail"], answer["met"])
    )


def _hint(detail: str, met: bool = False) -> str:  # noqa: FBT001, FBT002
    if met:
        return ""
    return next(
        (hint for sign, hint in _HINTS if sign in detail), "fix what the detail names, then run `drp doctor` again"
    )


def _limits() -> Requirement:
    group = ControlGroup(new_id(), SandboxProfile(name="doctor"), 1 << 28)
    missing = group.missing
    cgroups.destroy(group.directories)
    detail = "control groups limit memory and processes"
    if missing:
        detail = f"no control group for {' and '.join(missing)}: limited for each process by prlimit instead"
    return Requirement(name="limits", met=True, detail=detail)


def _loop() -> Requirement:
    usable = standing() == "root" and Path("/dev/loop-control").exists()
    lost = "not here: sandboxes keep restored data in memory (`data_backing: memory`)"
    return Requirement(name="volumes on disk", met=True, detail="loop devices are there" if usable else lost)


def _ranges() -> Requirement:
    usable = standing() == "root" or has_sub_ids()
    lost = "not for this user (no uidmap, or no line in /etc/subuid): `identity: single`, owners are not judged"
    return Requirement(name="ranges of user ids", met=True, detail="available" if usable else lost)


def trial(directory: Path) -> dict[str, object]:
    """Return whether a sandbox is isolated, having tried all ways out of one; runs in a worker's namespaces."""
    from drp.sandboxes.bubblewrap.driver import BubblewrapSandbox  # noqa: PLC0415 - the need list stays light

    profile = SandboxProfile(name="doctor", memory_bytes=1 << 28, processes=128, data_bytes=16 << 20)
    try:
        enter_worker((), None)
        driver = BubblewrapSandbox(directory, resolve=lambda _reference: "")
        handle, lost = _open(driver, profile)
        try:
            proof = driver.prove(handle)
        finally:
            residue = driver.destroy(handle)
    except DrpError as error:
        return {"met": False, "detail": error.message}
    wrong = [f"{each.id}: {each.outcome}" for each in proof.checks if each.outcome != "denied"]
    wrong += [f"the positive control did not reach {each}" for each in proof.control_missed]
    detail = (
        f"{proof.denied} of {len(proof.checks)} ways out denied, {proof.control_reached} reached by the control{lost}"
    )
    if not residue.clean:
        wrong.append("the sandbox left something behind")
    return {"met": proof.holds and residue.clean, "detail": "; ".join([detail, *wrong[:5]])}


def _open(driver: Sandbox, profile: SandboxProfile) -> tuple[SandboxHandle, str]:
    """Return a sandbox in a pod; or one alone, and what is lost: applications that call one another."""
    try:
        return driver.open(profile, "trial", SandboxOrder(pod="trial", application="trial")), ""
    except DrpError as error:
        return driver.open(profile, "trial"), f"; no pods (`pod: true`) here: {error.message}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(trial(Path(sys.argv[1]))) + "\n")
