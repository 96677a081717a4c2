"""How a REST server of restic repositories is spoken to: HTTP/1.1, each call within its limits, no redirect followed.

The protocol: https://restic.readthedocs.io/en/stable/100_references.html#rest-backend.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from drp.clock import utc_now
from drp.domain.phrase import say
from drp.domain.repository import WaitLimits
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.redact import redact, remember
from drp.repositories.locations.rest.location import RestLocation
from drp.tls import context

LARGEST_BYTES = 64 << 20
"""Of one answer: a listing of some 600,000 names."""
_PIECE = 1 << 16
_READING = frozenset({"GET", "HEAD"})
_VERSION_2 = "application/vnd.x.restic.rest.v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who speaks, resolved; never printed."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """Return them as HTTP has them (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


def resolve_credentials(
    user: SecretReference | None, password: SecretReference | None, resolve: Callable[[SecretReference], str]
) -> Credentials | None:
    """Return credentials, which never leave in a message; None: there are none."""
    if user is None or password is None:
        return None
    made = Credentials(user=resolve(user), password=resolve(password))
    remember(made.password)
    remember(made.header.partition(" ")[2])
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    reason: str
    body: bytes
    size: int | None
    """Of the object, by ``Content-Length``; None: it was not told."""


class RestConnection:
    """One server, spoken to with some credentials. Each call is a connection of its own."""

    def __init__(
        self,
        name: str,
        location: RestLocation,
        credentials: Callable[[], Credentials | None],
        limits: WaitLimits,
        *,
        may_change: bool = False,
    ) -> None:
        """Take the repository's name, for messages, where it is, what gives credentials, and the time limits.

        ``may_change``: only for the probe, on files of its own.
        """
        self._may_change = may_change
        self._name, self._location, self._credentials, self._limits = name, location, credentials, limits
        self.clock_ahead_ms: int | None = None
        """By how much this machine's clock was ahead of the server's when it last answered (RFC 9110 §6.6.1)."""

    @property
    def where(self) -> str:
        """Return host and port, for messages."""
        return f"{self._location.address.host}:{self._location.address.port}"

    def ask(self, method: str, path: str, *, body: bytes | None = None, largest: int = LARGEST_BYTES) -> Answer:
        """Return the answer to a request for a path of the repository, whatever its status.

        Raises ``Unreachable`` for silence, a lost connection, a certificate that nobody vouches for, and an answer that
        does not end in time; ``RepositoryError`` for one that is larger than ``largest`` bytes.
        """
        if method not in _READING and not self._may_change:
            raise RepositoryError(
                say("drp reads repositories and never sends {method}", method=method), hint="this is a bug in drp"
            )
        deadline = time.monotonic() + self._limits.command_seconds
        try:
            with closing(self._connection()) as connection:
                connection.connect()
                connection.sock.settimeout(self._limits.answer_seconds)
                connection.request(method, f"{self._location.address.path}/{path}", body=body, headers=self._headers())
                answer = connection.getresponse()
                self._compare_clocks(answer.headers.get("Date"))
                return Answer(
                    status=answer.status,
                    reason=redact(answer.reason)[:80],
                    body=self._body(answer, deadline, largest),
                    size=_length(answer.headers),
                )
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error

    def stream(self, path: str, *, offset: int, length: int | None, most: int) -> Iterator[bytes]:
        """Yield the bytes of a file from an offset, all or ``length`` of them, in pieces of at most ``most`` bytes.

        Raises ``FileNotFoundError`` where there is none, ``IncompleteRead`` where it ends before its length, what
        `refusal` makes of another answer, and ``Unreachable`` for silence.
        """
        if length == 0:
            return
        end = "" if length is None else str(offset + length - 1)
        wanted = {"Range": f"bytes={offset}-{end}"} if offset or length is not None else {}
        try:
            with closing(self._connection()) as connection:
                connection.connect()
                connection.sock.settimeout(self._limits.answer_seconds)
                target = f"{self._location.address.path}/{path}"
                connection.request("GET", target, headers={**self._headers(), **wanted})
                answer = connection.getresponse()
                if answer.status == 416:  # it ends before the offset
                    return
                self._require(answer, 206 if wanted else 200)
                yield from _pieces(answer, most)
        except (FileNotFoundError, http.client.IncompleteRead):
            raise
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error

    def _require(self, answer: http.client.HTTPResponse, status: int) -> None:
        if answer.status == 404:
            raise FileNotFoundError
        if answer.status != status:
            raise self.refusal(Answer(status=answer.status, reason=redact(answer.reason)[:80], body=b"", size=None))

    def _connection(self) -> http.client.HTTPConnection:
        address = self._location.address
        if not address.secure:
            return http.client.HTTPConnection(address.host, address.port, timeout=self._limits.connect_seconds)
        trusted = context(Tls(ca=self._location.ca_file), lambda _: "")
        return http.client.HTTPSConnection(
            address.host, address.port, timeout=self._limits.connect_seconds, context=trusted
        )

    def _headers(self) -> Mapping[str, str]:
        known = self._credentials()
        return {"Accept": _VERSION_2, **({"Authorization": known.header} if known is not None else {})}

    def _body(self, answer: http.client.HTTPResponse, deadline: float, largest: int) -> bytes:
        pieces, size = [], 0
        for piece in _pieces(answer, _PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                raise self._too_large(largest)
            if time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(pieces)

    def _too_large(self, most: int) -> RepositoryError:
        message = say(
            "repository {name} answers more than {most} bytes at {where}", name=self._name, most=most, where=self.where
        )
        return RepositoryError(message)

    def _compare_clocks(self, told: str | None) -> None:
        try:
            at = parsedate_to_datetime(told) if told is not None else None
        except ValueError:
            at = None
        if at is not None:
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            self.clock_ahead_ms = (utc_now() - at) // timedelta(milliseconds=1)

    def _silent(self, error: Exception) -> Unreachable:
        reason = "timed out" if isinstance(error, TimeoutError) else redact(str(error) or type(error).__name__)[:200]
        hint = "give the CA's certificates as `ca_file`" if isinstance(error, ssl.SSLError) else None
        message = say(
            "repository {name} does not answer at {where}: {what}", name=self._name, where=self.where, what=reason
        )
        return Unreachable(message, hint=hint)

    def refusal(self, answer: Answer) -> RepositoryError:
        """Return the error of the family for an answer that is no success."""
        told = {"name": self._name, "where": self.where, "status": f"{answer.status} {answer.reason}".strip()}
        if answer.status in {401, 403}:
            return AccessDenied(
                say("repository {name} refuses access at {where}: {status}", **told),
                hint="check `user` and `password` of its location",
            )
        if answer.status >= 500 or answer.status in {408, 429}:
            return Unreachable(say("repository {name} answers {status} at {where}", **told))
        return RepositoryError(
            say("repository {name} answers {status} at {where}", **told),
            hint="check the address: it is that of a REST server of restic, with the repository's path",
        )


def _pieces(answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    """Yield the body of an answer. Raises ``IncompleteRead`` where it ends before its stated length."""
    while piece := answer.read1(most):
        yield piece
    if answer.length:  # it is what is still to come
        raise http.client.IncompleteRead(b"", answer.length)


def _length(headers: http.client.HTTPMessage) -> int | None:
    said = headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else None
