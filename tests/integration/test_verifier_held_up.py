"""No answer and no file of restored code holds a check: servers that drip for ever, pipes and links in place of files."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drp.domain.check import CheckResult, Expectation
from drp_verifiers.fhir import FhirOptions, FhirVerifier
from drp_verifiers.files import FilesOptions, FilesVerifier
from drp_verifiers.gnuhealth import GnuHealthOptions, GnuHealthVerifier
from drp_verifiers.hl7 import Hl7Options, Hl7Verifier
from drp_verifiers.http import HttpOptions, HttpVerifier
from drp_verifiers.orthanc import OrthancOptions, OrthancVerifier
from drp_verifiers.sqlite import SqliteOptions, SqliteVerifier
from drp_verifiers.tcp import TcpOptions, TcpVerifier
from tests.simulators.target import LocalTarget
from tests.support.clinical import everything
from tests.support.dripping import dripping

pytestmark = pytest.mark.real

SECONDS = 0.4
LONG = 120.0
"""Far beyond any limit here, far below that of the check."""


def verified(verifier: Any, options: Any, expectation: Expectation) -> dict[str, CheckResult]:
    started = time.monotonic()
    results = {
        result.check: result
        for result in everything(verifier, LocalTarget(user="root"), options, replace(expectation, timeout_seconds=300))
        if isinstance(result, CheckResult)
    }
    assert time.monotonic() - started < LONG
    return results


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_over_http_that_never_ends_is_given_up(expectation: Expectation, tmp_path: Path, head: bytes) -> None:
    secret = tmp_path / "password"
    secret.write_text("right\n")
    with dripping(head) as port:
        asked: list[tuple[Any, Any, str]] = [
            (HttpVerifier(), HttpOptions(url=f"http://127.0.0.1:{port}/", seconds=SECONDS), "status"),
            (FhirVerifier(), FhirOptions(base=f"http://127.0.0.1:{port}", seconds=SECONDS), "capability"),
            (OrthancVerifier(), OrthancOptions(port=port, seconds=SECONDS), "answers"),
            (
                GnuHealthVerifier(),
                GnuHealthOptions(database="health", password_file=str(secret), port=port, seconds=SECONDS),
                "login",
            ),
        ]
        for verifier, options, check in asked:
            found = verified(verifier, options, expectation)[check]
            assert found.outcome in {"failed", "undetermined"}, found
            assert "timed out: no whole answer within 400 ms" in found.observed, found


def test_talk_that_never_comes_to_the_point_is_given_up(expectation: Expectation) -> None:
    with dripping(b"\x0bMSH|^~\\&|") as port:
        found = verified(Hl7Verifier(), Hl7Options(port=port, seconds=SECONDS), expectation)
        assert (found["acknowledged"].outcome, "timed out" in found["acknowledged"].observed) == ("undetermined", True)
        found = verified(TcpVerifier(), TcpOptions(port=port, send="?", banner="ready", seconds=2), expectation)
        assert (found["accepts"].outcome, found["banner"].outcome) == ("passed", "failed")


def put(path: Path, kind: str) -> str:
    """Put something that is no file where one is expected."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "endless":
        path.write_bytes(b"")
        os.truncate(path, 1 << 40)
    return str(path)


@pytest.mark.parametrize("kind", ["pipe", "link", "endless"])
def test_what_stands_in_place_of_a_file_is_not_waited_for(expectation: Expectation, tmp_path: Path, kind: str) -> None:
    place = put(tmp_path / "file", kind)
    (tmp_path / "storage").mkdir()
    put(tmp_path / "storage/index", "" if kind == "endless" else kind)
    asked: list[tuple[Any, Any]] = [
        (FhirVerifier(), FhirOptions(base="http://127.0.0.1:1", token_file=place)),
        (OrthancVerifier(), OrthancOptions(port=1, configuration=place, storage=str(tmp_path / "storage"))),
        (OrthancVerifier(), OrthancOptions(port=1, user="x", password_file=place)),
        (GnuHealthVerifier(), GnuHealthOptions(database="health", password_file=place)),
    ]
    if kind != "endless":
        asked.append((SqliteVerifier(), SqliteOptions(path=place, copy=True)))
        asked.append((FilesVerifier(), FilesOptions(root=str(tmp_path), canary="file", magic=True)))
    for verifier, options in asked:
        results = verified(verifier, options, expectation)
        assert any(each.outcome != "passed" for each in results.values()), results


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_pipe_beside_a_database_is_not_copied(expectation: Expectation, tmp_path: Path, suffix: str) -> None:
    with closing(sqlite3.connect(tmp_path / "ward.sqlite")) as connection:
        connection.execute("CREATE TABLE bed (id INTEGER)")
        connection.commit()
    options = SqliteOptions(path=str(tmp_path / "ward.sqlite"), copy=True)
    assert verified(SqliteVerifier(), options, expectation)["integrity"].outcome == "passed"
    put(tmp_path / f"ward.sqlite{suffix}", "pipe")
    found = verified(SqliteVerifier(), options, expectation)["integrity"]
    assert (found.outcome, "is no regular file" in found.observed) == ("undetermined", True), found
