"""A Target inside the hospital's network namespace: what verifiers see of an application that runs in the rig."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drp.domain.check import Execution
from tests.hospital.processes import ROOT, Namespace, User, as_user, environment


@dataclass
class NamespaceTarget:
    """Runs commands beside the applications, with what they may read; a sandbox would isolate them as well."""

    namespace: Namespace
    user: User = ROOT
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def stream(self, argv, *, receive, stdin=b"", timeout_seconds=60.0, environment=None) -> Execution:
        """Run a command, and hand its output on in pieces."""
        execution = self.run(argv, stdin=stdin, timeout_seconds=timeout_seconds, environment=environment)
        for begin in range(0, len(execution.stdout), 1 << 16):
            receive(execution.stdout[begin : begin + (1 << 16)])
        return replace(execution, stdout=b"")

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command and return however it ends."""
        self.calls.append(tuple(argv))
        started = time.monotonic()
        words = as_user(self.user, argv) if self.user != ROOT else list(argv)
        process = subprocess.Popen(
            [*self.namespace.prefix(), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_whole(environment),
            cwd="/",
            start_new_session=True,
        )
        timed_out = False
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
        milliseconds = int((time.monotonic() - started) * 1000)
        return Execution(
            exit_code=process.returncode, stdout=stdout, stderr=stderr, timed_out=timed_out, duration_ms=milliseconds
        )


def _whole(extra: Mapping[str, str] | None) -> dict[str, str]:
    return environment(extra)
