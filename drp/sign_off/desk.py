"""The SignOffDesk port as a directory below the state directory that only drp's user may enter."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.codec import canonical, from_json, to_data
from drp.domain.phrase import NOTHING, quoted, say
from drp.domain.sign_off import Checklist, SignOffAnswer
from drp.domain.sign_off_desk import Deposit, Opened, Signer
from drp.domain.strict_json import parse
from drp.errors import Tampered
from drp.sign_off.papers import (
    ANSWER,
    OPENED,
    HandedIn,
    Reply,
    answer_file,
    folder_of,
    read_paper,
    remove_paper,
    reply_file,
)
from drp.sign_off.signature import verify

_MOST = 20
"""Deposits looked at in one go."""


class DirectoryDesk:
    """Answers are files that somebody else wrote: every one is read with suspicion."""

    def __init__(self, root: Path) -> None:
        """Take the directory; it is made when a drill first waits."""
        self._root = root

    def open(self, drill: str, application: str) -> None:
        """Make the place where answers are handed in, empty."""
        folder = folder_of(self._root, drill, application)
        with storage_errors(folder):
            for part in (self._root, folder.parent, folder):
                part.mkdir(mode=0o700, exist_ok=True)
        for path in folder.iterdir():
            remove_paper(path)

    def opened(self, drill: str, application: str) -> Opened | None:
        """Return who opened the checklist last, if anybody did and it can be read."""
        try:
            content = read_paper(folder_of(self._root, drill, application) / OPENED)
            return from_json(Opened, content) if content is not None else None
        except (ValueError, Tampered):
            return None

    def deposits(self, drill: str, application: str) -> tuple[Deposit, ...]:
        """Return the answers that wait for a reply."""
        folder = folder_of(self._root, drill, application)
        names = sorted(path.name for path in folder.glob("*.answer.json")) if folder.is_dir() else []
        found = [match[1] for name in names if (match := ANSWER.fullmatch(name))][:_MOST]
        return tuple(deposit for name in found if (deposit := _deposit(folder, name)) is not None)

    def reply(
        self, drill: str, application: str, deposit: Deposit, *, refusal: str = "", signer: Signer | None = None
    ) -> None:
        """Leave the reply for the referent and take the answer away."""
        folder = folder_of(self._root, drill, application)
        principal = signer.principal if signer is not None and not refusal else ""
        body = json.dumps(
            to_data(Reply(accepted=not refusal, reason=quoted(refusal) if refusal else NOTHING, principal=principal))
        ).encode()
        with suppress(FileNotFoundError):  # somebody removed the folder: then nobody waits for a reply
            write_atomically(reply_file(folder, deposit.id), body, mode=0o600)
        remove_paper(answer_file(folder, deposit.id))

    def signer(self, answer: SignOffAnswer, signature: str, checklist: Checklist) -> Signer:
        """Return who signed the answer. Raises ``AccessDenied`` when nobody did who may sign for this application."""
        permitted = frozenset(each.principal for each in checklist.principals)
        message = canonical(to_data(answer))
        return verify(message, signature, checklist.allowed_signers, permitted=permitted, scratch=self._root)

    def close(self, drill: str, application: str) -> None:
        """Refuse what came too late, and take away everything but replies, which their readers take away."""
        folder = folder_of(self._root, drill, application)
        for deposit in self.deposits(drill, application):
            self.reply(drill, application, deposit, refusal=say("the drill does not wait for it any more"))
        remove_paper(folder / OPENED)
        with suppress(OSError):  # a reply that nobody read yet keeps the folder
            folder.rmdir()
            folder.parent.rmdir()


def _deposit(folder: Path, name: str) -> Deposit | None:
    try:
        content = read_paper(answer_file(folder, name))
        if content is None:
            return None
        parse(content)
        handed = from_json(HandedIn, content)
    except (ValueError, Tampered) as error:
        return Deposit(id=name, answer=None, trouble=str(getattr(error, "message", error)))
    return Deposit(id=name, answer=handed.answer, signature=handed.signature)
