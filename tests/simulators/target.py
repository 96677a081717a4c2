"""A Target without a sandbox: commands run directly on this machine, as an unprivileged user, in a group that is killed."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drp.domain.check import Execution

_CAP = 64 << 20


@dataclass
class LocalTarget:
    user: str = "nobody"
    path: str = "/usr/local/bin:/usr/bin:/bin"
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
        self.calls.append(tuple(argv))
        entry = pwd.getpwnam(self.user)
        became = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": self.path, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **(environment or {})},
                cwd="/",
                start_new_session=True,
                **became,
            )
        except FileNotFoundError as error:
            return Execution(exit_code=127, stdout=b"", stderr=str(error).encode())
        timed_out = False
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
        return Execution(
            exit_code=process.returncode,
            stdout=stdout[:_CAP],
            stderr=stderr[:_CAP],
            timed_out=timed_out,
            duration_ms=int((time.monotonic() - started) * 1000),
        )
