"""The desk in a directory and SSH signatures by the real ssh-keygen: what a stranger may lay down there proves nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.codec import canonical, to_data
from drp.domain.sign_off import SignOffAnswer, SignOffStep, StepResult
from drp.domain.sign_off_desk import Deposit, Opened
from drp.errors import AccessDenied, NotFound, Unreachable
from drp.sign_off import DirectoryDesk, Refused, Visitor, sign, verify

pytestmark = pytest.mark.real
NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ANSWER = SignOffAnswer(
    drill="weekly-1",
    plan_digest="d" * 64,
    application="ehr",
    challenge="c" * 32,
    name="N. Durand",
    steps=(SignOffStep(id="open", do="open a record"),),
    results=(StepResult(id="open", outcome="passed", comment="été ☀"),),
    opened_at=NOW,
    answered_at=NOW,
)
MESSAGE = canonical(to_data(ANSWER))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name, kind, phrase in (("nurse", "ed25519", ""), ("doctor", "ecdsa", ""), ("locked", "ed25519", "secret word")):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", phrase, "-f", str(folder / name)], check=True)
    return folder


def public(keys: Path, name: str) -> str:
    return " ".join((keys / f"{name}.pub").read_text().split()[:2])


@pytest.fixture
def desk(tmp_path: Path) -> DirectoryDesk:
    made = DirectoryDesk(tmp_path / "sign-off")
    made.open("weekly-1", "ehr")
    return made


@pytest.fixture
def folder(tmp_path: Path, desk: DirectoryDesk) -> Path:
    return tmp_path / "sign-off" / "weekly-1" / "ehr"


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return Visitor(tmp_path / "sign-off", "weekly-1", "ehr")


def test_a_signature_counts_for_those_who_are_listed_and_for_every_byte(keys: Path, tmp_path: Path) -> None:
    listed = f"nurse@hospital,night@hospital {public(keys, 'nurse')}\ndoctor@hospital {public(keys, 'doctor')}\n"
    signer = verify(MESSAGE, sign(MESSAGE, keys / "nurse"), listed, scratch=tmp_path)
    assert signer.principal == "nurse@hospital"
    assert signer.key.startswith("SHA256:")
    assert verify(MESSAGE, sign(MESSAGE, keys / "doctor"), listed, scratch=tmp_path).principal == "doctor@hospital"
    signature = sign(MESSAGE, keys / "nurse")
    for position in range(0, len(MESSAGE), 40):
        changed = MESSAGE[:position] + bytes([MESSAGE[position] ^ 1]) + MESSAGE[position + 1 :]
        with pytest.raises(AccessDenied):
            verify(changed, signature, listed, scratch=tmp_path)
    assert not list(tmp_path.glob(".check-*"))


def test_of_several_principals_of_a_key_the_permitted_one_signs_and_nobody_else(keys: Path, tmp_path: Path) -> None:
    listed = f"nurse@hospital,night@hospital {public(keys, 'nurse')}\ndoctor@hospital {public(keys, 'doctor')}\n"
    signature = sign(MESSAGE, keys / "nurse")
    signer = verify(MESSAGE, signature, listed, permitted={"night@hospital"}, scratch=tmp_path)
    assert signer.principal == "night@hospital"
    for permitted in ({"doctor@hospital"}, {"nurse"}, {"*"}):
        with pytest.raises(AccessDenied, match="nurse@hospital made this signature, and is not among those who sign"):
            verify(MESSAGE, signature, listed, permitted=permitted, scratch=tmp_path)
    with pytest.raises(AccessDenied, match="no allowed signer"):
        verify(MESSAGE + b" ", signature, listed, permitted={"doctor@hospital"}, scratch=tmp_path)


@pytest.mark.parametrize(
    "listed",
    [
        "doctor@hospital {doctor}\n",
        'nurse@hospital namespaces="git" {nurse}\n',
        'nurse@hospital valid-before="20200101" {nurse}\n',
        "# nobody\n",
        "",
    ],
)
def test_who_is_not_listed_for_this_and_now_signs_in_vain(keys: Path, tmp_path: Path, listed: str) -> None:
    text = listed.format(nurse=public(keys, "nurse"), doctor=public(keys, "doctor"))
    with pytest.raises(AccessDenied, match="no allowed signer"):
        verify(MESSAGE, sign(MESSAGE, keys / "nurse"), text, scratch=tmp_path)


def test_a_signature_for_another_purpose_counts_for_nothing(keys: Path, tmp_path: Path) -> None:
    words = ["ssh-keygen", "-Y", "sign", "-f", str(keys / "nurse"), "-n", "git"]
    foreign = subprocess.run(words, input=MESSAGE, capture_output=True, check=True).stdout.decode()
    listed = f"nurse@hospital {public(keys, 'nurse')}\n"
    for signature in (
        foreign,
        "",
        "rubbish",
        "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
        "x" * (1 << 20),
    ):
        with pytest.raises(AccessDenied):
            verify(MESSAGE, signature, listed, scratch=tmp_path)


def test_a_key_that_cannot_sign_says_what_to_do(keys: Path) -> None:
    with pytest.raises(AccessDenied, match="could not sign") as locked:
        sign(MESSAGE, keys / "locked")
    assert "ssh-add" in locked.value.hint
    with pytest.raises(NotFound):
        sign(MESSAGE, keys / "absent")


def test_only_the_owner_may_enter(folder: Path, visitor: Visitor) -> None:
    for part in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(part.stat().st_mode) == 0o700
    visitor.open("c" * 32, "N. Durand")
    assert stat.S_IMODE((folder / "opened.json").stat().st_mode) == 0o600


def serve(desk: DirectoryDesk, refusal: str) -> threading.Thread:
    """Reply to the first deposit as a drill would."""

    def work() -> None:
        while not (found := desk.deposits("weekly-1", "ehr")):
            pass
        desk.reply("weekly-1", "ehr", found[0], refusal=refusal)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_an_answer_travels_whole_and_its_reply_comes_back(desk: DirectoryDesk, folder: Path, visitor: Visitor) -> None:
    visitor.open("c" * 32, "N. Durand")
    assert desk.opened("weekly-1", "ehr") == Opened(challenge="c" * 32, name="N. Durand")
    seen: list[tuple[Deposit, ...]] = []
    original = desk.deposits
    desk.deposits = lambda drill, name: seen.append(original(drill, name)) or seen[-1]  # type: ignore[method-assign, func-returns-value]
    thread = serve(desk, "")
    visitor.hand_in(ANSWER, "a signature", patience_seconds=20)
    thread.join()
    assert (seen[-1][0].answer, seen[-1][0].signature) == (ANSWER, "a signature")
    assert sorted(path.name for path in folder.iterdir()) == ["opened.json"]
    (folder / "opened.json").unlink()
    thread = serve(desk, "it answers another plan")
    with pytest.raises(Refused, match="another plan"):
        visitor.hand_in(ANSWER, "", patience_seconds=20)
    thread.join()
    assert folder.is_dir(), "the drill still waits"


def test_nobody_there_is_said_in_time_and_nothing_stays(folder: Path, visitor: Visitor) -> None:
    with pytest.raises(Unreachable, match="no drill took the answer"):
        visitor.hand_in(ANSWER, "", patience_seconds=0.5)
    assert list(folder.iterdir()) == []


def test_a_closed_desk_refuses_what_lies_there_and_goes(desk: DirectoryDesk, folder: Path, visitor: Visitor) -> None:
    (folder / f"{'0' * 16}.answer.json").write_text(json.dumps({"answer": to_data(ANSWER), "signature": ""}))
    desk.close("weekly-1", "ehr")
    reply = json.loads((folder / f"{'0' * 16}.reply.json").read_text())
    assert reply["accepted"] is False
    (folder / f"{'0' * 16}.reply.json").unlink()
    desk.close("weekly-1", "ehr")
    assert not folder.parent.exists()
    with pytest.raises(Unreachable, match="does not wait"):
        visitor.open("c" * 32, "N. Durand")


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    "lay",
    [
        lambda path: path.write_text("no JSON"),
        lambda path: path.write_text('{"answer": {"drill": 1}}'),
        lambda path: path.write_bytes(b"\xff" * 100),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_bytes(b" " * (300 << 10)),
        lambda path: path.symlink_to("/etc/passwd"),
        pipe,
        lambda path: path.mkdir(),
    ],
)
def test_what_is_no_answer_is_never_one_and_never_stops_the_drill(
    desk: DirectoryDesk, folder: Path, lay: Callable[[Path], object]
) -> None:
    lay(folder / f"{'1' * 16}.answer.json")
    (deposit,) = desk.deposits("weekly-1", "ehr")
    assert deposit.answer is None
    assert deposit.trouble
    desk.reply("weekly-1", "ehr", deposit, refusal="no answer")
    assert desk.deposits("weekly-1", "ehr") == ()
    (folder / "opened.json").unlink(missing_ok=True)
    lay(folder / "opened.json")
    assert desk.opened("weekly-1", "ehr") is None


def test_strange_names_and_floods_are_passed_over(desk: DirectoryDesk, folder: Path) -> None:
    (folder / "..answer.json").write_text("x")
    (folder / "1.answer.json").write_text("x")
    for number in range(50):
        (folder / f"{number:016x}.answer.json").write_text("x")
    assert len(desk.deposits("weekly-1", "ehr")) == 20


def test_a_desk_that_opens_again_is_empty(desk: DirectoryDesk, folder: Path) -> None:
    (folder / f"{'2' * 16}.answer.json").write_text(json.dumps(to_data(replace(ANSWER))))
    desk.open("weekly-1", "ehr")
    assert desk.deposits("weekly-1", "ehr") == ()
