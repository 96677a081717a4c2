"""How restic speaks: JSON messages where its version has them, plain lines otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drp.domain.strict_json import Limits
from drp.repositories.dialects import Said, message_of
from drp.repositories.restic.answers import announced_errors, read
from drp.repositories.restic.words import CANNOT_BE_MADE, kind_of_words

_MESSAGE = Limits(size=2 << 20, half_pairs=True)
_PROGRESS = {
    "done_bytes": "bytes_restored",
    "total_bytes": "total_bytes",
    "done_files": "files_restored",
    "total_files": "total_files",
}


class ResticText:
    """What every version prints without JSON, and older ones print of errors."""

    last_words_count = False

    def read(self, line: str) -> Said:
        """Return what a line says."""
        return _plain(line)


class ResticJson:
    """What ``restic restore --json`` prints."""

    last_words_count = True

    def read(self, line: str) -> Said:
        """Return what a line says; a message of a type that is not known tells nothing."""
        message = message_of(line, _MESSAGE)
        if message is None:
            return _plain(line)
        match message["message_type"]:
            case "status":
                return Said(kind="status", fields=_progress(message))
            case "summary":
                return Said(kind="summary", fields=message)
            case "error" | "exit_error" as kind:
                return _error(line, message, ended=kind == "exit_error")
            case _:
                return Said(kind="status")


def _progress(message: Mapping[str, Any]) -> dict[str, object]:
    return {ours: message[theirs] for ours, theirs in _PROGRESS.items() if isinstance(message.get(theirs), int)}


def _error(line: str, message: Mapping[str, Any], *, ended: bool) -> Said:
    """Return an error; one that was written in another way than the versions known here is told as it stands."""
    answers = read([line])
    harmless = any(answer.kind == "item" and kind_of_words(answer.message) in CANNOT_BE_MADE for answer in answers)
    words = answers[0].words if answers and not harmless else _own_words(message)
    return Said(kind="end" if ended else "error", words=words, harmless=harmless, announced=announced_errors(answers))


def _own_words(message: Mapping[str, Any]) -> str:
    error = message.get("error")
    words = error.get("message") if isinstance(error, dict) else None
    words = str(words or message.get("message") or error or "error without a message")
    item = message.get("item")
    return f"{item}: {words}" if item else words


def _plain(line: str) -> Said:
    answers = read([line])
    if not answers:
        return Said(kind="noise")
    harmless = any(answer.kind == "item" and kind_of_words(answer.message) in CANNOT_BE_MADE for answer in answers)
    return Said(
        kind="text",
        words=line if harmless else answers[0].words,
        harmless=harmless,
        announced=announced_errors(answers),
    )


TEXT = ResticText()
JSON = ResticJson()
