"""Words for how an entry departs: workers tell a code and plain values, which can be marshalled, and no sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import Any

from drp.domain.phrase import NOTHING, Phrase, count, counted, fact, joined, quoted, say

Told = tuple[Any, ...]
"""A code, and what belongs to it; empty: nothing is said."""

KINDS: Mapping[str, Phrase] = {
    "file": fact("entry-file", "file"),
    "directory": fact("entry-directory", "directory"),
    "symlink": fact("entry-symlink", "symlink"),
    "fifo": fact("entry-fifo", "fifo"),
    "socket": fact("entry-socket", "socket"),
    "block": fact("entry-block", "block"),
    "character": fact("entry-character", "character"),
    "unknown": fact("entry-unknown", "unknown"),
}
"""By what `drp.manifests.row.kind_of` calls them."""
_ERRORS: Mapping[int, Phrase] = {
    errno.ENOENT: say("there is no such file or folder"),
    errno.EACCES: say("permission denied"),
    errno.EPERM: say("the operation is not permitted"),
    errno.EIO: say("the device cannot read it"),
    errno.ELOOP: say("a link leads to itself, or is none that may be followed"),
    errno.ESTALE: say("the file server no longer knows it"),
    errno.ENAMETOOLONG: say("the name is too long"),
}
"""What usual errors of the system mean; of others its own words are quoted."""
_PLAIN: Mapping[str, Phrase] = {
    "at-rest": fact("entry-at-rest", "a file at rest"),
    "changed-twice": fact("entry-changed-twice", "changed while it was read, twice"),
    "own-file": fact("entry-own-file", "a file of its own"),
    "not-linked": fact("entry-not-linked", "not linked to it"),
    "below-unexpected": fact("entry-below-unexpected", "below an unexpected directory"),
    "nothing": fact("entry-nothing", "nothing"),
    "beside": fact("entry-beside", "outside the tree that the manifest describes"),
    "not-restored": fact("entry-not-restored", "nothing was restored here"),
}


def words(told: Any) -> Phrase:
    """Return the words for one side of a departure; a plain string is of an earlier drp."""
    match told:
        case () | "":
            return NOTHING
        case (str(code),) if code in _PLAIN:
            return _PLAIN[code]
        case ("kind", str(kind)):
            return KINDS.get(kind) or quoted(kind)
        case ("errno", int(number)):
            return error_words(number)
        case ("unreadable-then", int(number)):
            return fact(
                "unreadable-then",
                "unknown: unreadable when the manifest was made ({why})",
                why=error_words(number),
            )
        case ("unlisted-then", int(number)):
            return fact("unlisted-then", "unknown: {why} when the manifest was made", why=error_words(number))
        case ("content", int(size), tuple(digests)):
            each = [say("{algorithm} {digest}", algorithm=name, digest=digest) for name, digest in digests]
            return joined([count("{n} byte", "{n} bytes", size), *each], ", ")
        case ("all", tuple(each)):
            return joined([words(one) for one in each])
        case (str(code), str(text)):
            return _with_text(code, text) or quoted(text)
        case ("workers-died", int(signal)):
            return fact(
                "workers-died", "two workers died while reading here (the last by signal {signal})", signal=str(signal)
            )
        case _:
            return quoted(str(told))


def _with_text(code: str, text: str) -> Phrase | None:
    match code:
        case "mode":
            return fact("entry-mode", "mode {mode}", mode=text)
        case "owner":
            return fact("entry-owner", "owner {owner}", owner=text)
        case "mtime":
            return fact("entry-mtime", "mtime_ns {time}", time=text)
        case "target":
            return fact("entry-target", "target {target}", target=text)
        case "device":
            return fact("entry-device", "device {device}", device=text)
        case "xattrs":
            return fact("entry-attributes-digest", "xattrs {digest}", digest=text or say("none"))
        case "link":
            return fact("entry-hard-link", "hard link to {path}", path=text)
        case "with":
            return fact("attribute-with", "with {name}", name=text)
        case "without":
            return fact("attribute-without", "without {name}", name=text)
        case "as-recorded":
            return fact("attribute-as-recorded", "{name} as recorded", name=text)
        case "another":
            return fact("attribute-another", "{name} another", name=text)
    return None


def error_words(number: int) -> Phrase:
    """Return an error of the system in words, its name first."""
    name = errno.errorcode.get(number, str(number))
    return fact("system-error", "{name}: {words}", name=name, words=_ERRORS.get(number) or os.strerror(number))


def turn(number: int, rotation: int, drawn: int, population: int, bad: int) -> Phrase:
    """Return what one turn of a rotation looked at, and what came of it."""
    seen = fact(
        "sample-turn",
        "turn {turn} of {rotation}: {drawn} of {population} files",
        turn=str(number),
        rotation=str(rotation),
        drawn=drawn,
        population=population,
    )
    if not bad:
        return fact("sample-turn-as-recorded", "{seen}, all as recorded", seen=seen)
    return counted(
        "sample-turn-not-as-recorded",
        "{seen}, {n} of them not as recorded",
        "{seen}, {n} of them not as recorded",
        bad,
        seen=seen,
    )
