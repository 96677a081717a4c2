# Copyright the drp authors. GNU General Public License v3.0 or later (see LICENSE in the folder above).
"""Connection plugin: Ansible's tasks reach a sandbox through the socket of the agent inside it."""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase

from drp.errors import SandboxError
from drp.sandboxes.client import AgentClient

DOCUMENTATION = r"""
name: drp_sandbox
short_description: run tasks inside a drp sandbox through its agent
description:
  - Reaches a sandbox or a restore cell through the socket of its agent. There is no ssh, no nsenter and no privilege
    in between, and what runs inside has exactly the rights of the sandbox.
author: drp
options:
  socket:
    description: Path, on the controller, of the socket of the sandbox's agent.
    type: path
    required: true
    vars:
      - name: ansible_drp_socket
  exec_timeout:
    description: Time limit for one command, in seconds.
    type: float
    default: 28800
    vars:
      - name: ansible_drp_timeout
"""


class Connection(ConnectionBase):
    """The way into one sandbox."""

    transport = "drp_sandbox"
    has_pipelining = True
    has_tty = False
    allow_executable = True

    _agent = None

    @property
    def agent(self):
        """Return the client of the sandbox's agent, for actions that need more than a shell."""
        self._connect()
        return self._agent

    @property
    def time_limit(self):
        """Return the limit for one command, in seconds."""
        return float(self.get_option("exec_timeout"))

    def _connect(self):
        if self._agent is None:
            agent = AgentClient(self.get_option("socket"))
            try:
                agent.ping()
            except (OSError, SandboxError) as error:
                raise AnsibleConnectionFailure(f"the sandbox's agent cannot be reached: {_words(error)}") from None
            self._agent = agent
            self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=False):  # noqa: FBT002 - the base class has it so
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        try:
            end = self.agent.exec(["/bin/sh", "-c", cmd], stdin=in_data or b"", timeout=self.time_limit)
        except (OSError, SandboxError) as error:
            raise AnsibleConnectionFailure(f"the sandbox has gone: {_words(error)}") from None
        if end.timed_out:
            raise AnsibleError(f"the command exceeded {self.time_limit:.0f} s")
        return end.exit_code, end.stdout, end.stderr

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        try:
            self.agent.put(in_path, out_path)
        except (OSError, SandboxError) as error:
            raise AnsibleError(f"cannot write {out_path} in the sandbox: {_words(error)}") from None

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        try:
            self.agent.get(in_path, out_path)
        except (OSError, SandboxError) as error:
            raise AnsibleError(f"cannot read {in_path} in the sandbox: {_words(error)}") from None

    def close(self):
        self._agent = None
        self._connected = False


def _words(error):
    """Return an error's message without its hint; causes are cut, since Ansible would repeat them."""
    return getattr(error, "message", None) or str(error)
