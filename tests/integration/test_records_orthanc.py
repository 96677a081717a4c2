"""The records of an Orthanc that drops connections, fails for a moment, or changes while it is read."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from drp.domain.check import Expectation
from drp.domain.reconciliation.collected import Row, microseconds
from drp.domain.reconciliation.declaration import RecordSource
from drp.verifiers.records import Records
from tests.simulators.target import LocalTarget

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def study(number: int) -> dict[str, Any]:
    digest = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
    return {
        "ID": "-".join(digest[begin : begin + 8] for begin in range(0, 40, 8)),
        "LastUpdate": "20260304T050607",
        "MainDicomTags": {"AccessionNumber": f"A{number}"},
        "PatientMainDicomTags": {"PatientID": f"P{number}"},
    }


@dataclass
class Pacs:
    """What an Orthanc answers, and how it fails: each failure is used up by one request."""

    studies: list[dict[str, Any]]
    counts: list[int] = field(default_factory=list)
    """What it counts, time after time; the last for ever. Empty: what there is."""
    changes: list[list[str]] = field(default_factory=lambda: [[]])
    """The kinds of all changes, time after time that the last is asked."""
    failures: dict[int | str, list[str]] = field(default_factory=dict)
    """By where a page begins, or by path: ``drop``, ``cut`` or a status."""
    asked: list[int] = field(default_factory=list)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str) -> tuple[int | str, Any]:
        """Return status or failure, and content."""
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        waiting = self.failures.get(parts.path)
        if waiting and (failure := waiting.pop(0)):
            return int(failure) if failure.isdigit() else failure, {}
        if parts.path == "/statistics":
            count = self.counts.pop(0) if len(self.counts) > 1 else (self.counts or [len(self.studies)])[0]
            return 200, {"CountStudies": count}
        if parts.path == "/changes" and "last" in query:
            kinds = self.changes.pop(0) if len(self.changes) > 1 else self.changes[0]
            return 200, {"Changes": [], "Done": True, "Last": len(kinds)}
        since, limit = int(query["since"]), int(query["limit"])
        if parts.path == "/changes":
            kinds = self.changes[0][since : since + limit]
            return 200, {"Changes": [{"ChangeType": kind} for kind in kinds], "Done": True, "Last": since + len(kinds)}
        self.asked.append(since)
        page = self.studies[since : since + limit]
        waiting = self.failures.get(since)
        failure = waiting.pop(0) if waiting else "200"
        return int(failure) if failure.isdigit() else failure, page


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: that a reader does not wait for pages beyond the end is no error."""


@pytest.fixture
def pacs() -> Iterator[Pacs]:
    there = Pacs([study(number) for number in range(1234)])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with there.lock:
                status, content = there.answer(self.path)
            body = json.dumps(content).encode()
            if status == "drop":
                self.close_connection = True
                return
            self.send_response(status if isinstance(status, int) else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if isinstance(status, int) else body[: len(body) // 2])
            self.close_connection = self.close_connection or status == "cut"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with Server(("127.0.0.1", 0), Handler) as server:
        there.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield there
        server.shutdown()
        thread.join()


def read(pacs: Pacs) -> tuple[list[Row], str]:
    found: list[Row] = []
    fields = {"accession": "AccessionNumber", "patient": "PatientID"}
    source = RecordSource(
        name="studies", application="pacs", reader="orthanc", options={"port": pacs.port, "fields": fields}
    )
    expectation = Expectation(disaster_at=AT, consistent_at=AT + timedelta(hours=1), timeout_seconds=60)
    trouble = Records(()).read(
        source, tuple(fields), LocalTarget(), expectation=expectation, receive=found.append, cancelled=lambda: False
    )
    return found, trouble


def everything(pacs: Pacs) -> list[Row]:
    tags = [(each["MainDicomTags"], each["PatientMainDicomTags"]) for each in pacs.studies]
    return [(microseconds(AT), (own["AccessionNumber"], patient["PatientID"])) for own, patient in tags]


@pytest.mark.parametrize("number", [0, 1, 499, 500, 501, 1500, 1234])
def test_every_study_comes_once_however_many_there_are(pacs: Pacs, number: int):
    pacs.studies = [study(each) for each in range(number)]
    assert read(pacs) == (everything(pacs), "")


@pytest.mark.parametrize("failure", ["drop", "cut", "500", "503"])
@pytest.mark.parametrize("since", [0, 500, 1000])
def test_a_page_that_did_not_come_whole_is_asked_again(pacs: Pacs, failure: str, since: int):
    pacs.failures = {since: [failure, failure]}
    assert read(pacs) == (everything(pacs), "")
    assert pacs.asked.count(since) == 3
    assert pacs.failures == {since: []}


@pytest.mark.parametrize("path", ["/statistics", "/changes"])
@pytest.mark.parametrize("failures", [["drop", "", "503", "drop"], ["", "500", "500", "500", "500"]])
def test_a_count_that_was_not_given_is_asked_again(pacs: Pacs, path: str, failures: list[str]):
    pacs.failures = {path: list(failures)}
    assert read(pacs) == (everything(pacs), "")
    assert pacs.failures == {path: []}


@pytest.mark.parametrize("path", ["/statistics", "/changes"])
@pytest.mark.parametrize("failures", [["500"] * 5, ["", *["500"] * 5], ["401"]])
def test_a_count_that_is_never_given_is_told(pacs: Pacs, path: str, failures: list[str]):
    pacs.failures = {path: list(failures)}
    assert read(pacs)[1] == f"GET {path} answered {failures[-1]}"


@pytest.mark.parametrize("failure", ["drop", "503"])
def test_a_page_that_never_comes_whole_is_told(pacs: Pacs, failure: str):
    pacs.failures = {500: [failure] * 100}
    found, trouble = read(pacs)
    assert trouble.startswith("the page from 500 did not come whole in 5 attempts: ")
    assert len(found) < len(pacs.studies)
    assert pacs.asked.count(500) == 5


@pytest.mark.parametrize("status", ["401", "404"])
def test_a_page_that_is_refused_is_not_asked_again(pacs: Pacs, status: str):
    pacs.failures = {0: [status]}
    assert read(pacs)[1] == f"GET /studies answered {status}"
    assert pacs.asked.count(0) == 1


def test_a_study_that_comes_twice_instead_of_another_is_told(pacs: Pacs):
    pacs.studies[700] = pacs.studies[3]
    assert read(pacs)[1].startswith("1 came twice, so others were passed over")


@pytest.mark.parametrize("counts", [[1233], [1235], [1234, 1233], [1235, 1234]])
def test_a_count_that_is_another_is_told(pacs: Pacs, counts: list[int]):
    pacs.counts = list(counts)
    trouble = read(pacs)[1]
    assert trouble.startswith(f"Orthanc counts {counts[0]} before and {counts[-1]} after, and 1234 came")


def test_studies_that_came_meanwhile_are_told_though_as_many_went(pacs: Pacs):
    pacs.changes = [["NewStudy"], ["NewStudy", "StableStudy", "NewStudy"]]
    assert read(pacs)[1] == "Orthanc took in others while it was read"


def test_changes_that_bring_no_study_are_none(pacs: Pacs):
    pacs.changes = [["NewStudy"], ["NewStudy", "StableStudy", "UpdatedMetadata"]]
    assert read(pacs) == (everything(pacs), "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"LastUpdate": "yesterday"}, "'yesterday', which is no instant"),
        ({"LastUpdate": "20261341T000000"}, "is no instant"),
        ({"ID": "x"}, "'x' is no name of a resource"),
        ({"ID": None}, "'None' is no name of a resource"),
        ({"MainDicomTags": []}, "TypeError"),
    ],
)
def test_a_study_that_is_none_is_told(pacs: Pacs, changes: dict[str, Any], said: str):
    pacs.studies[600] = {**pacs.studies[600], **changes}
    assert said in read(pacs)[1]
