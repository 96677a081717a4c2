"""A running application as verifiers see it: commands through the agent of its sandbox, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from drp.domain.check import Execution
from drp.sandboxes.client import AgentClient


class SandboxTarget:
    """The Target protocol on an agent."""

    def __init__(self, client: AgentClient) -> None:
        """Take the client of the sandbox."""
        self._client = client

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command inside; raises SandboxError only when the sandbox is gone or its agent lies."""
        return self._client.exec(argv, stdin=stdin, timeout=timeout_seconds, env=environment)

    def stream(
        self,
        argv: Sequence[str],
        *,
        receive: Callable[[bytes], None],
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command inside and pass its standard output on; raises as ``run``, and what ``receive`` raises."""
        return self._client.exec(argv, stdin=stdin, timeout=timeout_seconds, env=environment, receive=receive)
