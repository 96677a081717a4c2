"""Kept sandboxes: where their keeper is noted, how to work inside one, and how they and all leftovers are cleaned."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drp.atomic import write_atomically
from drp.cli import render
from drp.clock import boot_id
from drp.config.places import require_state
from drp.domain.check import Target
from drp.domain.events import SandboxDestroyed
from drp.domain.fold import DrillState, RecoveryState
from drp.domain.phase import Prepared
from drp.domain.sandbox import Residue, SandboxHandle
from drp.drill.declare import find, reopen, states
from drp.errors import DrpError, NotFound
from drp.service.wiring import Wiring

_END_SECONDS = 10.0


def note_keeper(state_directory: Path, drill: str, pid: int) -> None:
    """Remember the process that keeps a drill's sandboxes, so that `clean` can end it for certain."""
    folder = state_directory / "kept"
    folder.mkdir(exist_ok=True, mode=0o750)
    content = {"pid": pid, "started": _start_time(pid), "boot_id": boot_id()}
    write_atomically(folder / f"{drill}.json", json.dumps(content).encode())


def run_inside(wiring: Wiring, reference: str, application: str | None, argv: Sequence[str]) -> int:
    """Run a command in a kept sandbox, with its output on ours, and return its exit status."""
    from drp.sandboxes.client import AgentClient

    require_state(wiring.site)  # it says where the sandbox is
    journal = wiring.journal_to_read()
    state = reopen(find(reference, journal), journal, wiring.silent).state
    handle = _kept_handle(state, application)
    execution = AgentClient(Path(handle.control_socket)).exec(list(argv), stdin=b"", timeout=3600)
    render.output([execution.stdout])
    render.output([execution.stderr], sys.stderr)
    return execution.exit_code if execution.exit_code >= 0 else 128 - execution.exit_code


def kept_target(wiring: Wiring, reference: str, application: str | None) -> Target:
    """Return the way into a kept sandbox, as verifiers see it. Raises ``NotFound`` when there is none, or several."""
    from drp.sandboxes.client import AgentClient
    from drp.sandboxes.target import SandboxTarget

    require_state(wiring.site)
    journal = wiring.journal_to_read()
    state = reopen(find(reference, journal), journal, wiring.silent).state
    return SandboxTarget(AgentClient(Path(_kept_handle(state, application).control_socket)))


def _kept_handle(state: DrillState, application: str | None) -> SandboxHandle:
    open_ones = {name: recovery for name, recovery in state.recoveries.items() if _is_open(recovery)}
    handles = {name: _handle(recovery) for name, recovery in open_ones.items()}
    wanted = [handle for name, handle in handles.items() if application in {None, name} and handle is not None]
    if len(wanted) != 1:
        message = f"drill {state.drill} keeps " + (
            f"several sandboxes: {', '.join(handles)}" if handles else "no sandbox"
        )
        raise NotFound(message, hint="name one with --app; keep sandboxes with `drp drill run … --keep-sandbox`")
    return wanted[0]


def _is_open(recovery: RecoveryState) -> bool:
    """Return whether somebody may work in a sandbox: it is kept, or its drill waits for a sign-off."""
    return _is_kept(recovery) or recovery.awaits_sign_off


def _is_kept(recovery: RecoveryState) -> bool:
    """Return whether a sandbox is kept still, or its end left something: then it is not done with."""
    return recovery.kept is not None and (recovery.residue is None or not recovery.residue.clean)


def _handle(recovery: RecoveryState) -> SandboxHandle | None:
    prepared = recovery.outputs.get("prepare")
    return prepared.sandbox if isinstance(prepared, Prepared) else None


def clean_up(wiring: Wiring, *, machine: bool) -> int:
    """Destroy kept sandboxes and what a crash left; return 1 when something stays behind."""
    require_state(wiring.site)
    cleaned: list[dict[str, Any]] = []
    try:
        journal = wiring.journal()
        kept = states(journal, lambda state: any(_is_kept(recovery) for recovery in state.recoveries.values()))
    except DrpError:  # restored data goes whatever became of the journal; what became of it is said then
        for note in (wiring.site.state_directory / "kept").glob("*.json"):
            _end_keeper(note)
        wiring.reap()
        raise
    for state in kept:
        _end_keeper(wiring.site.state_directory / "kept" / f"{state.drill}.json")
    cleaned += [{"orphan": str(item)} for item in wiring.reap()]
    left = False
    for state in kept:
        for name, recovery in state.recoveries.items():
            handle = _handle(recovery)
            if not _is_kept(recovery) or handle is None:
                continue
            residue = _destroy(wiring, handle)
            journal.append(state.drill, SandboxDestroyed(recovery=name, sandbox=handle.id, residue=residue))
            left = left or not residue.clean
            cleaned.append({"drill": state.drill, "sandbox": handle.id, "clean": residue.clean})
    if machine:
        render.document("drp/cleaned/1", cleaned)
    else:
        render.line(f"{len(cleaned)} cleaned" if cleaned else "nothing to clean")
    return 1 if left else 0


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
        same = keeper["boot_id"] == boot_id() and _start_time(keeper["pid"]) == keeper["started"]
    except (OSError, ValueError, KeyError):
        same = False
    if same:
        os.kill(keeper["pid"], signal.SIGKILL)
        deadline = time.monotonic() + _END_SECONDS
        while _start_time(keeper["pid"]) == keeper["started"] and time.monotonic() < deadline:
            time.sleep(0.05)
    note.unlink(missing_ok=True)


def _start_time(pid: int) -> int:
    """Return when a process started, in clock ticks after boot (proc(5), field 22); -1 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] == "Z" else int(fields[19])
