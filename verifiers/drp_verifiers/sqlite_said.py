"""Words for what the programs inside answer about an SQLite database: they say codes and data."""

from __future__ import annotations

from drp.domain.phrase import Phrase, Size, fact, quoted
from drp.domain.visible import one_line

_LONGEST = 400
_PLAIN = {
    "too-long": fact("query-took-too-long", "it took more than the time that it may take"),
    "not-opened": fact("database-not-opened", "it cannot be opened where nothing is written: use the option copy"),
    "locked": fact("database-locked", "its application keeps it locked: use the option copy"),
    "breaks-off": fact("log-head-breaks-off", "it breaks off in its head"),
    "head": fact("log-head-damaged", "its head is damaged"),
}
"""What is said without data."""


def said(told: object) -> Phrase:
    """Return the words for what a program said; what is none of its codes is quoted. Empty for nothing."""
    match told:
        case None | "" | []:
            return quoted("")
        case ["words", str(words)]:
            return quoted(one_line(words, _LONGEST))
        case [str(code)] if code in _PLAIN:
            return _PLAIN[code]
        case ["no-room", int(size), int(room)]:
            return fact(
                "no-room-for-database",
                "a copy of it takes {size}, and there is room for {room} where it is read",
                size=Size(size),
                room=Size(room),
            )
        case ["frame", int(damaged), int(commit)]:
            return fact(
                "log-frame-damaged",
                "frame {damaged} is damaged, and behind it stands a commit, in frame {commit}",
                damaged=damaged,
                commit=commit,
            )
        case _:
            return quoted(one_line(str(told), _LONGEST))
