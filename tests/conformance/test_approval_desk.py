"""One contract for every desk of approvals: the directory, and the one that control-flow tests use."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drp.codec import canonical, to_data
from drp.domain.approval import ApprovalAnswer, ApprovalPolicy
from drp.domain.approval_desk import ApprovalDeposit, ApprovalDesk
from drp.errors import AccessDenied
from drp.sign_off import ApprovalDirectory, HandedInApproval, sign
from drp.sign_off.approvals import NAMESPACE, on_host
from drp.sign_off.papers import answer_file, reply_file
from drp.trust.accounts import account_name
from tests.simulators.approvals import SimApprovals

ANSWER = ApprovalAnswer(
    drill="weekly-1", plan_digest="d", challenge="c", decision="approve", name="N", reason="the ward knows",
    answered_at=datetime(2026, 11, 29, 22, 0, tzinfo=UTC),
)  # fmt: skip
Place = tuple[ApprovalDesk, Callable[[ApprovalAnswer], None]]


@pytest.fixture(params=["directory", "simulator"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "simulator":
        simulated = SimApprovals()
        return simulated, lambda answer: simulated.hand_in(answer, uid=os.getuid())
    numbers = iter(range(100))

    def hand_in(answer: ApprovalAnswer) -> None:
        lay(tmp_path / "weekly-1", f"{next(numbers):016x}", answer)

    return ApprovalDirectory(tmp_path), hand_in


def lay(folder: Path, name: str, answer: ApprovalAnswer, signature: str = "") -> None:
    answer_file(folder, name).write_text(json.dumps(to_data(HandedInApproval(answer=answer, signature=signature))))


def test_an_open_desk_is_empty_and_takes_what_is_handed_in(place: Place) -> None:
    desk, hand_in = place
    desk.open("weekly-1")
    assert desk.deposits("weekly-1") == ()
    hand_in(ANSWER)
    hand_in(ANSWER)
    found = desk.deposits("weekly-1")
    assert [deposit.answer for deposit in found] == [ANSWER, ANSWER]
    assert {deposit.uid for deposit in found} == {os.getuid()}
    desk.open("weekly-1")
    assert desk.deposits("weekly-1") == (), "what was left from before answers nothing"


def test_a_reply_takes_its_deposit_away_and_no_other(place: Place) -> None:
    desk, hand_in = place
    desk.open("weekly-1")
    hand_in(ANSWER)
    hand_in(replace(ANSWER, decision="refuse"))
    first, second = desk.deposits("weekly-1")
    desk.reply("weekly-1", first, refusal="no")
    assert [deposit.id for deposit in desk.deposits("weekly-1")] == [second.id]


def test_a_closed_desk_takes_nothing(place: Place) -> None:
    desk, hand_in = place
    desk.open("weekly-1")
    hand_in(ANSWER)
    desk.close("weekly-1")
    assert desk.deposits("weekly-1") == ()
    desk.close("weekly-1")


def test_without_keys_it_is_the_word_of_the_account_that_wrote_the_file(tmp_path: Path) -> None:
    desk = ApprovalDirectory(tmp_path)
    desk.open("weekly-1")
    lay(tmp_path / "weekly-1", "0" * 16, ANSWER)
    (deposit,) = desk.deposits("weekly-1")
    by = desk.whose(deposit, ApprovalPolicy(approvers=("anybody",)))
    assert (by.name, by.proven_by, by.uid) == (account_name(os.getuid()), "account", os.getuid())
    with pytest.raises(AccessDenied, match="cannot be told"):
        desk.whose(replace(deposit, uid=-1), ApprovalPolicy(approvers=("anybody",)))


def test_an_account_inside_is_the_one_outside_or_nobody() -> None:
    assert on_host(0, "         0          0 4294967295\n") == 0
    assert on_host(1000, "         0          0 4294967295\n") == 1000
    assert on_host(0, "0 1000 1\n1 100000 65536\n") == 1000
    assert on_host(5, "0 1000 1\n1 100000 65536\n") == 100_004
    assert on_host(65534, "0 1000 1\n") == -1


@pytest.mark.parametrize(
    "content",
    [b"", b"no JSON", b"[]", b'{"answer": null}', b'{"answer": {}, "answer": {}}', b"\xff", b"[" * 50 + b"]" * 50, b"x" * (300 << 10)],
)  # fmt: skip
def test_rubbish_is_told_and_not_believed(tmp_path: Path, content: bytes) -> None:
    desk = ApprovalDirectory(tmp_path)
    desk.open("weekly-1")
    answer_file(tmp_path / "weekly-1", "0" * 16).write_bytes(content)
    (deposit,) = desk.deposits("weekly-1")
    assert (deposit.answer, bool(deposit.trouble)) == (None, True)


def test_links_pipes_and_folders_are_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    desk = ApprovalDirectory(tmp_path / "desk")
    desk.open("weekly-1")
    folder = tmp_path / "desk/weekly-1"
    lay(tmp_path, "f" * 16, ANSWER)
    answer_file(folder, "0" * 16).symlink_to(answer_file(tmp_path, "f" * 16))
    os.mkfifo(answer_file(folder, "1" * 16))
    answer_file(folder, "2" * 16).mkdir()
    found = desk.deposits("weekly-1")
    assert len(found) == 3
    assert all(deposit.answer is None for deposit in found)
    for deposit in found:
        desk.reply("weekly-1", deposit, refusal="no")
    assert [path.name for path in sorted(folder.iterdir())] == [f"{digit * 16}.reply.json" for digit in "012"]
    assert answer_file(tmp_path, "f" * 16).exists()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("anna", "thief"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder


def test_a_signature_counts_over_this_answer_by_an_approver_and_made_for_approvals(tmp_path: Path, keys: Path) -> None:
    desk = ApprovalDirectory(tmp_path)
    desk.open("weekly-1")
    signers = "".join(f"{name}@chu {(keys / f'{name}.pub').read_text()}" for name in ("anna", "thief"))
    policy = ApprovalPolicy(approvers=("anna@chu",), allowed_signers=signers)
    message = canonical(to_data(ANSWER))
    made = sign(message, keys / "anna", namespace=NAMESPACE)

    def whose(signature: str, answer: ApprovalAnswer = ANSWER, policy: ApprovalPolicy = policy) -> str:
        return desk.whose(ApprovalDeposit(id="0" * 16, answer=answer, signature=signature), policy).name

    assert whose(made) == "anna@chu"
    assert whose(sign(message, keys / "thief", namespace=NAMESPACE)) == "thief@chu", "the drill tells that it may not"
    only_anna = replace(policy, allowed_signers=signers.splitlines()[0] + "\n")
    for signature, answer in (
        ("", ANSWER),
        (made, replace(ANSWER, reason="another")),
        (made, replace(ANSWER, decision="refuse")),
        (sign(message, keys / "anna"), ANSWER),  # made for a sign-off
    ):
        with pytest.raises(AccessDenied):
            whose(signature, answer)
    with pytest.raises(AccessDenied):
        whose(sign(message, keys / "thief", namespace=NAMESPACE), policy=only_anna)


def test_a_reply_names_whose_word_was_taken(tmp_path: Path) -> None:
    desk = ApprovalDirectory(tmp_path)
    desk.open("weekly-1")
    lay(tmp_path / "weekly-1", "0" * 16, ANSWER)
    (deposit,) = desk.deposits("weekly-1")
    desk.reply("weekly-1", deposit, by=desk.whose(deposit, ApprovalPolicy(approvers=("anybody",))))
    said = json.loads(reply_file(tmp_path / "weekly-1", "0" * 16).read_text())
    assert (said["accepted"], said["principal"]) == (True, account_name(os.getuid()))
