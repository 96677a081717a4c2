"""Whether Ansible works here, found by trying: one task, played as a drill plays its runbooks.

``python -m drp.runbooks.doctor DIRECTORY`` is the trial itself, in a worker's namespaces.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from drp.domain.phrase import fact, say
from drp.errors import DrpError, RunbookError
from drp.runbooks.folder import PrivateFolder
from drp.runbooks.runner import environment, launcher
from drp.runbooks.session import Limit, Session, way_in
from drp.share import shared

_SECONDS = 60.0
_PLAYBOOK = """
- name: Try Ansible
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Tell the version
      ansible.builtin.set_stats:
        data: {version: "{{ ansible_version.full }}"}
"""


def trial(directory: Path, python: Path) -> str:
    """Play one task with the Ansible of ``python`` and return its version. Raises ``RunbookError``.

    ``directory`` holds the folder of the run where there is no memory to spare; nothing of it stays.
    """
    with PrivateFolder(directory) as folder:
        playbook = folder.path / "trial.yml"
        playbook.write_text(_PLAYBOOK, encoding="utf-8")
        session = Session(folder.path, [*way_in(), *launcher(python)], environment([shared("runbooks")], folder.path))
        limit = Limit(time.monotonic() + _SECONDS, lambda: False)
        session.obey(["-i", "localhost,", "-c", "local", str(playbook)], limit)
    if limit.reached:
        message = say("ansible did not come to a result within {SECONDS} s", SECONDS=f"{_SECONDS:.0f}")
        raise RunbookError(message)
    session.recording.require_judgement("the trial", session.exit_code)
    if session.status != "successful" or "version" not in session.recording.outputs:
        message = say(
            "ansible ended with {exit_code} during {place}",
            exit_code=str(session.exit_code),
            place=session.recording.place(),
        )
        raise RunbookError(message)
    return fact("ansible-core", "ansible-core {version}", version=str(session.recording.outputs["version"]))


def _answer(directory: Path) -> dict[str, object]:
    try:
        return {"met": True, "detail": trial(directory, Path(sys.executable))}
    except DrpError as error:
        return {"met": False, "detail": error.message}
    except OSError as error:
        return {"met": False, "detail": f"ansible could not be prepared: {error}"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(Path(sys.argv[1]))) + "\n")
