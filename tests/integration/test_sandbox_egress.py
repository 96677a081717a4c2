"""What restored software tries to send is caught, answered, recorded by digest, and goes nowhere."""

from __future__ import annotations

import hashlib

import pytest

from drp.domain.application import ProductionAddress
from drp.domain.sandbox import SandboxOrder
from tests.support.fixtures_sandboxes import Rig, profile
from tests.support.pods import attempts

pytestmark = pytest.mark.real

ADT = b"MSH|^~\\&|HIS|HOSPITAL|LAB|HOSPITAL|20260101120000||ADT^A01|MSG00001|P|2.5\rPID|1||4711^^^HIS||Doe^Jane\r"

SEND_MLLP = """
import socket, sys
peer = socket.create_connection(("10.20.30.40", 2575), timeout=60)
message = sys.stdin.buffer.read()
peer.sendall(b"\\x0b" + message[:20]); peer.sendall(message[20:] + b"\\x1c"); peer.sendall(b"\\x0d")
sys.stdout.buffer.write(peer.recv(4096))
"""
SEND_MAIL = """
import smtplib
with smtplib.SMTP("172.16.9.9", 25, timeout=60) as server:
    server.sendmail("his@hospital.example", ["doctor@hospital.example"], "Subject: result\\r\\n\\r\\nJane Doe: positive\\r\\n.hidden\\r\\n")
"""


def test_an_admission_message_is_caught_and_acknowledged(rig: Rig) -> None:
    handle = rig.open()
    ended = rig.driver.target(handle).run(["/usr/bin/python3", "-c", SEND_MLLP], stdin=ADT)
    assert b"MSA|AA|MSG00001" in ended.stdout
    (attempt,) = attempts(rig, handle, lambda found: any(each.payload_bytes for each in found))
    assert (attempt.protocol, attempt.destination, attempt.port) == ("tcp", "10.20.30.40", 2575)
    assert attempt.payload_bytes == len(ADT)
    assert attempt.payload_digest == hashlib.sha256(ADT).hexdigest()
    assert "Doe" not in repr(attempt)


def test_a_mail_is_caught(rig: Rig) -> None:
    handle = rig.open()
    ended = rig.driver.target(handle).run(["/usr/bin/python3", "-c", SEND_MAIL])
    assert ended.exit_code == 0, ended.stderr
    (attempt,) = attempts(rig, handle, lambda found: any(each.payload_bytes for each in found))
    assert (attempt.destination, attempt.port) == ("172.16.9.9", 25)
    assert attempt.payload_bytes > 40


ASK = """
import socket
for host, port in (("127.0.0.1", 25), ("127.0.0.1", 2575), ("::1", 2575), ("10.20.0.11", 2575)):
    try:
        with socket.create_connection((host, port), timeout=60) as peer:
            peer.sendall(b"\\x0bMSH|^~\\\\&|A|B|C|D|1||NMQ^N01|7|P|2.5\\r\\x1c\\r")
            print(peer.recv(4096))
    except OSError as error:
        print(error.strerror)
"""


def test_nothing_of_ours_answers_in_the_place_of_an_application_that_is_down(rig: Rig) -> None:
    place = (ProductionAddress(address="10.20.0.11"),)
    handle = rig.driver.open(profile(), "test", SandboxOrder(addresses=place, serves=(2575,)))
    caller = rig.driver.open_caller(handle)
    for asking in (handle, caller):
        ended = rig.driver.target(asking).run(["/usr/bin/python3", "-c", ASK])
        assert ended.stdout.splitlines()[1:] == [b"Connection refused"] * 3, "a port that it serves is its own"
        assert ended.stdout.splitlines()[0] in {b"b''", b"Connection reset by peer"}, "mail is taken for others only"
    assert rig.driver.egress(handle) == ()


def test_refused_connections_and_datagrams_are_recorded(rig: Rig) -> None:
    handle = rig.open()
    rig.shell(
        handle,
        """python3 - <<'E'
import socket
for address in (("10.20.30.41", 443), ("2001:db8::7", 443)):
    try: socket.create_connection(address, timeout=60)
    except OSError as error: print(error)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"<13>syslog", ("10.9.9.9", 514))
E""",
    )
    found = {
        (each.protocol, each.destination, each.port) for each in attempts(rig, handle, lambda seen: len(seen) >= 3)
    }
    assert found == {("tcp", "10.20.30.41", 443), ("tcp", "2001:db8::7", 443), ("udp", "10.9.9.9", 514)}


def test_own_loopback_and_restored_neighbours_under_production_addresses_are_no_egress(rig: Rig) -> None:
    handle = rig.open()
    answer = rig.shell(
        handle,
        """python3 - <<'E'
import socket, threading
server = socket.create_server(("0.0.0.0", 5432))
def serve():
    while True: server.accept()[0].sendall(b"restored database")
threading.Thread(target=serve, daemon=True).start()
for host in ("127.0.0.1", "10.1.1.5"):
    print(socket.create_connection((host, 5432), timeout=60).recv(64).decode())
E""",
    )
    assert answer.count("restored database") == 2
    assert rig.driver.egress(handle) == ()


def test_the_record_is_bounded(rig: Rig) -> None:
    handle = rig.open()
    rig.shell(
        handle,
        """python3 - <<'E'
import socket
channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(3000):
    channel.sendto(b"%d" % number, ("10.0.0.1", 1000 + number))
E""",
    )
    seen = attempts(rig, handle, lambda seen: len(seen) >= 1001)
    assert len(seen) == 1001, "a thousand, and one that says there were more"
    assert rig.driver.prove(handle).holds
