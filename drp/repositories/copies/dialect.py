"""How the program that restores copies speaks: JSON messages, one a line. Names in them were chosen by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drp.domain.strict_json import Limits
from drp.repositories.dialects import Said, message_of

MESSAGE = Limits(size=64 << 10)
_PROGRESS = ("done_bytes", "total_bytes", "done_files", "total_files")


def words_of(message: Mapping[str, Any]) -> str:
    """Return an error's item and reason."""
    item, reason = message.get("item"), str(message.get("message") or "an error without a message")
    return f"{item}: {reason}" if item else reason


class CopiesDialect:
    """What ``restore_copy.py`` prints."""

    last_words_count = True

    def read(self, line: str) -> Said:
        """Return what a line says."""
        message = message_of(line, MESSAGE)
        if message is None:
            return Said(kind="text", words=line)
        match message["message_type"]:
            case "status":
                return Said(kind="status", fields={name: message[name] for name in _PROGRESS if name in message})
            case "summary":
                return Said(kind="summary", fields=message)
            case "error":
                return Said(kind="error", words=words_of(message), harmless=message.get("cannot_be_made") is True)
            case "end":
                said = message.get("errors")
                count = said if isinstance(said, int) and not isinstance(said, bool) else 0
                return Said(kind="end", words=words_of(message), announced=count)
            case _:
                return Said(kind="text", words=line)


DIALECT = CopiesDialect()
