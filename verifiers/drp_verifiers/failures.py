"""Words for what kept a program inside the sandbox from an answer: it says a code and data, never words of its own."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from drp.domain.phrase import NOTHING, Duration, Phrase, Size, fact, joined, quoted, say
from drp.domain.visible import one_line

_LONGEST = 400
_OF_THE_SYSTEM: Mapping[int, Phrase] = {
    errno.ENOENT: say("there is no such file or folder"),
    errno.ENOTDIR: say("what stands in a folder's place is none"),
    errno.EISDIR: say("it is a folder"),
    errno.EACCES: say("permission denied"),
    errno.EPERM: say("the operation is not permitted"),
    errno.EIO: say("the device cannot read it"),
    errno.ENOSPC: say("no room is left"),
    errno.ELOOP: say("a link leads to itself, or is none that may be followed"),
    errno.EHOSTUNREACH: say("there is no way to the host"),
    errno.ENETUNREACH: say("there is no way to the network"),
}
"""What the system's usual errors mean; of others its own words are quoted."""


_PLAIN: Mapping[str, Phrase] = {
    "connection-refused": fact("connection-refused", "the connection was refused"),
    "connection-broke": fact("connection-broke", "the connection broke"),
    "not-http": fact("answer-not-http", "the answer is not HTTP"),
    "timed-out": fact("answer-timed-out", "timed out"),
    "time-over": fact("time-is-over", "the time is over"),
    "packed": fact("packed-breaks-off", "what is packed breaks off, or is none"),
    "breaks-off": fact("answer-breaks-off", "the answer breaks off"),
    "login-refused": fact("login-refused", "the login was refused"),
}
"""Codes that need no data."""


def failure(told: object) -> Phrase:
    """Return the words for what a program said; a text, or what is no code of its, is quoted. Nothing for nothing."""
    match told:
        case [str(code)] if code in _PLAIN:
            return _PLAIN[code]
        case ["overdue", int(ms)]:
            return fact("no-whole-answer-within", "timed out: no whole answer within {limit}", limit=Duration(ms))
        case ["answered", str(request), status, *kind]:
            return _answered(_short(request), _short(str(status)), kind)
        case ["body-broke-off", int(number)]:
            return fact("body-broke-off", "the body broke off: {size} less than promised", size=Size(number))
        case ["tls", str(words)]:
            return fact("tls-failed", "TLS failed: {words}", words=_short(words))
        case ["system", int(number), str(words)]:
            return _OF_THE_SYSTEM.get(number) or quoted(_short(words))
        case ["error", str(kind), str(words)]:
            return fact("program-raised", "{kind}: {words}", kind=_short(kind), words=_short(words))
        case ["words", str(words)] | str(words):
            return quoted(_short(words))
        case None:
            return NOTHING
        case _:
            return quoted(_short(str(told)))


def _answered(request: str, status: str, kind: list[object]) -> Phrase:
    """Return what a request was answered with; ``kind``: of which resource, where it has to be one."""
    if not kind:
        return fact("request-answered", "{request} answered {status}", request=request, status=status)
    what = joined([_short(str(one)) for one in kind if one], " ") or say("without a bundle")
    return fact(
        "request-answered-with", "{request} answered {status} {what}", request=request, status=status, what=what
    )


def _short(text: str) -> str:
    return one_line(text, _LONGEST)
