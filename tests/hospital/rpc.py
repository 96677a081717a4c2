"""A client of GNU Health's JSON-RPC interface into the hospital's network namespace; standard library only."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Self

from tests.hospital.processes import HospitalError, Namespace

_ATTEMPTS = 6
_CONFLICT = "could not serialize access"


class NamespaceConnection(http.client.HTTPConnection):
    """An HTTP connection into the hospital's network namespace."""

    def __init__(self, host: str, port: int, namespace: Namespace, timeout: float = 60) -> None:
        super().__init__(host, port, timeout=timeout)
        self._namespace = namespace

    def connect(self) -> None:
        """Open the socket inside the namespace."""
        with self._namespace.entered():
            super().connect()


def encode(value: Any) -> Any:
    """Return Tryton's JSON form of what JSON does not know."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{name: getattr(value, name) for name in names}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, bytes):
        return {"__class__": "bytes", "base64": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def decode(document: dict[str, Any]) -> Any:
    """Return what a tagged JSON object means; instants are UTC whatever the time zone of server or role."""
    kind = document.pop("__class__", None)
    if kind == "datetime":
        return datetime(**document, tzinfo=UTC)
    if kind == "date":
        return date(**document)
    if kind == "Decimal":
        return Decimal(document["decimal"])
    if kind in {"bytes", "bytearray"}:
        return base64.b64decode(document["base64"])
    return document if kind is None else {"__class__": kind, **document}


@dataclass
class GnuHealth:
    """A logged-in user of an instance. One instance of this class belongs to one thread."""

    host: str
    port: int
    database: str
    namespace: Namespace
    user_id: int = 0
    context: Mapping[str, Any] = field(default_factory=dict)
    _authorization: str = ""
    _connection: NamespaceConnection | None = None
    _count: int = 0

    def __enter__(self) -> Self:
        """Return itself; the connection is closed at the end of the block."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close the connection."""
        self.close()

    def login(self, user: str, password: str) -> GnuHealth:
        """Start a session; raises ``HospitalError`` when the instance refuses."""
        answer = self.call("common.db.login", user, {"password": password})
        if not answer:
            self.close()
            raise HospitalError(f"{self.database}: login refused")
        self.user_id, token = answer[0], answer[1]
        self._authorization = "Session " + base64.b64encode(f"{user}:{self.user_id}:{token}".encode()).decode()
        self.refresh()
        return self

    def refresh(self) -> None:
        """Read the user's preferences again: company and language are the context of every later call."""
        self.context = self.call("model.res.user.get_preferences", True, {})

    def call(self, method: str, *parameters: Any) -> Any:
        """Call any method of the interface. What it returns is committed. Raises ``HospitalError``.

        A transaction that PostgreSQL rolled back because of a concurrent one is tried again, as every client must.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._call(method, *parameters)
            except HospitalError as error:
                if _CONFLICT not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.2 * (attempt + 1))
        raise AssertionError(method)

    def _call(self, method: str, *parameters: Any) -> Any:
        self._count += 1
        body = json.dumps({"id": self._count, "method": method, "params": parameters}, default=encode).encode()
        headers = {"Content-Type": "application/json", "Authorization": self._authorization}
        if self._connection is None:
            self._connection = NamespaceConnection(self.host, self.port, self.namespace)
        try:
            self._connection.request("POST", f"/{self.database}/", body, headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.status != 200:
            self.close()
            raise HospitalError(f"{method}: HTTP {response.status} {content[:200]!r}")
        answer = json.loads(content, object_hook=decode)
        if isinstance(answer, dict):
            if answer.get("error"):
                raise HospitalError(f"{method}: {str(answer['error'])[:600]}")
            return answer["result"]
        return answer

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def create(self, model: str, values: Mapping[str, Any]) -> int:
        """Create one record and return its id. (Creating several parties or imaging orders at once is broken.)"""
        return int(self.call(f"model.{model}.create", [values], self.context)[0])

    def write(self, model: str, ids: Sequence[int], values: Mapping[str, Any]) -> None:
        """Change records."""
        self.call(f"model.{model}.write", list(ids), values, self.context)

    def read(self, model: str, ids: Sequence[int], fields: Iterable[str]) -> list[dict[str, Any]]:
        """Return fields of records."""
        return list(self.call(f"model.{model}.read", list(ids), list(fields), self.context))

    def search(self, model: str, domain: Sequence[Any] = (), limit: int | None = None) -> list[int]:
        """Return ids of records."""
        return list(self.call(f"model.{model}.search", list(domain), 0, limit, None, self.context))

    def count(self, model: str, domain: Sequence[Any] = ()) -> int:
        """Return how many records match."""
        return int(self.call(f"model.{model}.search_count", list(domain), 0, None, self.context))

    def rows(self, model: str, fields: Iterable[str], domain: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return fields of all records that match."""
        return list(self.call(f"model.{model}.search_read", list(domain), 0, None, None, list(fields), self.context))

    def button(self, model: str, name: str, record: int) -> None:
        """Press a button of a form."""
        self.call(f"model.{model}.{name}", [record], self.context)

    def wizard(self, name: str, state: str) -> None:
        """Run one step of a wizard."""
        session = self.call(f"wizard.{name}.create", self.context)[0]
        self.call(f"wizard.{name}.execute", session, {}, state, self.context)
        self.call(f"wizard.{name}.delete", session, self.context)
