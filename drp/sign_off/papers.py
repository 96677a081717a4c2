"""The papers that lie on the desk: their names, their form, and how one is read that a stranger may have written."""

from __future__ import annotations

import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from drp.domain.phrase import NOTHING, Phrase, say
from drp.domain.sign_off import SignOffAnswer

_LARGEST = 256 << 10
OPENED = "opened.json"
ANSWER = re.compile(r"([0-9a-f]{16})\.answer\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """An answer on its way to the drill."""

    answer: SignOffAnswer
    signature: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the drill says to an answer."""

    accepted: bool
    reason: Phrase = NOTHING
    principal: str = ""
    """As whose it was taken; empty: nobody's signature."""


def folder_of(root: Path, drill: str, application: str) -> Path:
    """Return where answers of one application in one drill are handed in."""
    return root / drill / application


def answer_file(folder: Path, deposit: str) -> Path:
    """Return where an answer lies."""
    return folder / f"{deposit}.answer.json"


def reply_file(folder: Path, deposit: str) -> Path:
    """Return where its reply lies."""
    return folder / f"{deposit}.reply.json"


def read_paper(path: Path) -> bytes | None:
    """Return a paper's content; None: there is none that may be read (yet).

    Raises ValueError for what is no plain file of reasonable size: links are not followed, pipes not waited for.
    """
    found = read_owned_paper(path)
    return found[0] if found is not None else None


def read_owned_paper(path: Path) -> tuple[bytes, int] | None:
    """Return a paper's content and the user id of the owner of the file that was read, as `read_paper` does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, PermissionError):
        return None
    except OSError as error:
        raise ValueError(say("cannot be opened: {why}", why=error.strerror)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(say("is not a plain file"))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(_LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST:
        raise ValueError(say("is larger than 256 KiB"))
    return content, status.st_uid


def remove_paper(path: Path) -> None:
    """Remove whatever lies there under a paper's name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
