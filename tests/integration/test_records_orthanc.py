"""Records of an Orthanc page by page: a page that broke is asked for again, and no set is whole unless it is counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from drp_verifiers.records import read_records
from tests.simulators.target import LocalTarget

STUDIES = 1203


class Pacs:
    """An Orthanc that can misbehave."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.told = self.told_after = STUDIES
        self.ids = list(range(STUDIES))
        self.counted = 0

    def answer(self, path: str) -> Any:
        where = urlsplit(path)
        if where.path == "/statistics":
            self.counted += 1
            return {"CountStudies": self.told if self.counted == 1 else self.told_after}
        query = parse_qs(where.query)
        since, limit = int(query["since"][0]), int(query["limit"][0])
        return [
            {"ID": f"{number:040x}", "LastUpdate": "20261120T120000", "MainDicomTags": {"AccessionNumber": str(number)}}
            for number in self.ids[since : since + limit]
        ]


@pytest.fixture
def pacs() -> Iterator[tuple[Pacs, int]]:
    simulated = Pacs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            failure = simulated.failures.pop(0) if simulated.failures else ""
            body = json.dumps(simulated.answer(self.path)).encode() if not failure else b"trouble"
            if failure == "hang up":
                self.close_connection = True
                return
            self.send_response(int(failure or 200))
            self.send_header("Content-Length", str(len(body) + (10 if failure == "206" else 0)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield simulated, server.server_address[1]
    server.shutdown()
    server.server_close()


def read(port: int) -> list[object]:
    request = {
        "host": "127.0.0.1", "port": port, "configuration": "", "user": "", "password_file": "", "level": "studies",
        "fields": {"accession": "AccessionNumber"}, "seconds": 20,
    }  # fmt: skip
    rows = read_records(LocalTarget(user="root"), "records_orthanc", request, timeout_seconds=60)
    return [row["accession"] for row in rows]


@pytest.mark.parametrize("failures", [[], ["500"], ["hang up"] * 3, ["503", "hang up", "hang up", "503"]])
def test_every_study_comes_once_whatever_broke_on_the_way(pacs: tuple[Pacs, int], failures: list[str]) -> None:
    simulated, port = pacs
    simulated.failures = failures
    assert read(port) == [str(number) for number in range(STUDIES)]


@pytest.mark.parametrize("failures", [["404"], ["500"] * 4, ["401"]])
def test_what_does_not_pass_is_told(pacs: tuple[Pacs, int], failures: list[str]) -> None:
    simulated, port = pacs
    simulated.failures = failures
    with pytest.raises(ValueError, match=f"answered {failures[0]}"):
        read(port)


def test_studies_that_come_or_go_meanwhile_are_told(pacs: tuple[Pacs, int]) -> None:
    simulated, port = pacs
    simulated.told_after += 1
    with pytest.raises(ValueError, match="changed while they were read"):
        read(port)


@pytest.mark.parametrize("ids", [[*range(STUDIES - 1), 0], [*range(STUDIES - 1)], [*range(STUDIES + 1)]])
def test_a_study_that_comes_twice_or_is_passed_over_is_told(pacs: tuple[Pacs, int], ids: list[int]) -> None:
    simulated, port = pacs
    simulated.ids = ids
    with pytest.raises(ValueError, match="changed while they were read"):
        read(port)


def test_an_empty_pacs_is_whole(pacs: tuple[Pacs, int]) -> None:
    simulated, port = pacs
    simulated.ids, simulated.told, simulated.told_after = [], 0, 0
    assert read(port) == []
