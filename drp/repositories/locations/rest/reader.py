"""What a REST server says of a repository; nothing but GET and HEAD is ever sent from here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drp.domain.phrase import say
from drp.domain.strict_json import Limits, Malformed, parse
from drp.errors import RepositoryError
from drp.repositories.locations.rest.connection import LARGEST_BYTES, Answer, RestConnection

_LISTING = Limits(size=LARGEST_BYTES)
_NAME = re.compile(r"[0-9a-f]{64}")


class RestReader:
    """The files of a repository behind a REST server."""

    def __init__(self, name: str, connection: RestConnection) -> None:
        """Take the repository's name, for messages, and who speaks to the server."""
        self._name, self.connection = name, connection

    def names(self, part: str) -> Iterator[tuple[str, int | None]]:
        """Yield the files of a part (``snapshots``) by name and, where the server tells it, size in bytes.

        A part that is not there is empty. Names that restic does not give are passed over.
        """
        answer = self._ask("GET", f"{part}/")
        if answer is None:
            return
        try:
            listing = _listed(answer.body)
        except Malformed as error:
            raise RepositoryError(
                say(
                    "repository {name} answers a malformed listing at {where}: {why}",
                    name=self._name,
                    where=self.connection.where,
                    why=error.args[0],
                ),
                hint="check the address: it is that of a REST server of restic, with the repository's path",
            ) from error
        for entry in listing:
            name, size = (entry.get("name"), entry.get("size")) if isinstance(entry, dict) else (entry, None)
            if isinstance(name, str) and _NAME.fullmatch(name):
                yield name, size if isinstance(size, int) else None

    def exists(self, key: str) -> bool:
        """Return whether there is a file."""
        return self._ask("HEAD", key) is not None

    def size(self, key: str) -> int | None:
        """Return the bytes of a file; None: it is not there, or the server does not tell."""
        answer = self._ask("HEAD", key)
        return answer.size if answer is not None else None

    def _ask(self, method: str, path: str) -> Answer | None:
        """Return the answer; None: there is nothing. Raises what `RestConnection.refusal` makes of any other."""
        answer = self.connection.ask(method, path)
        if answer.status == 200:
            return answer
        if answer.status == 404:
            return None
        raise self.connection.refusal(answer)


def _listed(body: bytes) -> list[object]:
    """Return what a listing lists; servers written in Go say ``null`` of nothing. Raises ``Malformed``."""
    found = parse(body, _LISTING)
    if not isinstance(found, list | None):
        raise Malformed(say("no list"))
    return found or []
