"""Tries on files of its own what an append-only server must refuse: to delete them, and to overwrite them.

They are those of a repository of its own below, or beside, the real one, on the same server; no real file is named. The
same credentials first show that they may make a file, and delete a lock, which append-only servers let go.
"""

from __future__ import annotations

import hashlib
import posixpath
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from drp.domain.phrase import fact, say
from drp.domain.repository import RepositorySettings
from drp.domain.worm.probe import Attempt, Probe, Tried
from drp.domain.worm.sacrificed import Said, came_of, findings_of
from drp.errors import RepositoryError, UsageError
from drp.repositories.kind import Resolve
from drp.repositories.locations.rest.connection import Answer, Credentials, RestConnection, resolve_credentials
from drp.repositories.locations.rest.location import RestLocation

FOLDER = "drp-probe"
_CONTENT = b"drp: this file may be destroyed\n"
_DATA = f"data/{hashlib.sha256(_CONTENT).hexdigest()}"
"""Servers may hold a file against the digest in its name."""
_REFUSED = {401, 403, 405}
_LARGEST = 1 << 16
Sight = Literal["absent", "own", "other", "unseen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Client:
    by: str
    connection: RestConnection

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        """Return status and what the server said; 0 where it did not answer."""
        try:
            answer = self.connection.ask(method, path, body=body, largest=_LARGEST)
        except RepositoryError as error:
            return 0, str(error.message)[:200]
        return answer.status, f"{answer.status} {answer.reason}".strip()

    def sight(self, path: str, content: bytes = _CONTENT) -> Sight:
        """Return what is there: nothing, what the probe put there, or anything else."""
        try:
            answer: Answer = self.connection.ask("GET", path, largest=_LARGEST)
        except RepositoryError:
            return "unseen"
        if answer.status == 200:
            return "own" if answer.body == content else "other"
        return "absent" if answer.status == 404 else "unseen"


def probe_server(settings: RepositorySettings, location: RestLocation, resolve: Resolve, at: datetime) -> Probe:
    """Return what came of the attempts, with the probe's credentials and, on the same file, with the reader's.

    Raises ``UsageError`` where the site gives the probe no credentials.
    """
    keys = settings.worm.probe
    if keys is None:
        raise UsageError(
            say("repository {name} names no credentials to probe its server with", name=settings.name),
            hint="give it `worm.probe`: the backup job's user as `access_key`, its password as `secret_key`",
        )
    known = {
        "probe": resolve_credentials(keys.access_key, keys.secret_key, resolve),
        "reader": resolve_credentials(location.user, location.password, resolve),
    }
    for path in _places(location):
        place = replace(location, address=replace(location.address, path=path))
        clients = [_client(settings, place, by, who) for by, who in known.items() if who is not None]
        tried = tuple(_tried(clients, path))
        if any(each.came != "undecided" for each in tried):
            break
    return Probe(
        at=at,
        subject=f"{path}/{_DATA}",
        retained_until=None,
        tried=tried,
        findings=tuple(findings_of(tried, "server")),
        mode="server",
        clock_ahead_ms=clients[0].connection.clock_ahead_ms,
    )


def _client(settings: RepositorySettings, place: RestLocation, by: str, who: Credentials) -> _Client:
    connection = RestConnection(settings.name, place, lambda: who, settings.limits, may_change=True)
    return _Client(by=by, connection=connection)


def _tried(clients: Sequence[_Client], path: str) -> Iterator[Tried]:
    """Yield what came of everything, at one place of the server."""
    made, answer = _made(clients[0])
    if not made:
        why = fact("sacrifice-not-made", "no file of its own could be made at {path}", path=path)
        yield from (Tried(attempt=each, came="undecided", by="probe", answer=answer, why=why) for each in _WANTED)
        return
    able = _may_delete_locks(clients[0])
    for client in clients:
        yield from _attempts(client, able=able if client.by == "probe" else None)


_WANTED: tuple[Attempt, ...] = ("delete-file", "write-file")


def _places(location: RestLocation) -> Iterator[str]:
    """Yield where the probe's own repository may be: below the real one, or beside it where servers nest no deeper."""
    own = location.address.path
    yield f"{own}/{FOLDER}"
    if own:
        yield f"{posixpath.dirname(own).rstrip('/')}/{FOLDER}-{posixpath.basename(own)}"


def _made(client: _Client) -> tuple[bool, str]:
    """Return whether the probe's own files are there, made now or by an earlier probe."""
    answer = ""
    for number, path in enumerate((_DATA, "config")):
        if client.sight(path) != "absent":  # what is there is never written over before it is known to be the probe's
            continue
        if not number:
            client.ask("POST", "?create=true")
        _, answer = client.ask("POST", path, _CONTENT)
    return client.sight(_DATA) == client.sight("config") == "own", answer


def _may_delete_locks(client: _Client) -> bool | None:
    """Return whether these credentials make a file, and delete it where it may go."""
    content = secrets.token_bytes(32)
    path = f"locks/{hashlib.sha256(content).hexdigest()}"
    made, _ = client.ask("POST", path, content)
    if made != 200:
        return False if made in _REFUSED else None
    client.ask("DELETE", path)
    there = client.sight(path, content)
    return None if there == "unseen" else there == "absent"


def _attempts(client: _Client, *, able: bool | None) -> Iterator[Tried]:
    for path in (_DATA, "config"):
        status, answer = client.ask("POST", path, b"drp was here\n")
        if status == 400:  # it is held against its name: then the very same content, which changes nothing
            status, answer = client.ask("POST", path, _CONTENT)
        yield _judged(client, "write-file", path, status, answer, able=able)
        status, answer = client.ask("DELETE", path)
        yield _judged(client, "delete-file", path, status, answer, able=able)


def _judged(client: _Client, attempt: Attempt, path: str, status: int, answer: str, *, able: bool | None) -> Tried:
    said: Said = "done" if 200 <= status < 300 else "refused" if status in _REFUSED else "unclear"
    seen = client.sight(path)
    whole = None if seen == "unseen" else seen == "own"
    came, ground, why = came_of(said, whole=whole, able=able)
    if came == "undecided" and client.by == "reader" and said == "refused":
        came, why = "refused", None  # whatever the reason: these credentials could not do it
    if whole is False:
        client.ask("POST", path, _CONTENT)  # for the next attempt
    part = path.partition("/")[0]
    return Tried(attempt=attempt, came=came, by=client.by, answer=f"{answer} ({part})", ground=ground, why=why)
