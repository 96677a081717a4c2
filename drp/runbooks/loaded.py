"""An Ansible that has loaded: it takes half a second of processor time once, and each run is forked from it.

A matter of speed and memory alone: a run that finds none, or one that dies, is started by itself.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence

from drp import command
from drp.ending import kill_with_children
from drp.runbooks.folder import PrivateFolder
from drp.runbooks.session import way_in
from drp.share import shared

_WAITING = 64
_JOIN = "join.py"


class LoadedAnsible:
    """One process, in namespaces of its own, which dies with this one or at ``close``."""

    def __init__(self, folder: PrivateFolder, launcher: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it; it loads in the background. ``folder`` becomes its own. Raises ``RunbookError`` and ``OSError``."""
        self._folder = folder
        self._socket = folder.path / "ansible.socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(self._socket))
            listener.listen(_WAITING)
            argv = [*way_in(), *launcher, "--forks", str(listener.fileno())]
            self._process = command.start(argv, environment=environment, pass_fds=[listener.fileno()])

    @property
    def alive(self) -> bool:
        """Return whether it can be asked still."""
        return self._process.poll() is None

    def join(self, alone: Sequence[str]) -> tuple[str, ...]:
        """Return the command that has it fork a run; ``alone`` is the command that does without."""
        program = shared("runbooks") / "plugins" / _JOIN
        return (sys.executable, "-I", "-S", str(program), str(self._socket), *alone)

    def close(self) -> None:
        """End it, and whatever it forked; safe to call again."""
        if self.alive:
            kill_with_children(self._process.pid)
        self._process.wait()
        self._folder.remove()
