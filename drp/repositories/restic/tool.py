"""Runs restic on this machine for the short questions: always read-only, without locks, within time limits.

Secrets reach it through memfd alone; its cache is private. Restores do not run here but in the restore cell.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from drp.atomic import make_folder, storage_errors
from drp.command import MINIMAL_ENVIRONMENT, OnLine, Output, run
from drp.domain.phrase import own_words, say
from drp.domain.repository import WaitLimits
from drp.errors import CommandFailed, RepositoryError, StorageFull
from drp.repositories.restic.features import Features, features_of

_VERSION_SECONDS = 20.0
_CACHE_BYTES = 64 << 20
"""With less room for its cache restic goes without: 0.18 waits for ever on a file that it could not write there."""


def executable_path(executable: str) -> Path:
    """Return where the backup tool is. Raises ``RepositoryError`` when it is nowhere."""
    found = shutil.which(executable, path=MINIMAL_ENVIRONMENT["PATH"])
    if found is None:
        raise RepositoryError(
            say("{executable} is not installed", executable=executable), hint="install restic, or run `drp doctor`"
        )
    return Path(found).resolve()


def default_version() -> str:
    """Return what the restic of this machine says of its version. Raises ``RepositoryError``."""
    try:
        output = run([str(executable_path("restic")), "version"], timeout_seconds=_VERSION_SECONDS)
    except CommandFailed as error:
        raise RepositoryError(
            say("restic does not run: {words}", words=own_words(error.message)), hint="install restic anew"
        ) from error
    return (output.stdout.splitlines() or [""])[0]


class ResticTool:
    """One restic executable, used on one repository."""

    def __init__(
        self,
        executable: str,
        *,
        repository: tuple[str, ...],
        secrets: Callable[[], Mapping[str, str]],
        cache_directory: Path,
        limits: WaitLimits,
    ) -> None:
        """Take the executable, the arguments that name the repository, what resolves secrets, and where to cache."""
        self._executable = executable
        self._repository = repository
        self._secrets = secrets
        self._cache = cache_directory
        self._limits = limits

    @cached_property
    def path(self) -> Path:
        """Return the executable's path. Raises ``RepositoryError`` when there is none."""
        return executable_path(self._executable)

    @cached_property
    def features(self) -> Features:
        """Return what this version can do; it is asked once."""
        try:
            output = run([str(self.path), "version"], timeout_seconds=_VERSION_SECONDS)
        except CommandFailed as error:
            raise RepositoryError(
                say("{executable} does not run: {words}", executable=self._executable, words=own_words(error.message))
            ) from error
        return features_of(output.stdout)

    def call(
        self, *arguments: str, on_line: OnLine | None = None, capture: bool = True, limits: WaitLimits | None = None
    ) -> Output:
        """Run a command that only reads, within the repository's limits or others. The caller judges how it ended."""
        cached = self._may_cache()
        limits = limits or self._limits
        return run(
            [str(self.path), *self._repository, "--no-lock", "--json", *([] if cached else ["--no-cache"]), *arguments],
            timeout_seconds=limits.command_seconds,
            idle_seconds=limits.idle_seconds,
            environment={"RESTIC_CACHE_DIR": str(self._cache), "TMPDIR": str(self._cache)} if cached else {},
            secrets=self._secrets(),
            on_line=on_line,
            capture=capture,
            check=False,
        )

    def _may_cache(self) -> bool:
        """Return whether there is room for a cache; who only looks may have no right to make one."""
        try:
            with storage_errors(self._cache):
                make_folder(self._cache.parent)
                self._cache.mkdir(exist_ok=True, mode=0o700)
        except StorageFull:
            return False
        if not os.access(self._cache, os.W_OK | os.X_OK):
            return False
        return shutil.disk_usage(self._cache).free >= _CACHE_BYTES
