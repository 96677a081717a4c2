"""tcp, http and command against real servers and programs, healthy and wrong, seen from a child process."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from drp_verifiers.command import CommandVerifier
from drp_verifiers.http import HttpVerifier, JsonExpectation
from drp_verifiers.tcp import TcpVerifier
from tests.simulators.target import LocalTarget

pytestmark = pytest.mark.real


def results_of(verifier, expectation, **options):
    chosen = verifier.Options(**options)
    return {result.check: result for result in verifier.verify(LocalTarget(), chosen, expectation)}


def outcomes(results) -> dict[str, str]:
    return {name: result.outcome for name, result in results.items()}


# --- tcp -------------------------------------------------------------------------------------------------------------


@contextmanager
def speaking(*chunks: bytes, keep_open: bool = False) -> Iterator[int]:
    """Serve connections that say the chunks, then close or stay silent."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def serve():
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    for chunk in chunks:
                        connection.sendall(chunk)
                    if keep_open:
                        done.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_an_open_port_with_the_right_banner_passes(expectation):
    with speaking(b"220 lab.exa", b"mple ESMTP\r\n", keep_open=True) as port:
        results = results_of(TcpVerifier(), expectation, port=port, banner="^220 .*ESMTP")
    assert outcomes(results) == {"accepts": "passed", "banner": "passed"}


def test_a_closed_port_fails_and_its_banner_is_undetermined(expectation, free_port):
    results = results_of(TcpVerifier(), expectation, port=free_port, banner="^220")
    assert outcomes(results) == {"accepts": "failed", "banner": "undetermined"}
    assert "refused" in results["accepts"].observed


@pytest.mark.parametrize(
    ("chunks", "keep_open"), [((b"554 no service\r\n",), True), ((), False), ((), True), ((b"\xff" * 100_000,), False)]
)
def test_a_wrong_or_missing_banner_fails(expectation, chunks, keep_open):
    with speaking(*chunks, keep_open=keep_open) as port:
        results = results_of(TcpVerifier(), expectation, port=port, banner="^220", seconds=1.0)
    assert outcomes(results) == {"accepts": "passed", "banner": "failed"}


def test_an_address_without_a_route_fails(expectation):
    results = results_of(TcpVerifier(), expectation, host="255.255.255.255", port=80, seconds=1.0)
    assert outcomes(results) == {"accepts": "failed"}


# --- http ------------------------------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """Serve one answer to every GET."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/statistics"
        finally:
            server.shutdown()
            thread.join()


STATISTICS = json.dumps({"CountInstances": 2159, "list": [{"a/b": "x"}], "version": "1.10.1", "ok": True}).encode()
WANTED = (
    JsonExpectation(pointer="/CountInstances", equals=2159),
    JsonExpectation(pointer="/list/0/a~1b", equals="x"),
    JsonExpectation(pointer="/ok", equals=True),
    JsonExpectation(pointer="/CountInstances", at_least=2000),
)


def test_a_page_with_the_right_values_passes(expectation):
    with answering(200, STATISTICS) as url:
        results = results_of(HttpVerifier(), expectation, url=url, body_matches='"version": "1', json=WANTED)
    assert set(outcomes(results).values()) == {"passed"}
    assert len(results) == 5


def test_an_application_that_answers_200_and_lost_everything_fails(expectation):
    with answering(200, b'{"CountInstances": 0}') as url:
        results = results_of(HttpVerifier(), expectation, url=url, json=WANTED)
    assert outcomes(results) == {
        "status": "passed",
        "json /CountInstances": "failed",
        "json /list/0/a~1b": "failed",
        "json /ok": "failed",
    }


@pytest.mark.parametrize(
    "body", [b"<html>please log in</html>", b"", b"[" * 200_000, b'{"CountInstances": "2159"', b"\xff\xfe\x00", b"null"]
)
def test_200_with_a_wrong_body_fails(expectation, body):
    with answering(200, body) as url:
        results = results_of(HttpVerifier(), expectation, url=url, body_matches="^ready$", json=WANTED[:1])
    assert outcomes(results) == {"status": "passed", "body": "failed", "json /CountInstances": "failed"}


@pytest.mark.parametrize("status", [500, 503, 404, 401])
def test_another_status_fails(expectation, status):
    with answering(status, b"sorry") as url:
        results = results_of(HttpVerifier(), expectation, url=url)
    assert outcomes(results) == {"status": "failed"}
    assert results["status"].observed == str(status)


def test_a_redirect_is_an_answer_and_is_not_followed(expectation):
    with answering(200, b"ready") as elsewhere, answering(302, b"", Location=elsewhere) as url:
        assert outcomes(results_of(HttpVerifier(), expectation, url=url)) == {"status": "failed"}
        assert outcomes(results_of(HttpVerifier(), expectation, url=url, status=302)) == {"status": "passed"}


def test_nobody_there_fails_and_the_body_is_undetermined(expectation, free_port):
    url = f"http://127.0.0.1:{free_port}/"
    results = results_of(HttpVerifier(), expectation, url=url, body_matches="x", json=WANTED[:1])
    assert outcomes(results) == {"status": "failed", "body": "undetermined", "json /CountInstances": "undetermined"}


@pytest.mark.parametrize("chunk", [b"SSH-2.0-OpenSSH\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
def test_what_is_no_whole_http_answer_fails(expectation, chunk):
    with speaking(chunk) as port:
        results = results_of(HttpVerifier(), expectation, url=f"http://127.0.0.1:{port}/")
    assert outcomes(results) == {"status": "failed"}


def test_a_hostile_body_cannot_hold_up_the_drill(expectation):
    short = dataclasses.replace(expectation, timeout_seconds=2)
    with answering(200, b"a" * 64 + b"b") as url:
        results = results_of(HttpVerifier(), short, url=url, body_matches="^(a+)+$")
    assert set(outcomes(results).values()) == {"undetermined"}


# --- command ---------------------------------------------------------------------------------------------------------


def script(expectation, text: str, **more):
    return results_of(CommandVerifier(), expectation, argv=("/bin/sh", "-c", text), **more)


def statement(check: str, outcome: str) -> str:
    return "echo '" + json.dumps({"check": check, "outcome": outcome, "observed": "11", "expected": 12}) + "'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exit 0", {"exit": "passed"}),
        ("echo all good", {"exit": "passed"}),
        ("exit 1", {"exit": "failed"}),
        ("exit 2", {"exit": "undetermined"}),
        ("exit 77", {"exit": "undetermined"}),
        ("kill -SEGV $$", {"exit": "failed"}),
        ("sh -c 'kill -ABRT $$'; exit $?", {"exit": "failed"}),
        (statement("a", "passed"), {"a": "passed", "exit": "passed"}),
        (statement("a", "failed") + "; exit 1", {"a": "failed", "exit": "failed"}),
        (statement("a", "passed") + "; exit 1", {"a": "passed", "exit": "failed"}),
        (statement("a", "passed") + "; exit 3", {"a": "passed", "exit": "undetermined"}),
        (statement("a", "failed"), {"a": "failed", "exit": "failed"}),
        (statement("a", "undetermined"), {"a": "undetermined", "exit": "undetermined"}),
        (statement("a", "fine"), {"line 1": "undetermined", "exit": "undetermined"}),
        ('echo \'{"check": "a"}\'', {"line 1": "undetermined", "exit": "undetermined"}),
        ('echo \'{"check": "a", "outcome"\'', {"line 1": "undetermined", "exit": "undetermined"}),
        ("printf '{%s' $(head -c 100000 /dev/zero | tr '\\0' x)", {"line 1": "undetermined", "exit": "undetermined"}),
    ],
)
def test_exit_and_statements_must_agree(expectation, text, expected):
    assert outcomes(script(expectation, text)) == expected


def test_what_a_statement_says_is_kept(expectation):
    result = script(expectation, statement("orders", "failed") + "; exit 1")["orders"]
    assert (result.observed, result.expected) == ("11", "12")


def test_a_contradiction_is_named(expectation):
    assert "contradicts itself" in script(expectation, statement("a", "failed"))["exit"].observed


def test_a_watermark_line_is_judged_like_any_other(expectation):
    good = script(expectation, """echo '{"watermark": "2026-11-20T10:00:00Z", "source": "newest order"}'""")["newest"]
    assert good.watermark is not None
    assert "newest order" in good.watermark.source
    late = script(expectation, """echo '{"watermark": "2026-11-20T12:00:01Z"}'""")
    assert outcomes(late) == {"newest": "undetermined", "exit": "undetermined"}
    none = script(expectation, """echo '{"watermark": null}'""")
    assert outcomes(none) == {"newest": "failed", "exit": "failed"}


def test_too_many_statements_are_not_passed_over(expectation):
    results = script(expectation, 'for i in $(seq 1001); do echo \'{"check":"c\'$i\'","outcome":"passed"}\'; done')
    assert results["lines"].outcome == "undetermined"
    assert results["exit"].outcome == "undetermined"


def test_input_and_environment_reach_the_program(expectation):
    assert outcomes(script(expectation, '[ "$(cat)" = "$WORD" ]', stdin="yes", environment={"WORD": "yes"})) == {
        "exit": "passed"
    }


def test_the_restored_tree_has_a_name_in_words_and_environment(expectation):
    elsewhere = dataclasses.replace(expectation, restored_root="/data/files/srv/ward")
    words = ("/bin/sh", "-c", '[ "$1" = /data/files/srv/ward/list ] && [ "$WHERE" = /data/files/srv/ward ]', "sh")
    argv, environment = (*words, "{restored_root}/list"), {"WHERE": "{restored_root}"}
    assert outcomes(results_of(CommandVerifier(), elsewhere, argv=argv, environment=environment)) == {"exit": "passed"}
    assert outcomes(results_of(CommandVerifier(), expectation, argv=argv, environment=environment)) == {
        "exit": "failed"
    }


def test_a_missing_program_and_one_that_hangs_are_undetermined(expectation):
    assert outcomes(results_of(CommandVerifier(), expectation, argv=("/nonexistent/check",))) == {
        "exit": "undetermined"
    }
    short = dataclasses.replace(expectation, timeout_seconds=1)
    assert outcomes(script(short, "sleep 60")) == {"exit": "undetermined"}
