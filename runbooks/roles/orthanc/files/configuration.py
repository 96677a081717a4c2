"""Read the restored configuration of an Orthanc: a file of JSON with comments, or a folder of such.

What Orthanc takes is taken: variables of the environment, text in Latin-1, line ends in strings, words after the end.
It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. What
is wrong is told without the text, which holds passwords.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

LONGEST = 16 << 20
MOST_FILES = 500
COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
TRAILING = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])')
VARIABLE = re.compile(r"\$\{([^:}]+)(?::-([^}]*))?\}")


class Failure(Exception):
    """What to tell, in one line."""


class Limit(Failure):
    """The same, where not the backup but the machine that drills, or this runbook, falls short."""


def small(path: Path) -> bytes:
    """Return a restored file that must be a small one: no pipe, no device, and never waiting. Raises OSError."""
    real = os.path.realpath(path)  # links are usual among configuration files; what they lead to is looked at
    handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise OSError(errno.EFBIG, f"is longer than {LONGEST} bytes", str(path))
    return content


def decoded(content: bytes) -> str:
    """Return the text of a file; Orthanc takes Latin-1 too, and so did many an editor."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def substituted(text: str) -> str:
    """Put in the variables of the environment, or what stands for them: ``${NAME:-default}``."""

    def value(found: re.Match[str]) -> str:
        name, default = found.groups(default="")
        if len(default) > 1 and default[0] == default[-1] and default[0] in "'\"":
            default = default[1:-1]
        return os.environ.get(name, default)

    return VARIABLE.sub(value, text)


def parsed(path: Path) -> dict[str, Any]:
    """Return one file of the configuration."""

    def kept(found: re.Match[str]) -> str:
        return found.group(0) if found.group(0).startswith('"') else " "

    try:
        text = substituted(decoded(small(path)))
        bare = TRAILING.sub(kept, COMMENT.sub(kept, text)).strip()
        content, _ = json.JSONDecoder(strict=False).raw_decode(bare)
    except FileNotFoundError:
        raise Failure(f"there is no {path}: is configuration right?") from None
    except OSError as error:
        raise Failure(f"{path} is no configuration of Orthanc: it {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Failure(f"{path} is no configuration of Orthanc: it cannot be read{place}") from None
    if not isinstance(content, dict):
        raise Failure(f"{path} is no configuration of Orthanc: it is no object")
    return content


def configuration(path: Path) -> dict[str, Any]:
    """Return the restored configuration: a file, or a folder of files that each define other sections."""
    if not path.is_dir():
        return parsed(path)
    whole: dict[str, Any] = {}
    files = sorted(each for each in path.iterdir() if each.name.lower().endswith(".json") and not each.is_dir())
    if len(files) > MOST_FILES:
        raise Limit(f"there are more than {MOST_FILES} files of configuration in {path}")
    for file in files:
        for name, value in parsed(file).items():
            if name in whole:
                raise Failure(f"{name} is defined twice in {path}")
            whole[name] = value
    if not whole:
        raise Failure(f"there is no *.json in {path}: is configuration right?")
    return whole
