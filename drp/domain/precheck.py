"""Whether this machine, now, has room for a drill: judged before a start, from facts that others gathered. Pure.

What is said here is about the drill host and tonight's backups, never about the backup that is drilled: who is refused
has found out nothing. Reasons are codes with values; sentences are made where they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from drp.domain.measure import milliseconds
from drp.domain.placing import Folder, disk_bytes, in_memory, peak, quotas_in_memory, shortages, turns
from drp.domain.plan import DrillPlan, PlannedRecovery

TOOLS_BYTES = 512 << 20
"""Memory that the tools of one recovery take; what is restored has limits of its own."""
LEAST_FREE_BYTES = 8 << 20
"""With less room than this for journal or evidence no drill is begun."""
GOOD_FREE_BYTES = 128 << 20
"""With less room than this the next drills may not be recorded."""

PrecheckState = Literal["admissible", "degraded", "blocked"]
"""admissible: all that it may take is there · degraded: it can be held, and may be slower, smaller or say less ·
blocked: it would end for want of something that is no fault of the backup."""

REASONS: Mapping[str, tuple[Literal["degraded", "blocked"], str]] = {
    "memory-lacking": ("blocked", "it takes at least {needed_bytes} of memory, and {free_bytes} can be had"),
    "memory-short": ("degraded", "its sandboxes may take {needed_bytes} of memory, and {free_bytes} can be had"),
    "volume-space": ("blocked", "its volumes take {needed_bytes} in {folder}, which has {free_bytes}"),
    "quota-short": ("degraded", "{application}: its volume would have {free_bytes} of memory, and not {needed_bytes}"),
    "volume-small": ("degraded", "{application}: its point holds {needed_bytes}, its volume {free_bytes}"),
    "state-full": ("blocked", "{folder} has {free_bytes} left for what a drill writes down"),
    "state-short": ("degraded", "{folder} has only {free_bytes} left"),
    "in-turn": ("degraded", "{at_once} of {wanted} applications are recovered at a time: the others wait their turn"),
    "cores-short": ("degraded", "{application}: its sandbox may use {needed} processors, and there are {there}"),
    "slow-link": (
        "degraded",
        "{application}: its point takes {least_ms} at the allowed speed, and its RTO is {rto_ms}",
    ),
    "backup-window": ("blocked", "{repository} is being written to until {until_at}: its backups come first"),
    "backup-due": (
        "degraded",
        "{repository} is written to from {since_at} until {until_at}: the drill would meet its backups",
    ),
    "backup-running": ("degraded", "{repository} is being written to by {host} since {since_at}"),
    "backup-stale": ("degraded", "{repository} holds a lock of {host} that nobody has renewed since {since_at}"),
    "backup-unreadable": ("degraded", "{repository} holds a lock that cannot be read"),
    "sandbox-lacking": ("blocked", "{application}: {detail}"),
}
"""Code → what it means for a start, and its English sentence. Values named ``_bytes``, ``_ms`` and ``_at`` are numbers
and instants (ISO 8601, UTC) as strings."""
_YIELDS = {"backup-window", "backup-due", "backup-running"}
_OF_SIGNS = {
    "window": "backup-window",
    "due": "backup-due",
    "lock": "backup-running",
    "stale-lock": "backup-stale",
    "unreadable-lock": "backup-unreadable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecheckReason:
    """One thing that is not as it should be."""

    code: str
    """A key of `REASONS`."""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def weight(self) -> Literal["degraded", "blocked"]:
        """Return what it means for a start."""
        return REASONS[self.code][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a plan takes of a machine, at its peak."""

    memory_most_bytes: int
    """If everything used its limits."""
    memory_least_bytes: int
    """Without which it cannot come to an end, as far as is known."""
    disk_bytes: int
    """Quotas of volumes on disk; every one is promised, whatever is restored into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What drills at work on this host were promised, all together."""

    drills: int = 0
    memory_most_bytes: int = 0
    memory_least_bytes: int = 0
    disk_bytes: int = 0
    """On the file system that this site's volumes would be on, unless they were told to be elsewhere."""
    disks: Mapping[int, int] = field(default_factory=dict)
    """The same by the number of each file system; what live volumes have already is taken off."""
    memory_used_bytes: int = 0
    """What their sandboxes use of it already, which is no longer free; 0: nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSign:
    """A sign that somebody writes to a repository."""

    repository: str
    kind: Literal["window", "due", "lock", "stale-lock", "unreadable-lock"]
    since: datetime | None = None
    """When the lock was last renewed, by its own clock; of a window that is due, when it begins."""
    until: datetime | None = None
    """Of a window: when it ends."""
    host: str = ""
    """Who holds the lock, by its own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What there is, as it was found just now."""

    memory_bytes: int | None
    """That can be had without swapping, within whatever container this is; None: nobody tells."""
    cores: int
    at_once: int
    """How many recoveries the machine carries at the same time."""
    volumes: tuple[str, int]
    """Where volumes on disk are made without a folder's name, and the bytes that are free there."""
    folders: Mapping[str, Folder] = field(default_factory=dict)
    """Other folders of volumes on disk, by name."""
    device: int = -1  # of the file system that ``volumes`` are on
    records: Mapping[str, int] = field(default_factory=dict)
    """Folder that a drill writes into → bytes that are free there."""
    promised: Promised = field(default_factory=Promised)
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Recovery → bytes of the point it would take, as its repository tells; without those that nobody tells."""
    backups: tuple[BackupSign, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    """Recovery → what its sandbox lacks on this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precheck:
    """What came of the look: before a start, and in the record of a drill that was begun all the same."""

    reasons: tuple[PrecheckReason, ...] = ()
    needs: Needs
    memory_bytes: int | None = None
    """That can be had now, what others were promised taken off; None: nobody tells."""
    drills_at_work: int = 0
    """On this host, of whichever site."""
    despite: str = ""
    """Why somebody had it begun all the same."""

    @property
    def state(self) -> PrecheckState:
        """Return what it all comes to."""
        weights = {reason.weight for reason in self.reasons}
        return "blocked" if "blocked" in weights else "degraded" if weights else "admissible"

    @property
    def blocking(self) -> tuple[PrecheckReason, ...]:
        """Return the reasons why it is not begun."""
        return tuple(reason for reason in self.reasons if reason.weight == "blocked")

    @property
    def waits(self) -> PrecheckReason | None:
        """Return why a drill that nobody waits for is not begun yet: backups come first, even if they only may run."""
        yielding = [reason for reason in self.reasons if reason.code in _YIELDS]
        return next(iter((*yielding, *self.blocking)), None)


def needs_of(plan: DrillPlan, at_once: int, sizes: Mapping[str, int]) -> Needs:
    """Return what a plan takes at its peak, so many recoveries at a time; ``sizes``: of the points, where known."""

    def most(recovery: PlannedRecovery) -> int:
        profile = recovery.sandbox  # beside the sandbox there is one cell at a time, limited as it is
        return TOOLS_BYTES + 2 * profile.memory_bytes + (profile.data_bytes if in_memory(recovery) else 0)

    def least(recovery: PlannedRecovery) -> int:
        return TOOLS_BYTES + (sizes.get(recovery.name, 0) if in_memory(recovery) else 0)

    return Needs(
        memory_most_bytes=peak(plan, at_once, most),
        memory_least_bytes=peak(plan, 1, least),
        disk_bytes=peak(plan, at_once, disk_bytes),
    )


def places_of(room: Room) -> dict[str, Folder]:
    """Return every folder of volumes, with what is free there once others' promises are taken off."""
    usual, free = room.volumes
    places = {usual: Folder(device=room.device, free_bytes=free - room.promised.disk_bytes)}
    for name, each in room.folders.items():
        places[name] = replace(each, free_bytes=each.free_bytes - room.promised.disks.get(each.device, 0))
    return places


def judge(plan: DrillPlan, room: Room, *, despite: str = "") -> Precheck:
    """Return whether there is room for a plan; every reason is named, not only the first."""
    at_once = turns(plan, room.at_once)
    if plan.level == "sample":  # how much is drawn is not known before, and never all of a large point
        room = replace(room, sizes={})
    needs = needs_of(plan, at_once, room.sizes)
    promised = room.promised
    memory = room.memory_bytes
    free = None if memory is None else memory - max(0, promised.memory_most_bytes - promised.memory_used_bytes)
    reasons = (
        *_memory(needs, room),
        *_quotas(plan, at_once, room),
        *_disk(plan, at_once, room),
        *_turns(plan, at_once),
        *(reason for recovery in plan.recoveries for reason in _recovery(recovery, room, starts=plan.starts)),
        *(_backup(sign) for sign in room.backups),
    )
    return Precheck(
        reasons=tuple(reasons),
        needs=needs,
        memory_bytes=None if free is None else max(0, free),
        drills_at_work=promised.drills,
        despite=despite,
    )


def _memory(needs: Needs, room: Room) -> Iterator[PrecheckReason]:
    if room.memory_bytes is None:
        return
    promised = room.promised
    at_least = room.memory_bytes - max(0, promised.memory_least_bytes - promised.memory_used_bytes)
    at_most = room.memory_bytes - max(0, promised.memory_most_bytes - promised.memory_used_bytes)
    if needs.memory_least_bytes > at_least:
        yield _short("memory-lacking", needs.memory_least_bytes, at_least)
    elif needs.memory_most_bytes > at_most:
        yield _short("memory-short", needs.memory_most_bytes, at_most)


def _quotas(plan: DrillPlan, at_once: int, room: Room) -> Iterator[PrecheckReason]:
    """Yield each volume that would have less of memory than its profile says."""
    if room.memory_bytes is None:
        return
    quotas = quotas_in_memory(plan, at_once, room.memory_bytes)
    for recovery in plan.recoveries:
        asked, quota = recovery.sandbox.data_bytes, quotas.get(recovery.name)
        if quota is not None and quota < asked:
            yield _short("quota-short", asked, quota, application=recovery.name)


def _disk(plan: DrillPlan, at_once: int, room: Room) -> Iterator[PrecheckReason]:
    for each in shortages(plan, at_once, places_of(room), room.volumes[0]):
        yield _short("volume-space", each.needed_bytes, each.free_bytes, folder=each.folder)
    for place, there in room.records.items():
        values = {"folder": place, "free_bytes": str(there)}
        if there < LEAST_FREE_BYTES:
            yield PrecheckReason(code="state-full", values=values)
        elif there < GOOD_FREE_BYTES:
            yield PrecheckReason(code="state-short", values=values)


def _turns(plan: DrillPlan, at_once: int) -> Iterator[PrecheckReason]:
    widest = max((len(wave) for wave in plan.waves()), default=0)
    if at_once < widest:
        yield PrecheckReason(code="in-turn", values={"at_once": str(at_once), "wanted": str(widest)})


def _recovery(recovery: PlannedRecovery, room: Room, *, starts: bool) -> Iterator[PrecheckReason]:
    name, profile, size = recovery.name, recovery.sandbox, room.sizes.get(recovery.name)
    if size is not None and size > profile.data_bytes:
        yield _short("volume-small", size, profile.data_bytes, application=name)
    if profile.cpus is not None and profile.cpus > room.cores:
        values = {"application": name, "needed": f"{profile.cpus:g}", "there": str(room.cores)}
        yield PrecheckReason(code="cores-short", values=values)
    yield from _slow_link(recovery, size) if starts else ()
    if name in room.lacking:
        yield PrecheckReason(code="sandbox-lacking", values={"application": name, "detail": room.lacking[name]})


def _slow_link(recovery: PlannedRecovery, size: int | None) -> Iterator[PrecheckReason]:
    """Yield that a cap alone takes longer than the application may: its drill proves no recovery time."""
    if size is not None and recovery.bytes_per_second is not None:
        least, rto = size * 1000 // recovery.bytes_per_second, milliseconds(recovery.application.objectives.rto)
        if least > rto:
            values = {"application": recovery.name, "least_ms": str(least), "rto_ms": str(rto)}
            yield PrecheckReason(code="slow-link", values=values)


def _backup(sign: BackupSign) -> PrecheckReason:
    values = {"repository": sign.repository}
    if sign.until is not None:
        values["until_at"] = sign.until.isoformat()
    if sign.since is not None:
        values["since_at"] = sign.since.isoformat()
    if sign.host:
        values["host"] = sign.host
    return PrecheckReason(code=_OF_SIGNS[sign.kind], values=values)


def _short(code: str, needed: int, free: int, **values: str) -> PrecheckReason:
    return PrecheckReason(code=code, values={**values, "needed_bytes": str(needed), "free_bytes": str(max(0, free))})
