"""What a version of restic can do, as a table. Each line names the release that brought it (restic's changelog)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from drp.domain.phrase import say
from drp.errors import RepositoryError

Version = tuple[int, int, int]

OLDEST: Version = (0, 14, 0)
"""Reads repository format 2; older ones have not been tried."""
_SPARSE: Version = (0, 15, 0)
_RESTORE_JSON: Version = (0, 16, 0)
_EXIT_MISSING: Version = (0, 17, 0)
_EXIT_PASSWORD: Version = (0, 17, 1)
_ERRORS_JSON: Version = (0, 17, 1)
_EXIT_JSON: Version = (0, 18, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The abilities of one version; a version without them is used in reduced mode."""

    version: Version

    @property
    def restore_json(self) -> bool:
        """Whether ``restore --json`` prints progress and a summary; before, the option was ignored."""
        return self.version >= _RESTORE_JSON

    @property
    def sparse(self) -> bool:
        """Whether ``restore --sparse`` leaves holes where a file is nothing but zeros."""
        return self.version >= _SPARSE

    @property
    def errors_json(self) -> bool:
        """Whether a restore's errors are JSON with the item apart from the message."""
        return self.version >= _ERRORS_JSON

    @property
    def exit_json(self) -> bool:
        """Whether the last error is JSON too."""
        return self.version >= _EXIT_JSON

    @property
    def tells_missing(self) -> bool:
        """Whether exit code 10 says that there is no repository, and 11 that it is locked."""
        return self.version >= _EXIT_MISSING

    @property
    def tells_password(self) -> bool:
        """Whether exit code 12 says that the password is wrong."""
        return self.version >= _EXIT_PASSWORD

    @property
    def text(self) -> str:
        """Return the version as people write it."""
        return ".".join(str(part) for part in self.version)


def features_of(answer: str) -> Features:
    """Return the features of the version named by ``restic version``. Raises ``RepositoryError``."""
    found = re.match(r"restic (\d+)\.(\d+)(?:\.(\d+))?", answer.strip())
    if found is None:
        raise RepositoryError(
            say("the backup tool does not say its version: {answer}", answer=repr(answer.strip()[:80])),
            hint="install restic 0.14 or newer",
        )
    features = Features(version=(int(found[1]), int(found[2]), int(found[3] or 0)))
    if features.version < OLDEST:
        raise RepositoryError(say("restic {text} is too old", text=features.text), hint="install restic 0.14 or newer")
    return features
