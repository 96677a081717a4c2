"""A FHIR R4 server with a few linked resources in memory, which a test may lose or leave dangling."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def resources() -> dict[str, dict[str, Any]]:
    """Return two patients with an observation each."""
    found: dict[str, dict[str, Any]] = {}
    for number in (1, 2):
        meta = {"lastUpdated": f"2026-11-21T11:0{number}:00.000Z"}
        found[f"Patient/p{number}"] = {"resourceType": "Patient", "id": f"p{number}", "meta": meta}
        found[f"Observation/o{number}"] = {
            "resourceType": "Observation",
            "id": f"o{number}",
            "meta": meta,
            "subject": {"reference": f"Patient/p{number}"},
        }
    return found


@dataclass
class FhirSimulator:
    """What the server holds and how it behaves."""

    held: dict[str, dict[str, Any]] = field(default_factory=resources)
    token: str = ""
    capable: bool = True
    searchable: bool = True
    page: int | None = None
    """So many resources a page, with a link to the next, whatever is asked."""
    change: Callable[[str, dict[str, list[str]], int, Any], tuple[int, Any]] | None = None
    """Spoils an answer: given path, query, status and body; a body of bytes is sent as it is."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with each answer."""
    asked: list[str] = field(default_factory=list)
    address: str = ""
    """Under which it names itself in links; empty: where it listens."""
    listens: str = ""

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Return status and body."""
        if path == "metadata":
            kind = "CapabilityStatement" if self.capable else "OperationOutcome"
            return 200, {"resourceType": kind, "fhirVersion": "4.0.1"}
        if path in self.held:
            return 200, self.held[path]
        if "/" in path or not self.searchable:
            return 404, {"resourceType": "OperationOutcome"}
        found = [resource for resource in self.held.values() if resource["resourceType"] == path]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        if "_summary" not in query:
            first, size = int(query.get("page", ["0"])[0]), self.page or int(query.get("_count", ["20"])[0])
            bundle["entry"] = [{"resource": resource} for resource in found[first : first + size]]
            if first + size < len(found):
                following = f"{self.address or self.listens}/{path}?_count={size}&page={first + size}"
                bundle["link"] = [{"relation": "next", "url": following}]
        return 200, bundle

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Listen on loopback; yields the base address."""
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                allowed = not simulator.token or self.headers.get("Authorization") == f"Bearer {simulator.token}"
                path = parts.path.removeprefix("/fhir/")
                query = parse_qs(parts.query)
                simulator.asked.append(self.path)
                status, body = simulator.answer(path, query) if allowed else (401, {})
                if simulator.change is not None:
                    status, body = simulator.change(path, query, status, body)
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(raw)))
                for name, value in simulator.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
            self.listens = base
            try:
                yield base
            finally:
                server.shutdown()
                thread.join()
