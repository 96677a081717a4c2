"""Judges how the restore of a copy ended: whole, damaged with the files named, or cut short by something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drp.domain.phrase import Phrase, quoted, say
from drp.domain.restore import RestoreOutcome, RestoreReceipt
from drp.errors import AccessDenied, DrpError, PointGone, RepositoryError, StorageFull
from drp.repositories.copies.dialect import MESSAGE, words_of
from drp.repositories.dialects import message_of
from drp.repositories.naming import further

_NAMED = 200
_INTERRUPTED = {130, 137, 143}
_NO_ANSWER = -1
_LONGEST = 300


def judge(outcome: RestoreOutcome, *, repository: str, still_there: Callable[[], object]) -> RestoreReceipt:
    """Return the receipt, or raise when the end says nothing about the backup.

    ``still_there`` is asked before anything counts as damage: it raises what the Repository port names.
    """
    if outcome.exit_code < _NO_ANSWER or outcome.exit_code in _INTERRUPTED:
        raise RepositoryError(
            say(
                "the restore from {repository} was cut short (ended with {status})",
                repository=repository,
                status=str(outcome.exit_code),
            ),
            hint="look for a time limit, or for memory that ran out",
        )
    lines = (*outcome.errors, *(line for line in outcome.tail if line not in set(outcome.errors)))
    messages = [message for line in lines if (message := message_of(line, MESSAGE)) is not None]
    for message in messages:
        if message["message_type"] in {"error", "end"} and (error := _elsewhere(message, repository)) is not None:
            if not isinstance(error, StorageFull):
                still_there()
            raise error
    unrestored = _unrestored(messages, outcome)
    if unrestored:
        still_there()
    return RestoreReceipt(
        bytes_restored=_number(outcome.summary, "bytes_restored"),
        files_restored=_number(outcome.summary, "files_restored"),
        unrestored=unrestored,
    )


def _elsewhere(message: Mapping[str, Any], repository: str) -> DrpError | None:
    """Return the error for an end that is about access, space, or a folder that is not what it was."""
    words = words_of(message)[:_LONGEST]
    match message.get("reason"):
        case "denied":
            return AccessDenied(
                say(
                    "repository {repository}: the restore cell may not read {words}", repository=repository, words=words
                ),
                hint="let the user that runs drp read all of it; files of many owners take root and `identity: range`",
            )
        case "full":
            return StorageFull(
                say("no space while repository {repository} was read: {words}", repository=repository, words=words),
                hint="raise `data_bytes` of the sandbox profile, or free space on this host",
            )
        case "gone":
            return PointGone(
                say(
                    "the copy is gone from repository {repository} since it was selected: {words}",
                    repository=repository,
                    words=words,
                ),
                hint="keep retention from running meanwhile, and run the drill again: it selects among what is there",
            )
        case "changed":
            return RepositoryError(
                say(
                    "the copy in repository {repository} is not what it was when the restore began: {words}",
                    repository=repository,
                    words=words,
                ),
                hint="keep backup jobs from writing to finished copies, and run the drill again",
            )
        case "here":
            return RepositoryError(
                say(
                    "what repository {repository} holds could not be made in the sandbox: {words}",
                    repository=repository,
                    words=words,
                )
            )
        case _:
            return None


def _unrestored(messages: Sequence[Mapping[str, Any]], outcome: RestoreOutcome) -> tuple[Phrase, ...]:
    named = dict.fromkeys(
        words_of(message)[:_LONGEST]
        for message in messages
        if message["message_type"] == "error" and message.get("cannot_be_made") is not True
    )
    names = [quoted(name) for name in list(named)[:_NAMED]]
    unseen = _number(outcome.summary, "errors") - len(names)
    if unseen > 0:
        names.append(further(unseen))
    if outcome.exit_code != 0 and not names:
        said = [line for line in (*outcome.errors, *outcome.tail) if line.strip()]
        names.append(quoted(said[0][:_LONGEST]) if said else say("the restore ended badly and said nothing"))
    return tuple(names)


def _number(summary: Mapping[str, object], name: str) -> int:
    value = summary.get(name)
    return value if isinstance(value, int) and value > 0 else 0
