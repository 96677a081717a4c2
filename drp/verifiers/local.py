"""A Target on this machine, for `drp verifier try` and `facts`. Drills never use it: it isolates nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        """Run a command to its end; one that does not exist ends with 127."""
        errors: list[str] = []

        def keep(stream: Stream, line: str) -> None:
            if stream == "stderr":
                errors.append(line)

        try:
            output = run(
                argv,
                stdin=stdin,
                timeout_seconds=timeout_seconds,
                environment={**self._environment, **(environment or {})},
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
