"""What bubblewrap's sandboxes need of this host and this user: each need, whether it is met, and what fixes it.

Optional abilities (limits by control groups, volumes on disk, ranges of ids) count as met and say what is lost.
"""

from __future__ import annotations

from pathlib import Path

from drp.domain.phrase import fact, say
from drp.domain.sandbox import SandboxProfile
from drp.domain.volume import MEMORY_SHARE, image_bytes
from drp.errors import SandboxError
from drp.sandboxes import trial
from drp.sandboxes.host import cgroups, encryption, on_disk, swap
from drp.sandboxes.host.cgroups import ControlGroup
from drp.sandboxes.host.identity import standing
from drp.sandboxes.host.image import NO_ROOM, room
from drp.sandboxes.host.layout import new_id
from drp.sandboxes.host.volume import available_memory, spare
from drp.sandboxes.host.worker import has_sub_ids
from drp.sandboxes.packing import PYTHON
from drp.sandboxes.requirement import Requirement, tool

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


def requirements(run_directory: Path | None = None) -> tuple[Requirement, ...]:
    """Return every need; takes about two seconds, changes nothing."""
    tools = tuple(tool(name, argv, mend) for name, (argv, mend) in _TOOLS.items())
    tried = (trial.isolation("bubblewrap", run_directory, _HINTS),) if all(each.met for each in tools) else ()
    return (*tools, *tried, _limits(), _loop(), _erasing(), _swap(), _ranges())


def _limits() -> Requirement:
    group = ControlGroup(new_id(), SandboxProfile(name="doctor"), 1 << 28)
    missing = group.missing
    cgroups.destroy(group.directories)
    detail = "control groups limit memory and processes"
    if missing:
        detail = f"no control group for {' and '.join(missing)}: limited for each process by prlimit instead"
    return Requirement(name="limits", met=True, detail=detail)


def _loop() -> Requirement:
    why, mend = on_disk.obstacle()
    way = "loop devices are there" if standing() == "root" else "fuse2fs, for `identity: single`"
    lost = f"not here, restored data is in memory (`data_backing: memory`): {why}; to have them: {mend}"
    return Requirement(name="volumes on disk", met=True, detail=lost if why else way)


def _erasing() -> Requirement:
    detail = "volumes on disk are encrypted or overwritten, whichever is faster (`erase`)"
    if not encryption.available():
        detail = "this kernel's ext4 cannot encrypt: volumes on disk are overwritten (`erase: encrypt` is refused)"
    return Requirement(name="erasure", met=True, detail=detail)


def _swap() -> Requirement:
    """Tell whether what sandboxes have in memory can reach a device that keeps it."""
    if swap.devices() is None:
        return Requirement(
            name="swap", met=True, detail=fact("nobody-tells-what-this", "nobody tells what this host swaps to")
        )
    if not (exposed := swap.exposed()):
        return Requirement(
            name="swap", met=True, detail=fact("none-or-keeps-nothing", "none, or it keeps nothing that can be read")
        )
    kept = "sandboxes are kept out of it" if swap.limits() else "no control group keeps sandboxes out of it"
    detail = f"{', '.join(map(str, exposed))} is not encrypted: {kept}, and drp itself is not"
    return Requirement(
        name="swap", met=True, detail=fact("encrypt-or-swapoff", "{detail}; encrypt it, or swapoff", detail=detail)
    )


def _ranges() -> Requirement:
    usable = standing() == "root" or has_sub_ids()
    lost = "not for this user (no uidmap, or no line in /etc/subuid): `identity: single`, owners are not judged"
    return Requirement(name="ranges of user ids", met=True, detail="available" if usable else lost)


def room_for(profile: SandboxProfile, run_directory: Path) -> str:
    """Return what a profile's sandboxes have here. Raises ``SandboxError`` where this user cannot have them."""
    root = standing() == "root"
    if profile.identity == "range" and not root and not has_sub_ids():
        raise SandboxError(
            say("`identity: range` needs sub-uids, which this user does not have"),
            hint="install uidmap and add this user to /etc/subuid and /etc/subgid, or set `identity: single`",
        )
    if profile.data_backing == "disk":
        on_disk.require(profile)
        return _on_disk(profile, run_directory)
    there = min(profile.data_bytes, int(available_memory() * MEMORY_SHARE))
    return fact(
        "data-memory-room-for",
        "data in memory: room for {there} MiB of {data_bytes} MiB now",
        there=there >> 20,
        data_bytes=profile.data_bytes >> 20,
    )


def _on_disk(profile: SandboxProfile, run_directory: Path) -> str:
    """Return where the next volume on disk would be. Raises ``SandboxError`` where none of the folders has room."""
    folders = [Path(each) for each in profile.volumes] or [run_directory]
    free = {folder: max(0, room(folder) - spare(folder, run_directory)) for folder in folders}
    needed = image_bytes(profile.data_bytes)
    for folder, there in free.items():
        if there >= needed:
            return fact(
                "data-disk-mib-free", "data on disk, {there} MiB free in {folder}", there=there >> 20, folder=folder
            )
    places = ", ".join(f"{folder} has room for {there >> 20} MiB" for folder, there in free.items())
    asked = f"`data_bytes` says {profile.data_bytes >> 20} MiB, which take {needed >> 20} MiB on disk"
    raise SandboxError(say("{places}, and {asked}", places=places, asked=asked), hint=NO_ROOM)
