"""What bubblewrap's sandboxes need of this host and this user: each need, whether it is met, and what fixes it.

Optional abilities (limits by control groups, volumes on disk, ranges of ids) count as met and say what is lost.
"""

from __future__ import annotations

from pathlib import Path

from drp.domain.phrase import Phrase, quoted, say, several
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
    quoted("bubblewrap"): (["bwrap", "--version"], "apt-get install bubblewrap"),
    quoted("setpriv"): (["setpriv", "--version"], "apt-get install util-linux"),
    quoted("unshare"): (["unshare", "--version"], "apt-get install util-linux"),
    quoted("nsenter"): (["nsenter", "--version"], "apt-get install util-linux"),
    quoted("prlimit"): (["prlimit", "--version"], "apt-get install util-linux"),
    say("sandbox python"): (
        [PYTHON, "-I", "-S", "-c", "import ctypes, sys; print(sys.version)"], "apt-get install python3"
    ),
}  # fmt: skip
_PROFILE = quoted(
    r"printf 'abi <abi/4.0>,\nprofile drp-bwrap /usr/bin/bwrap flags=(unconfined) {\n  userns,\n}\n'"
    " > /etc/apparmor.d/drp-bwrap && apparmor_parser -r /etc/apparmor.d/drp-bwrap"
)
_UNMASKED = say("run drp's container with `--security-opt systempaths=unconfined` (podman: `unmask=ALL`)")
_HINTS = (
    ("uid map", _PROFILE),
    ("RTM_NEWADDR", _PROFILE),
    ("mount proc", _UNMASKED),
    ("mount /proc", _UNMASKED),
    ("new namespace", quoted("sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000")),
    ("unshare failed", say("run drp as root, or: sysctl -w kernel.unprivileged_userns_clone=1")),
)


def requirements(run_directory: Path | None = None) -> tuple[Requirement, ...]:
    """Return every need; takes about two seconds, changes nothing."""
    tools = tuple(tool(name, argv, quoted(mend)) for name, (argv, mend) in _TOOLS.items())
    tried = (trial.isolation("bubblewrap", run_directory, _HINTS),) if all(each.met for each in tools) else ()
    return (*tools, *tried, _limits(), _loop(), _erasing(), _swap(), _ranges())


def _limits() -> Requirement:
    group = ControlGroup(new_id(), SandboxProfile(name="doctor"), 1 << 28)
    missing = group.missing
    cgroups.destroy(group.directories)
    detail = say("control groups limit memory and processes")
    if missing:
        detail = say("no control group for {what}: limited for each process by prlimit instead", what=several(missing))
    return Requirement(name=say("limits"), met=True, detail=detail)


def _loop() -> Requirement:
    why, mend = on_disk.obstacle()
    way = say("loop devices are there") if standing() == "root" else say("fuse2fs, for `identity: single`")
    lost = say(
        "not here, restored data is in memory (`data_backing: memory`): {why}; to have them: {mend}", why=why, mend=mend
    )
    return Requirement(name=say("volumes on disk"), met=True, detail=lost if why else way)


def _erasing() -> Requirement:
    detail = say("volumes on disk are encrypted or overwritten, whichever is faster (`erase`)")
    if not encryption.available():
        detail = say("this kernel's ext4 cannot encrypt: volumes on disk are overwritten (`erase: encrypt` is refused)")
    return Requirement(name=say("erasure"), met=True, detail=detail)


def _swap() -> Requirement:
    """Tell whether what sandboxes have in memory can reach a device that keeps it."""
    if swap.devices() is None:
        return Requirement(name=quoted("swap"), met=True, detail=say("nobody tells what this host swaps to"))
    if not (exposed := swap.exposed()):
        return Requirement(name=quoted("swap"), met=True, detail=say("none, or it keeps nothing that can be read"))
    kept = say("sandboxes are kept out of it") if swap.limits() else say("no control group keeps sandboxes out of it")
    detail = say(
        "{devices} is not encrypted: {kept}, and drp itself is not; encrypt it, or swapoff",
        devices=several(map(str, exposed)),
        kept=kept,
    )
    return Requirement(name=quoted("swap"), met=True, detail=detail)


def _ranges() -> Requirement:
    usable = standing() == "root" or has_sub_ids()
    lost = say("not for this user (no uidmap, or no line in /etc/subuid): `identity: single`, owners are not judged")
    return Requirement(name=say("ranges of user ids"), met=True, detail=say("available") if usable else lost)


def room_for(profile: SandboxProfile, run_directory: Path) -> Phrase:
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
    return say(
        "data in memory: room for {room} MiB of {wanted} MiB now", room=there >> 20, wanted=profile.data_bytes >> 20
    )


def _on_disk(profile: SandboxProfile, run_directory: Path) -> Phrase:
    """Return where the next volume on disk would be. Raises ``SandboxError`` where none of the folders has room."""
    folders = [Path(each) for each in profile.volumes] or [run_directory]
    free = {folder: max(0, room(folder) - spare(folder, run_directory)) for folder in folders}
    needed = image_bytes(profile.data_bytes)
    for folder, there in free.items():
        if there >= needed:
            return say("data on disk, {room} MiB free in {folder}", room=there >> 20, folder=folder)
    rooms = several(
        say("{folder} has room for {room} MiB", folder=folder, room=there >> 20) for folder, there in free.items()
    )
    message = say(
        "{rooms}, and `data_bytes` says {wanted} MiB, which take {needed} MiB on disk",
        rooms=rooms,
        wanted=profile.data_bytes >> 20,
        needed=needed >> 20,
    )
    raise SandboxError(message, hint=NO_ROOM)
