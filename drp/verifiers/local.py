"""A Target on this machine, for `drp verifier try` and `facts`. Drills never use it: it isolates nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from drp.command import Stream, run
from drp.domain.check import Execution
from drp.errors import CommandFailed


class LocalTarget:
    """Runs commands as child processes of the calling user."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Keep what is added to the environment of every command."""
        self._environment = dict(environment or {})

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command to its end; one that does not exist ends with 127.

        Its temporary files lie in a folder of their own, which goes with it: a program that is killed at its time limit
        removes nothing, and some copy what they read.
        """
        with tempfile.TemporaryDirectory(prefix="drp-verifier-", ignore_cleanup_errors=True) as temporary:
            Path(temporary).chmod(0o711)  # a server does not run as root, and goes through
            return self._run(argv, stdin, timeout_seconds, {**(environment or {}), "TMPDIR": temporary})

    def stream(
        self,
        argv: Sequence[str],
        *,
        receive: Callable[[bytes], None],
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> Execution:
        """Run a command to its end, and hand its output on then: here it is small."""
        execution = self.run(argv, stdin=stdin, timeout_seconds=timeout_seconds, environment=environment)
        receive(execution.stdout)
        return replace(execution, stdout=b"")

    def _run(
        self, argv: Sequence[str], stdin: bytes, timeout_seconds: float, environment: Mapping[str, str]
    ) -> Execution:
        errors: list[str] = []

        def keep(stream: Stream, line: str) -> None:
            if stream == "stderr":
                errors.append(line)

        try:
            output = run(
                argv,
                stdin=stdin,
                timeout_seconds=timeout_seconds,
                environment={**self._environment, **environment},
                on_line=keep,
                check=False,
            )
        except CommandFailed as failed:
            return Execution(exit_code=failed.exit_code, stdout=b"", stderr=failed.message.encode())
        return Execution(
            exit_code=output.exit_code,
            stdout=output.stdout.encode(),
            stderr="\n".join(errors).encode(),
            timed_out=output.ended_by != "itself",
            duration_ms=output.duration_ms,
        )
