"""Answers the DNS queries of restored software: no name of the outside exists, and which ones were asked for is told.

Names of restored applications, which are in /etc/hosts too, lead to their addresses. Look-ups of names for addresses
(…arpa) find nothing and are not told: servers make them of whoever connects. Queries are hostile: nothing is
decompressed, all is bounded.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from drp.domain.phrase import say
from drp.sandboxes.network.hearing import Hearing

_HEADER = struct.Struct("!HHHHHH")
_QUERY_LIMIT = 512
_LABEL_LIMIT, _NAME_LIMIT = 63, 255
_RESPONSE, _RECURSION, _NO_SUCH_NAME, _MALFORMED = 0x8000, 0x0080, 3, 1
_KEPT_FLAGS = 0x7900
"""Operation and wish for recursion (RFC 1035 §4.1.1) stand in the answer as in the query."""
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")

_A, _AAAA, _INTERNET, _POINTER_TO_QUESTION = 1, 28, 1, 0xC00C
_RECORD = struct.Struct("!HHHIH")

Known = Mapping[str, Sequence[bytes]]
"""Name in lower case → packed addresses."""
OnAsked = Callable[[str], None]


class Resolver:
    """Serves one socket for as long as it is open."""

    def __init__(self, channel: socket.socket, on_asked: OnAsked) -> None:
        """Take over a datagram socket of the sandbox's network namespace; ``on_asked`` hears what is not known."""
        self._on_asked = on_asked
        self._known: dict[str, Sequence[bytes]] = {"localhost": ()}
        self._hearing = Hearing(channel, self._take, who=say("the resolver of a sandbox"))

    def know(self, names: Known) -> None:
        """Answer for these names too."""
        self._known = {**self._known, **names}

    def name(self, hostname: str) -> None:
        """Answer for the sandbox's own name too; declared addresses of it come first."""
        self._known = {hostname: (), **self._known}

    def catch_up(self) -> None:
        """Answer all that was asked so far. Raises SandboxError when nobody listens any more."""
        self._hearing.catch_up()

    def close(self) -> None:
        """Stop; safe to call again."""
        self._hearing.close()

    def _take(self, channel: socket.socket) -> None:
        try:
            query, sender = channel.recvfrom(_QUERY_LIMIT)
        except BlockingIOError:
            raise
        except OSError:
            if channel.fileno() < 0 or not _still_open(channel):
                raise
            return
        if sender is None:
            raise OSError(say("it was shut down"))
        response, name = answer(query, self._known)
        if name and name not in self._known and not name.endswith(".arpa"):
            self._on_asked(name)
        if response:
            with suppress(OSError):  # the sender is gone
                channel.sendto(response, sender)


def _still_open(channel: socket.socket) -> bool:
    """Return whether the error was about one datagram, such as a sender that is gone, and not about the socket."""
    try:
        return bool(channel.getsockname())
    except OSError:
        return False


def answer(query: bytes, known: Known) -> tuple[bytes, str]:
    """Return the response to a query and the name that it asks for, escaped; nothing and no name for what is no query.

    A name that is known exists, with or without an address of the kind that is asked for.
    """
    if len(query) < _HEADER.size:
        return b"", ""
    identity, flags, questions, *_ = _HEADER.unpack_from(query)
    if flags & _RESPONSE:
        return b"", ""
    echoed = _RESPONSE | _RECURSION | (flags & _KEPT_FLAGS)
    name, end = _name(query)
    if questions != 1 or end == 0:
        return _HEADER.pack(identity, echoed | _MALFORMED, 0, 0, 0, 0), ""
    question = query[_HEADER.size : end]
    if name not in known:
        return _HEADER.pack(identity, echoed | _NO_SUCH_NAME, 1, 0, 0, 0) + question, name
    size = {_A: 4, _AAAA: 16}.get(struct.unpack_from("!H", question, len(question) - 4)[0])
    records = [_record(address) for address in known[name] if len(address) == size]
    return _HEADER.pack(identity, echoed, 1, len(records), 0, 0) + question + b"".join(records), name


def _record(address: bytes) -> bytes:
    kind = _A if len(address) == 4 else _AAAA
    header = _RECORD.pack(_POINTER_TO_QUESTION, kind, _INTERNET, 0, len(address))
    return header + address


def _name(query: bytes) -> tuple[str, int]:
    """Return the name in the question and where the question ends; 0 when there is no whole one."""
    labels: list[str] = []
    at = _HEADER.size
    while at < len(query) and at - _HEADER.size < _NAME_LIMIT:
        length = query[at]
        if length == 0:
            end = at + 5
            return (".".join(labels), end) if end <= len(query) else ("", 0)
        if length > _LABEL_LIMIT or at + 1 + length > len(query):
            break
        labels.append(_escaped(query[at + 1 : at + 1 + length]))
        at += 1 + length
    return "", 0


def _escaped(label: bytes) -> str:
    """Return a label in lower case, other bytes than those of host names as in RFC 4343, in decimal."""
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03d}" for byte in label.lower())
