"""How programs that restore speak of what they do: a kind of repository registers how its own is understood.

Ansible's plugin `drp_exec` reads with it, line by line and while the program runs. All of it is untrusted text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from drp.domain.phrase import say
from drp.domain.strict_json import Limits, Malformed, parse_object
from drp.registry import Registry

SaidKind = Literal["status", "summary", "error", "end", "text", "noise"]
"""status: how far it is · summary: what it did · error: about one thing · end: why it ends · text: anything else ·
noise: what is no reason for anything, such as a stack trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line, understood."""

    kind: SaidKind
    words: str = ""
    """For people, short; empty for a status, a summary and noise."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Of a status: ``done_bytes``, ``total_bytes``, ``done_files``, ``total_files``; of a summary: all of it."""
    harmless: bool = False
    """Whether it is about what no sandbox can make, whoever asks: the backup is not at fault."""
    announced: int = 0
    """How many errors it says there were."""


class Dialect(Protocol):
    """What a program prints, by lines. Registered as entry point of the group ``drp.dialects``."""

    last_words_count: bool
    """Whether the last error tells best why it ended; otherwise the first fatal line does."""

    def read(self, line: str) -> Said:
        """Return what a line says, without its end. Never raises."""
        ...


def message_of(line: str, limits: Limits) -> Mapping[str, Any] | None:
    """Return a JSON message with a ``message_type``, as programs print one a line; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        message = parse_object(line, limits)
    except Malformed:
        return None
    return message if isinstance(message.get("message_type"), str) else None


class PlainDialect:
    """Text of a program that nobody knows."""

    last_words_count = False

    def read(self, line: str) -> Said:
        """Return the line as it is; what is indented by a tab goes on with a stack trace."""
        return Said(kind="noise") if line.startswith("\t") else Said(kind="text", words=line)


PLAIN = "none"
_DIALECTS: Registry[Dialect] = Registry("drp.dialects", say("dialect of a program that restores"), ours_first=True)


def dialect(name: str) -> Dialect:
    """Return a dialect by its name. Raises ``PluginError`` when there is none, or it cannot be loaded."""
    return PlainDialect() if name == PLAIN else _DIALECTS.load(name)
