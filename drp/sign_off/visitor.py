"""The referent's side of the desk: says that the checklist was opened, hands an answer in, and waits for the reply."""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from drp.atomic import write_atomically
from drp.codec import from_json, to_data
from drp.domain.phrase import Phrase, say
from drp.domain.sign_off import SignOffAnswer
from drp.domain.sign_off_desk import Opened
from drp.errors import AccessDenied, DrpError, StorageFull, Tampered, Unreachable
from drp.sign_off.papers import OPENED, HandedIn, Reply, answer_file, folder_of, read_paper, reply_file

_POLL_SECONDS = 0.2


class Refused(Exception):
    """The drill did not take the answer; ``reason`` says why."""

    def __init__(self, reason: Phrase) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


class Visitor:
    """One referent at the desk of one application in one drill."""

    def __init__(self, root: Path, drill: str, application: str) -> None:
        """Take the desk's directory."""
        self._folder = folder_of(root, drill, application)

    def open(self, challenge: str, name: str) -> None:
        """Say that the checklist was opened: the business begins to work. Raises AccessDenied, Unreachable."""
        _write(self._folder, self._folder / OPENED, to_data(Opened(challenge=challenge, name=name)))

    def hand_in(self, answer: SignOffAnswer, signature: str, *, patience_seconds: float) -> str:
        """Hand the answer in, wait until the drill took it, and return as whose: the principal, empty: nobody's.

        Raises ``Refused`` with the drill's reason, ``Unreachable`` when no drill answers, ``AccessDenied`` when this
        user may not hand anything in.
        """
        principal = hand_over(self._folder, HandedIn(answer=answer, signature=signature), patience_seconds)
        with suppress(OSError):  # others may have replies to read
            self._folder.parent.rmdir()
        return principal


def hand_over(folder: Path, paper: object, patience_seconds: float) -> str:
    """Lay a paper on a desk, wait until the drill took it, and return as whose. Raises as `Visitor.hand_in` does."""
    deposit = secrets.token_hex(8)
    _write(folder, answer_file(folder, deposit), to_data(paper))
    reply = _wait(folder, deposit, time.monotonic() + patience_seconds)
    reply_file(folder, deposit).unlink(missing_ok=True)
    if not reply.accepted:
        raise Refused(reply.reason)
    with suppress(OSError):  # the drill may be faster, and others may have replies to read
        folder.rmdir()
    return reply.principal


def _wait(folder: Path, deposit: str, deadline: float) -> Reply:
    while time.monotonic() < deadline:
        try:
            content = read_paper(reply_file(folder, deposit))
            if content is not None:
                return from_json(Reply, content)
        except (ValueError, Tampered) as error:
            raise Unreachable(say("the drill's reply cannot be read: {why}", why=error)) from error
        time.sleep(_POLL_SECONDS)
    answer_file(folder, deposit).unlink(missing_ok=True)
    raise Unreachable(say("no drill took the answer"), hint="see `drp drill show latest`: does it still wait?")


def _write(folder: Path, path: Path, data: object) -> None:
    try:
        keeper = folder.stat()
        # the drill may run as another user than root
        owner = (keeper.st_uid, keeper.st_gid) if os.geteuid() == 0 else None
        write_atomically(path, json.dumps(data).encode(), mode=0o600, owner=owner)
    except (FileNotFoundError, StorageFull, PermissionError) as error:
        raise _unwelcome(folder, error) from error


def _unwelcome(folder: Path, error: Exception) -> DrpError:
    cause = error.__cause__ if isinstance(error, StorageFull) else error
    if isinstance(cause, PermissionError):
        return AccessDenied(
            say("this user may not hand anything in at {folder}", folder=folder), hint="run it as the user of the drill"
        )
    if isinstance(error, StorageFull):
        return error
    return Unreachable(say("the drill does not wait any more"), hint="see `drp drill show latest`")
