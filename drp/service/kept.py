"""Kept sandboxes: where their keeper is noted, the way into one, and how they and all leftovers are cleaned."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from drp.atomic import write_atomically
from drp.clock import boot_id
from drp.config.places import require_state
from drp.domain.check import Target
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.journal import Journal
from drp.domain.phrase import say, several
from drp.domain.sandbox import Residue, SandboxHandle
from drp.drill.declare import find, reopen, states
from drp.drill.release import is_held, is_here, release
from drp.ending import kill_with_children, start_of
from drp.errors import Busy, DrpError, NotFound
from drp.service.wiring import Wiring

_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """One thing that was cleaned up."""

    orphan: str = ""
    """What a crash had left, in words; empty: it was a kept sandbox."""
    drill: str = ""
    sandbox: str = ""
    clean: bool = True
    """Whether nothing of it is left."""
    left: str = ""
    """What of a kept sandbox is, or why nobody can tell."""


def note_keeper(state_directory: Path, drill: str, pid: int) -> None:
    """Remember the process that keeps a drill's sandboxes, so that cleaning up can end it for certain."""
    folder = state_directory / "kept"
    folder.mkdir(exist_ok=True, mode=0o750)
    content = {"pid": pid, "started": start_of(pid), "boot_id": boot_id()}
    write_atomically(folder / f"{drill}.json", json.dumps(content).encode())


def kept_target(wiring: Wiring, reference: str, application: str | None) -> Target:
    """Return the way into a kept sandbox, or one that waits for a sign-off.

    Raises ``NotFound`` when there is none, or several and no application is named.
    """
    from drp.sandboxes.client import AgentClient
    from drp.sandboxes.target import SandboxTarget

    require_state(wiring.site)  # it says where the sandbox is
    journal = wiring.journal_to_read()
    state = reopen(find(reference, journal), journal).state
    return SandboxTarget(AgentClient(Path(_kept_handle(state, application).control_socket)))


def _kept_handle(state: DrillState, application: str | None) -> SandboxHandle:
    open_ones = {name: recovery for name, recovery in state.recoveries.items() if _is_open(recovery)}
    handles = {name: _handle(recovery) for name, recovery in open_ones.items()}
    wanted = [handle for name, handle in handles.items() if application in {None, name} and handle is not None]
    if len(wanted) != 1:
        message = (
            say(
                "drill {drill} keeps several sandboxes: {applications}",
                drill=state.drill,
                applications=several(handles),
            )
            if handles
            else say("drill {drill} keeps no sandbox", drill=state.drill)
        )
        raise NotFound(message, hint="name one with --app; keep sandboxes with `drp drill run … --keep-sandbox`")
    return wanted[0]


def _is_open(recovery: RecoveryState) -> bool:
    """Return whether somebody may work in a sandbox: it is kept, or its drill waits for a sign-off."""
    return is_held(recovery) or recovery.awaits_sign_off


def _handle(recovery: RecoveryState) -> SandboxHandle | None:
    prepared = recovery.outputs.prepare
    return prepared.sandbox if prepared is not None else None


def clean_up(wiring: Wiring) -> tuple[Cleaned, ...]:
    """Destroy kept sandboxes and what a crash left, and return what it was, and whether anything stays of it.

    Only what is on this machine: what another host keeps is its own to clean.
    """
    require_state(wiring.site)
    keepers = wiring.site.state_directory / "kept"
    try:
        journal = wiring.journal()
        unsettled = states(journal, (one.drill for one in journal.history.unsettled()))
        kept = [state for state in unsettled if is_here(state) and any(map(is_held, state.recoveries.values()))]
    except DrpError:  # restored data goes whatever became of the journal; what became of it is said then
        for note in keepers.glob("*.json"):
            _end_keeper(note)
        wiring.reap()
        raise
    for state in kept:
        _end_keeper(keepers / f"{state.drill}.json")
    cleaned = [Cleaned(orphan=each.shown, clean=not each.left) for each in wiring.reap()]
    for state in kept:
        _hold(journal, state.drill)
        recorder = reopen(state.drill, journal)
        for name, handle in ((name, _handle(recovery)) for name, recovery in state.recoveries.items()):
            residue = release(recorder, name, lambda sandbox: _destroy(wiring, sandbox))
            if residue is not None and handle is not None:
                left = ", ".join((*residue.paths, *residue.mounts, *residue.cgroups))
                cleaned.append(Cleaned(drill=state.drill, sandbox=handle.id, clean=residue.clean, left=left))
        journal.release(state.drill)
    return tuple(cleaned)


def _hold(journal: Journal, drill: str) -> None:
    """Take a drill whose keeper was ended: a server may take a moment to notice that it is gone. Raises ``Busy``."""
    deadline = time.monotonic() + _END_SECONDS
    while True:
        try:
            journal.hold(drill)
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _destroy(wiring: Wiring, handle: SandboxHandle) -> Residue:
    """Destroy a kept sandbox, once the keeper's last processes have let go of it."""
    deadline = time.monotonic() + _END_SECONDS
    while not (residue := wiring.sandbox().destroy(handle)).clean and time.monotonic() < deadline:
        time.sleep(0.1)
    return residue


def _end_keeper(note: Path) -> None:
    """Kill the keeper, if it is still the very process that was noted, and with it all that it holds."""
    try:
        keeper = json.loads(note.read_text(encoding="utf-8"))
        same = keeper["boot_id"] == boot_id() and start_of(keeper["pid"]) == str(keeper["started"])
    except (OSError, ValueError, KeyError):
        same = False
    if same:
        kill_with_children(keeper["pid"], _END_SECONDS)
    note.unlink(missing_ok=True)
