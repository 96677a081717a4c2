"""What leaves the machine gets there, or is said not to have, and nothing waits longer than its one deadline."""

from __future__ import annotations

import email
import os
import ssl
import subprocess
import threading
from email import policy
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from drp.monitoring.delivery import secret_parts
from drp.monitoring.outbox import Answer, Parcel, send
from drp.monitoring.pings import ping_url
from tests.support.receivers import mail_server, receiver

TOKEN = "tok-5ecr3t-9"
SPAN = {
    "trace": "a" * 32,
    "span": "b" * 16,
    "parent": "",
    "name": "drill",
    "start_ns": 1,
    "end_ns": 2,
    "attributes": {"drp.findings": ["DRP-H001"], "drp.verdict": "failed"},
}


def message(name: str, url: str, *, title: str = "[north] drp: 1 critical", body: str = "CRITICAL: ehr") -> Parcel:
    return Parcel(name=name, kind="message", url=url, title=title, body=body, gravity="critical")


def ping(name: str, url: str) -> Parcel:
    return Parcel(name=name, kind="ping", url=url)


def answers(*parcels: Parcel, seconds: float = 30.0) -> dict[str, Answer]:
    return {answer.name: answer for answer in send(parcels, seconds)}


def test_nothing_to_send_starts_nothing() -> None:
    assert send((), 30.0) == ()


def test_web_hook_gotify_and_mail_take_a_message() -> None:
    with receiver() as web, mail_server() as (port, mails):
        found = answers(
            message("hook", f"json://{web.address}/hook/{TOKEN}"),
            message("gotify", f"gotify://{web.address}/{TOKEN}"),
            message("mail", f"mailto://127.0.0.1:{port}?from=drp@hospital.example&to=oncall@hospital.example"),
        )
        assert {name: answer.taken for name, answer in found.items()} == {"hook": True, "gotify": True, "mail": True}
        by_path = {each.path: each for each in web.taken}
        hook = by_path[f"/hook/{TOKEN}/"] if f"/hook/{TOKEN}/" in by_path else by_path[f"/hook/{TOKEN}"]
        assert hook.json["title"] == "[north] drp: 1 critical"
        assert hook.json["message"] == "CRITICAL: ehr"
        assert hook.json["type"] == "failure"
        gotify = by_path["/message"].json
        assert (gotify["title"], gotify["message"]) == ("[north] drp: 1 critical", "CRITICAL: ehr")
        (mail,) = mails
        read = email.message_from_string(mail, policy=policy.default)
        assert read["To"] == "oncall@hospital.example"
        assert "1 critical" in str(read["Subject"])
        assert "CRITICAL: ehr" in mail


def test_each_way_of_not_taking_a_message_is_told_and_no_secret_with_it() -> None:
    with receiver() as web:
        found = answers(
            message("bad", f"json://user:{TOKEN}@{web.address}/bad/{TOKEN}"),
            message("elsewhere", f"json://{web.address}/elsewhere/{TOKEN}"),
            message("reset", f"json://{web.address}/reset/{TOKEN}"),
            message("closed", f"json://127.0.0.1:1/{TOKEN}"),
            message("plain", f"jsons://{web.address}/{TOKEN}"),
            message("unchecked", f"jsons://{web.address}/{TOKEN}?verify=no"),
            message("unknown", f"nonsense://{TOKEN}"),
            message("empty", " "),
            ping("ping-bad", f"http://{web.address}/bad/{TOKEN}"),
            ping("ping-elsewhere", f"http://{web.address}/elsewhere/{TOKEN}"),
            ping("ping-file", "file:///etc/hostname"),
            ping("ping-reset", f"http://{web.address}/reset/{TOKEN}"),
            Parcel(name="spans-bad", kind="spans", url=f"http://{web.address}/elsewhere", spans=(SPAN,)),
            seconds=60.0,
        )
        assert "/followed" not in web.paths()
    assert not [name for name, answer in found.items() if answer.taken]
    assert all(answer.said for answer in found.values()), found
    assert not [answer for answer in found.values() if TOKEN in answer.said]
    assert "500" in found["bad"].said
    assert "302" in found["ping-elsewhere"].said
    assert "certificates" in found["unchecked"].said


def test_who_hangs_holds_up_nobody_else() -> None:
    with receiver() as web:
        found = answers(
            message("hang", f"json://{web.address}/hang"),
            message("drip", f"json://{web.address}/drip"),
            message("endless", f"json://{web.address}/endless"),
            message("fine", f"json://{web.address}/fine"),
            ping("ping-hang", f"http://{web.address}/hang"),
            ping("ping-drip", f"http://{web.address}/drip"),
            ping("ping-fine", f"http://{web.address}/fine"),
            seconds=12.0,
        )
        assert {name for name, answer in found.items() if answer.taken} == {"fine", "ping-fine"}
        assert all(answer.said for name, answer in found.items() if not answer.taken)
        assert len(web.taken) >= 5, "those that hang were asked"


def test_a_certificate_of_nobody_is_not_believed(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with receiver(context) as web:
        found = answers(message("hook", f"jsons://{web.address}/x"), ping("ping", f"https://{web.address}/x"))
        assert not web.taken
    assert not any(answer.taken for answer in found.values())
    assert "CERTIFICATE_VERIFY_FAILED" in found["ping"].said


def test_spans_arrive_with_codes_and_verdicts() -> None:
    with receiver() as web:
        found = answers(Parcel(name="traces", kind="spans", url=f"http://{web.address}/v1/traces", spans=(SPAN,)))
        assert found["traces"].taken, found
        (taken,) = web.taken
    assert taken.path == "/v1/traces"
    assert taken.headers["content-type"] == "application/x-protobuf"
    request = ExportTraceServiceRequest.FromString(taken.body)
    (span,) = request.resource_spans[0].scope_spans[0].spans
    assert span.name == "drill"
    assert {each.key for each in span.attributes} == {"drp.findings", "drp.verdict"}
    resource = {each.key for each in request.resource_spans[0].resource.attributes}
    assert resource == {"service.name", "service.version"}


def test_what_was_sent_stands_in_no_list_of_processes() -> None:
    with receiver() as web:
        shown: list[bytes] = []

        def look() -> None:
            with web.came:
                web.came.wait_for(lambda: bool(web.taken), timeout=60)
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        shown.append((process / name).read_bytes())
                    except OSError:
                        continue
            web.over.set()

        watcher = threading.Thread(target=look)
        watcher.start()
        answers(message("hook", f"json://{web.address}/hang/{TOKEN}-unseen"))
        watcher.join()
    assert any(b"drp.monitoring.delivery" in text for text in shown), "it was looked while the sender was at work"
    assert not [text for text in shown if f"{TOKEN}-unseen".encode() in text]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("json://user:hunter22@host.example:8443/path/tokentoken?key=valuevalue", "host.example"),
        ("mailto://oncall:pass%20word@mail.example?to=x@y.example", "mail.example"),
        ("slack://TokenA/TokenB/TokenC/#channel", "slack"),
    ],
)
def test_every_secret_part_of_a_url_is_known(url: str, kept: str) -> None:
    parts = secret_parts(url)
    assert url in parts
    assert kept not in parts
    for word in ("hunter22", "tokentoken", "valuevalue", "pass word", "TokenB"):
        assert (word in parts) == (word in url.replace("%20", " "))


@pytest.mark.parametrize(
    ("url", "sign", "whole"),
    [
        ("https://hc.example/ping/uuid", "", "https://hc.example/ping/uuid"),
        ("https://hc.example/ping/uuid", "start", "https://hc.example/ping/uuid/start"),
        ("https://hc.example/ping/uuid/?rid=1", "3", "https://hc.example/ping/uuid/3?rid=1"),
        ("https://hc.example", "fail", "https://hc.example/fail"),
    ],
)
def test_signs_follow_the_path(url: str, sign: str, whole: str) -> None:
    assert ping_url(url, sign) == whole


def test_the_sender_takes_no_setting_from_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-secret=1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert os.environ["http_proxy"]
    with receiver() as web:
        found = answers(
            Parcel(name="traces", kind="spans", url=f"http://{web.address}/v1/traces", spans=(SPAN,)),
            ping("ping", f"http://{web.address}/ping"),
        )
        assert all(answer.taken for answer in found.values()), found
        assert "x-secret" not in {name for each in web.taken for name in each.headers}
