"""Files of the site with one value a line: declared exceptions and merges. Read once, and only as they were planned."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from drp.domain.phrase import say
from drp.domain.reconciliation.preparation import DeclaredList
from drp.errors import ConfigError

MOST_BYTES = 64 << 20
_HINT = say("plan the drill again, which takes the file as it is now")


def digest_of_list(path: Path) -> str:
    """Return the SHA-256 of a list as it is now. Raises ``ConfigError``."""
    return hashlib.sha256(_content(path)).hexdigest()


def lines_of(listed: DeclaredList) -> tuple[str, ...]:
    """Return the lines of a list, without empty ones and comments (``#``).

    Raises ``ConfigError`` where it cannot be read, is no text, or is not the file that was planned with.
    """
    content = _content(Path(listed.path))
    if hashlib.sha256(content).hexdigest() != listed.sha256:
        raise ConfigError(say("{path} is another file than the plan was made with", path=listed.path), hint=_HINT)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(say("{path} is no text in UTF-8", path=listed.path), hint="save it as UTF-8") from error
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(say("{path} is no file", path=path), hint="name a file with one value a line")
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            say("{path} cannot be read: {why}", path=path, why=error.strerror), hint="let drp's user read it"
        ) from error
    if len(content) > MOST_BYTES:
        raise ConfigError(
            say("{path} is larger than {most} MiB", path=path, most=MOST_BYTES >> 20),
            hint="take `where`, or a pattern",
        )
    return content
