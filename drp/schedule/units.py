"""systemd units that look at the schedule: a worker that stays, or a timer. Printed, never installed by drp itself.

They are hardened as far as sandboxes allow: drp needs user namespaces, mounts inside them and its own devices and
``/proc`` for what it restores into, and it must keep the control group that it is given to itself (``Delegate``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drp.domain.phrase import say
from drp.errors import UsageError

LOOK_EVERY_MINUTES = 5
_HARDENED = (
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "KeyringMode=private",
    "LimitCORE=0",
    "UMask=0027",
)
"""No more than these, since a plain user's sandboxes need the rest. ``newuidmap`` is a setuid program, which
NoNewPrivileges forbids, and so does every setting that systemd carries out by a filter of system calls; a fresh
``/proc`` needs one over which nothing is mounted (ProtectKernelTunables, ProtectKernelLogs, ProtectProc)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where drp and its site are, and who runs it."""

    program: Path
    """The `drp` that is to be run."""
    site: Path
    account: str
    writable: Sequence[Path]
    """Where state and evidence are written."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A file for /etc/systemd/system."""

    name: str
    text: str


def worker_unit(place: Installation) -> Unit:
    """Return the unit of a worker that stays. Raises ``UsageError`` for a path that no unit can name."""
    return Unit("drp-worker.service", "\n".join((
        *_head("drp worker: drills of the schedule", place),
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={_command(place, 'worker', 'run')}",
        "Restart=on-failure",
        "RestartSec=30",
        "WatchdogSec=5min",
        "KillMode=mixed",
        "TimeoutStopSec=15min",
        *_service(place),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    )))  # fmt: skip


def timer_units(place: Installation) -> tuple[Unit, Unit]:
    """Return the units that look at the schedule every few minutes instead. Raises as `worker_unit`."""
    service = Unit("drp-schedule.service", "\n".join((
        *_head("drp: look at the schedule once, and hold what is due", place),
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={_command(place, '--quiet', 'schedule', 'run')}",
        # a drill that fails, or decides nothing, is told by `drp status`: the unit did what it is for
        "SuccessExitStatus=1 3 11",
        "TimeoutStartSec=infinity",
        "KillMode=mixed",
        "TimeoutStopSec=15min",
        *_service(place),
        "",
    )))  # fmt: skip
    timer = Unit("drp-schedule.timer", "\n".join((
        "[Unit]",
        "Description=drp: look at the schedule",
        "",
        "[Timer]",
        f"OnCalendar=*:0/{LOOK_EVERY_MINUTES}",
        "AccuracySec=15s",
        "Persistent=yes",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
    )))  # fmt: skip
    return service, timer


def _head(description: str, place: Installation) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description={description}"
    yield "Wants=network-online.target"
    yield "After=network-online.target time-sync.target"
    yield f"RequiresMountsFor={_path(place.site)}"


def _service(place: Installation) -> Iterator[str]:
    yield f"User={_word(place.account)}"
    yield f"WorkingDirectory={_path(place.site)}"
    yield f"Environment=DRP_SITE={_path(place.site)}"
    yield "Delegate=yes"
    yield "TasksMax=infinity"
    yield from _HARDENED
    for path in dict.fromkeys(place.writable):
        yield f"ReadWritePaths=-{_path(path)}"


def _command(place: Installation, *words: str) -> str:
    return " ".join((_path(place.program), *words))


def _path(path: Path) -> str:
    """Return a path as a unit says it. Raises ``UsageError``."""
    return _word(str(path))


def _word(text: str) -> str:
    if not text.isascii() or not text.isprintable() or any(each in text for each in " \"'\\;%$"):
        raise UsageError(
            say("{text} cannot stand in a unit as it is", text=repr(text)),
            hint="use a path of letters, digits, dots, dashes and slashes",
        )
    return text
