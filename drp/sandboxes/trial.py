"""Whether sandboxes of a driver hold here, found by trying: one is opened in a drill worker, proven and destroyed.

``python -m drp.sandboxes.trial DRIVER DIRECTORY`` is the trial itself, in a worker's namespaces.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from drp.command import run
from drp.domain.phrase import NOTHING, Phrase, joined, own_words, quoted, say
from drp.domain.phrase_form import read, written
from drp.domain.ports import Sandbox
from drp.domain.sandbox import SandboxHandle, SandboxOrder, SandboxProfile
from drp.errors import CommandFailed, DrpError
from drp.sandboxes.host.worker import enter_worker, worker_command
from drp.sandboxes.requirement import Requirement

_SECONDS = 90.0
_ELSE = say("fix what the detail names, then run `drp doctor` again")


def isolation(driver: str, run_directory: Path | None = None, hints: Sequence[tuple[str, Phrase]] = ()) -> Requirement:
    """Return whether a sandbox of the driver is isolated here; takes about two seconds, and leaves nothing.

    It is tried in the run directory, where there is one: there a drill's sandboxes would live. ``hints``: words of a
    failure, and what fixes it.
    """
    name = say("sandbox isolation")
    with ExitStack() as done:
        directory = str(run_directory)
        if run_directory is None or not os.access(run_directory, os.W_OK):
            directory = done.enter_context(tempfile.TemporaryDirectory(prefix="drp-doctor-"))
            Path(directory).chmod(0o711)
        argv = worker_command([sys.executable, "-m", "drp.sandboxes.trial", driver, directory])
        try:
            answer = json.loads(run(argv, timeout_seconds=_SECONDS).stdout.splitlines()[-1])
        except (CommandFailed, ValueError, IndexError) as error:
            words = " ".join(error.tail) if isinstance(error, CommandFailed) else ""
            detail = quoted(words[-300:]) if words else quoted(getattr(error, "message", str(error)))
            return Requirement(name=name, met=False, detail=detail, mend=_hint(detail, hints))
    detail = read(answer["detail"])
    mend = NOTHING if answer["met"] else _hint(detail, hints)
    return Requirement(name=name, met=answer["met"], detail=detail, mend=mend)


def _hint(detail: str, hints: Sequence[tuple[str, Phrase]]) -> Phrase:
    return next((hint for sign, hint in hints if sign in detail), _ELSE)


def trial(driver: str, directory: Path) -> dict[str, object]:
    """Return whether a sandbox is isolated, having tried all ways out of one; runs in a worker's namespaces."""
    from drp.sandboxes.registry import Sandboxes  # noqa: PLC0415 - drivers name the trial among their needs

    profile = SandboxProfile(name="doctor", driver=driver, memory_bytes=1 << 28, processes=128, data_bytes=16 << 20)
    try:
        enter_worker((), None)
        sandboxes = Sandboxes(directory, resolve=lambda _reference: "")
        handle, lost = _open(sandboxes, profile)
        try:
            proof = sandboxes.prove(handle)
        finally:
            residue = sandboxes.destroy(handle)
    except DrpError as error:
        return {"met": False, "detail": written(own_words(error.message))}
    wrong = [quoted(f"{each.id}: {each.outcome}") for each in proof.checks if each.outcome != "denied"]
    wrong += [say("the positive control did not reach {target}", target=each) for each in proof.control_missed]
    detail = say(
        "{denied} of {tried} ways out denied, {reached} reached by the control",
        denied=proof.denied,
        tried=len(proof.checks),
        reached=proof.control_reached,
    )
    if not residue.clean:
        wrong.append(say("the sandbox left something behind"))
    return {"met": proof.holds and residue.clean, "detail": written(joined([detail, lost, *wrong[:5]]))}


def _open(sandboxes: Sandbox, profile: SandboxProfile) -> tuple[SandboxHandle, Phrase]:
    """Return a sandbox in a pod; or one alone, and what is lost: applications that call one another."""
    try:
        return sandboxes.open(profile, "trial", SandboxOrder(pod="trial", application="trial")), NOTHING
    except DrpError as error:
        return sandboxes.open(profile, "trial"), say("no pods (`pod: true`) here: {why}", why=own_words(error.message))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(trial(sys.argv[1], Path(sys.argv[2]))) + "\n")
