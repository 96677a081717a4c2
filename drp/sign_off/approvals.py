"""The ApprovalDesk port as a directory below the state directory that only drp's user may enter.

Without keys an answer is the word of the account that owns its file. A worker of a plain user sees other accounts than
its own as nobody: their word is refused, and never taken for another's.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drp.atomic import storage_errors, write_atomically
from drp.codec import canonical, from_json, to_data
from drp.domain.approval import ApprovalAnswer, ApprovalPolicy, Approver
from drp.domain.approval_desk import ApprovalDeposit
from drp.domain.phrase import NOTHING, quoted, say
from drp.domain.strict_json import parse
from drp.errors import AccessDenied, Tampered
from drp.sign_off.papers import ANSWER, Reply, answer_file, read_owned_paper, remove_paper, reply_file
from drp.sign_off.signature import verify
from drp.trust.accounts import account_name

NAMESPACE = "drp-approval"
_MOST = 20
"""Deposits looked at in one go."""
_USERS = Path("/proc/self/uid_map")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedInApproval:
    """An answer on its way to the drill."""

    answer: ApprovalAnswer
    signature: str = ""


class ApprovalDirectory:
    """Answers are files that somebody else wrote: every one is read with suspicion."""

    def __init__(self, root: Path) -> None:
        """Take the directory; it is made when a drill first waits."""
        self._root = root

    def open(self, drill: str) -> None:
        """Make the place where answers are handed in, empty."""
        folder = self._root / drill
        with storage_errors(folder):
            for part in (self._root, folder):
                part.mkdir(mode=0o700, exist_ok=True)
        for path in folder.iterdir():
            remove_paper(path)

    def deposits(self, drill: str) -> tuple[ApprovalDeposit, ...]:
        """Return the answers that wait for a reply."""
        folder = self._root / drill
        names = sorted(path.name for path in folder.glob("*.answer.json")) if folder.is_dir() else []
        found = [match[1] for name in names if (match := ANSWER.fullmatch(name))][:_MOST]
        return tuple(deposit for name in found if (deposit := _deposit(folder, name)) is not None)

    def whose(self, deposit: ApprovalDeposit, policy: ApprovalPolicy) -> Approver:
        """Return whose word an answer is. Raises ``AccessDenied``."""
        if not policy.allowed_signers:
            if deposit.uid < 0:
                raise AccessDenied(say("whose account wrote this answer cannot be told here: approvers need keys"))
            return Approver(name=account_name(deposit.uid), proven_by="account", uid=deposit.uid)
        message = canonical(to_data(deposit.answer))
        signed = (message, deposit.signature, policy.allowed_signers)
        try:
            signer = verify(*signed, scratch=self._root, permitted=policy.approvers, namespace=NAMESPACE)
        except AccessDenied:
            # whoever else signed with a listed key is told by name that they are no approver
            signer = verify(*signed, scratch=self._root, namespace=NAMESPACE)
        return Approver(name=signer.principal, proven_by="signature", key=signer.key)

    def reply(self, drill: str, deposit: ApprovalDeposit, *, refusal: str = "", by: Approver | None = None) -> None:
        """Leave the reply and take the answer away."""
        folder = self._root / drill
        name = by.name if by is not None and not refusal else ""
        body = json.dumps(
            to_data(Reply(accepted=not refusal, reason=quoted(refusal) if refusal else NOTHING, principal=name))
        ).encode()
        with suppress(FileNotFoundError):  # somebody removed the folder: then nobody waits for a reply
            write_atomically(reply_file(folder, deposit.id), body, mode=0o600)
        remove_paper(answer_file(folder, deposit.id))

    def close(self, drill: str) -> None:
        """Refuse what came too late, and take away everything but replies, which their readers take away."""
        folder = self._root / drill
        for deposit in self.deposits(drill):
            self.reply(drill, deposit, refusal=say("the drill does not wait for it any more"))
        with suppress(OSError):  # a reply that nobody read yet keeps the folder
            folder.rmdir()


def _deposit(folder: Path, name: str) -> ApprovalDeposit | None:
    try:
        found = read_owned_paper(answer_file(folder, name))
        if found is None:
            return None
        content, uid = found
        parse(content)
        handed = from_json(HandedInApproval, content)
    except (ValueError, Tampered) as error:
        return ApprovalDeposit(id=name, answer=None, trouble=str(getattr(error, "message", error)))
    return ApprovalDeposit(
        id=name, answer=handed.answer, signature=handed.signature, uid=on_host(uid, _USERS.read_text(encoding="ascii"))
    )


def on_host(uid: int, mapped: str) -> int:
    """Return the user id on the host of one in here, by the map of user_namespaces(7); -1: it has none."""
    for line in mapped.splitlines():
        inside, outside, length = map(int, line.split())
        if inside <= uid < inside + length:
            return outside + uid - inside
    return -1
