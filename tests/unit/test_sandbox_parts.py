"""The pure parts of the sandbox driver: filter, options, sinks, packets, plans."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import pytest

from drp.domain.sandbox import SandboxProfile
from drp.errors import SandboxError
from drp.sandboxes.bubblewrap.arguments import Spec, arguments, command, files
from drp.sandboxes.host import seccomp
from drp.sandboxes.host.identity import Identity
from drp.sandboxes.host.worker import has_sub_ids, worker_command
from drp.sandboxes.network.endpoint import endpoint_plan
from drp.sandboxes.network.sinks import Conversation, acknowledgement
from drp.sandboxes.payload.netns import watch
from tests.support.waiting import PATIENCE

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000


def judge(program: bytes, number: int, *arguments: int, architecture: int) -> int:
    """Run a filter as the kernel would."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    code = [struct.unpack_from("<HBBI", program, offset) for offset in range(0, len(program), 8)]
    place, accumulator = 0, 0
    while True:
        operation, if_true, if_false, operand = code[place]
        place += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", data, operand)[0]
        elif operation == 0x06:
            return operand
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[
                operation
            ]
            place += if_true if holds else if_false


@pytest.mark.parametrize("name", seccomp.ARCHITECTURES)
def test_the_filter_judges_as_meant(name: str) -> None:
    program, architecture = seccomp.program(name), seccomp.ARCHITECTURES[name]
    column = 0 if name == "x86_64" else 1
    numbers = {call: pair[column] for call, pair in seccomp._NUMBERS.items()}

    def verdict(call: str, *arguments: int) -> int:
        number = numbers[call]
        assert number is not None
        return judge(program, number, *arguments, architecture=architecture)

    for family, expected in (
        (1, ALLOW),
        (2, ALLOW),
        (10, ALLOW),
        (16, ALLOW),
        (17, REFUSE | 97),
        (38, REFUSE | 97),
        (40, REFUSE | 97),
    ):
        assert verdict("socket", family) == expected, family
    assert verdict("clone", 0x00010000) == ALLOW
    assert verdict("clone", 0x10000000) == REFUSE | 1
    assert verdict("clone3", 0) == REFUSE | 38
    assert verdict("ioctl", 0, 0x5401) == ALLOW
    assert verdict("ioctl", 0, 0x5412) == REFUSE | 1
    assert verdict("personality", 0) == ALLOW
    assert verdict("personality", 0xFFFFFFFF) == ALLOW
    assert verdict("personality", 0x0040000) == REFUSE | 1
    assert verdict("mknodat", 0, 0, 0o010600) == ALLOW
    assert verdict("mknodat", 0, 0, 0o100600) == ALLOW
    assert verdict("mknodat", 0, 0, 0o020600) == REFUSE | 1
    assert verdict("mknodat", 0, 0, 0o060600) == REFUSE | 1
    for call, number in numbers.items():
        if number is not None and call not in seccomp._JUDGED_BY_ARGUMENT:
            assert verdict(call) == REFUSE | 1, call
    reads = {"x86_64": 0, "aarch64": 63}[name]
    assert judge(program, reads, architecture=architecture) == ALLOW
    assert judge(program, reads, architecture=0x40000003) == KILL
    if name == "x86_64":
        assert judge(program, 0x40000000 + reads, architecture=architecture) == REFUSE | 38


def test_no_filter_for_an_unknown_machine() -> None:
    with pytest.raises(SandboxError, match="riscv"):
        seccomp.program("riscv64")


def spec(**changes: object) -> Spec:
    base: dict[str, object] = {
        "id": "drp-0",
        "role": "run",
        "profile": SandboxProfile(name="p"),
        "identity": Identity(uid=64001, drop=True),
        "data": Path("/run/x/data"),
        "read_only": {},
    }
    return Spec(**{**base, **changes})  # type: ignore[arg-type]


def options_of(one: Spec) -> list[str]:
    return arguments(one, contents={"/etc/hosts": 7}, seccomp=8, status=9)


def test_options_name_every_namespace_and_close_what_is_writable() -> None:
    options = options_of(spec())
    for name in ("user", "ipc", "pid", "net", "uts", "cgroup"):
        assert f"--unshare-{name}" in options
    assert "--unshare-all" not in options
    assert options[options.index("--cap-drop") + 1] == "ALL"
    assert "--cap-add" not in options
    last_bind = max(place for place, option in enumerate(options) if option.endswith("bind"))
    assert last_bind < options.index("--remount-ro")
    assert [options[place + 1] for place, option in enumerate(options) if option == "--remount-ro"] == ["/dev", "/"]
    assert {"--clearenv", "--new-session", "--die-with-parent", "--disable-userns"} <= set(options)


def test_a_range_keeps_only_what_it_needs() -> None:
    ranged = Identity(uid=300_000, range_size=65_536)
    cell = options_of(spec(identity=ranged, role="restore-cell"))
    kept = {cell[place + 1] for place, option in enumerate(cell) if option == "--cap-add"}
    assert kept == {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID"}
    run = spec(identity=ranged)
    assert "--bounding-set=-all" in command(run, (3, 4))
    assert command(run, (3, 4))[command(run, (3, 4)).index("--reuid") + 1] == "999"
    assert (spec(identity=ranged, role="restore-cell").inside_uid, run.inside_uid) == (0, 999)


def test_the_sum_of_temporary_files_stays_below_the_limit() -> None:
    for role in ("run", "restore-cell"):
        one = spec(role=role)
        options = options_of(one)
        sizes = sum(int(options[place + 1]) for place, option in enumerate(options) if option == "--size")
        assert sizes < one.memory_bytes


def test_accounts() -> None:
    assert b"daemon:x:999:" in files(spec())["/etc/passwd"]
    assert files(spec(profile=SandboxProfile(name="p", run_as=0)))["/etc/passwd"].count(b":x:0:") == 1


@pytest.mark.parametrize(
    ("host", "hosts", "addresses", "listeners"),
    [
        ("s3.example", "127.77.0.1 s3.example", (), (("127.77.0.1", 443),)),
        ("localhost", "127.0.0.1 localhost", (), (("127.0.0.1", 443),)),
        ("127.0.0.1", "", (), (("127.0.0.1", 443),)),
        ("10.1.2.3", "", ("10.1.2.3",), (("10.1.2.3", 443),)),
        ("2001:db8::1", "", ("2001:db8::1",), (("2001:db8::1", 443),)),
        ("::1", "", (), (("::1", 443),)),
    ],
)
def test_endpoint_plans(
    host: str, hosts: str, addresses: tuple[str, ...], listeners: tuple[tuple[str, int], ...]
) -> None:
    plan = endpoint_plan(host, 443, "127.77.0.1")
    assert hosts in plan.hosts
    assert (plan.addresses, plan.listeners) == (addresses, listeners)


def converse(port: int, *parts: bytes) -> tuple[bytes, Conversation]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(PATIENCE)
    conversation = Conversation(theirs)

    def speak() -> None:
        (conversation.smtp if port == 25 else conversation.mllp)()
        theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=speak)
    thread.start()
    for part in parts:
        ours.sendall(part)
    ours.shutdown(socket.SHUT_WR)
    answer = b""
    ours.settimeout(PATIENCE)
    while data := ours.recv(65536):
        answer += data
    thread.join()
    theirs.close()
    ours.close()
    return answer, conversation


def test_mllp_frames_may_come_in_any_pieces() -> None:
    messages = [b"MSH|^~\\&|A|B|C|D|2026||ADT^A01|ID%d|P|2.5\rPID|x" % number for number in range(3)]
    stream = b"".join(b"\x0b" + message + b"\x1c\r" for message in messages)
    for size in (1, 7, len(stream)):
        answer, conversation = converse(2575, *[stream[start : start + size] for start in range(0, len(stream), size)])
        assert [answer.count(b"MSA|AA|ID%d\r" % number) for number in range(3)] == [1, 1, 1]
        assert conversation.caught("x", 2575).payload_bytes == sum(map(len, messages))


def test_a_hostile_control_id_is_not_echoed() -> None:
    assert b"|0|P|" in acknowledgement(b"MSH|^~\\&|A|B|C|D|2026||ADT|\x1c\r\x0bMSH|evil|P")
    assert b"MSA|AA|0" in acknowledgement(b"garbage")
    assert b"MSA|AA|0" in acknowledgement(b"")
    said = acknowledgement(b"MSH|^~\\&|ENGINE|WARD\x07|LIS^1|LAB|2026||ADT^A01|77|P|2.5")
    assert said.startswith(b"MSH|^~\\&|LIS^1|LAB|ENGINE||20"), (
        "from the receiver to the sender; what is not plain is left out"
    )
    assert said.endswith(b"||ACK|77|P|2.5\rMSA|AA|77\r")


def test_smtp_takes_a_mail() -> None:
    answer, conversation = converse(
        25, b"EHLO his\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDA", b"TA\r\nSubject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"
    )
    assert answer.startswith(b"220 ")
    assert answer.endswith(b"221 bye\r\n")
    assert conversation.caught("x", 25).payload_bytes == len(b"Subject: x\r\n\r\nbody\r\n")


@pytest.mark.parametrize("on_loopback", [True, False])
def test_jumps_are_counted_by_the_assembler(on_loopback: bool) -> None:
    code = watch.egress_filter(on_loopback)
    rules = [struct.unpack_from("HBBI", code, offset) for offset in range(0, len(code), 8)]
    for place, (operation, if_true, if_false, _) in enumerate(rules):
        if operation in {0x15, 0x35, 0x45}:
            assert place + 1 + max(if_true, if_false) < len(rules)
    assert rules[-1][0] == rules[-2][0] == 0x06


def test_worker_command(monkeypatch: pytest.MonkeyPatch) -> None:
    tied = worker_command(["x", "y"])
    assert tied[:4] == ["setpriv", "--pdeathsig", "KILL", "unshare"]
    assert tied[-3:] == ["--", "x", "y"]
    assert "--kill-child=KILL" in tied
    assert "--user" not in tied
    assert worker_command(["x"], tied_to_parent=False)[0] == "unshare"
    monkeypatch.setattr("drp.sandboxes.host.worker.standing", lambda: "user")
    monkeypatch.setattr("drp.sandboxes.host.worker.has_sub_ids", lambda: True)
    assert {"--user", "--map-root-user", "--map-auto"} <= set(worker_command(["x"]))
    assert has_sub_ids() in {True, False}
