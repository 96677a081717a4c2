"""Secrets are read where the reference says, refused where others can read them, and repeated nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drp.config.secrets import describe, resolve
from drp.domain.restore import SecretReference
from drp.errors import ConfigError, Untrusted
from drp.redact import redact

SECRET = "pa ss'wörd-4815162342"


def file(path: Path, content: bytes = SECRET.encode() + b"\n", mode: int = 0o600) -> SecretReference:
    path.write_bytes(content)
    path.chmod(mode)
    return SecretReference(kind="file", value=(str(path),))


def shell(script: str) -> SecretReference:
    return SecretReference(kind="command", value=("sh", "-c", script))


def test_a_file_gives_its_text_without_the_line_end(tmp_path: Path) -> None:
    assert resolve(file(tmp_path / "s")) == SECRET
    assert resolve(file(tmp_path / "t", b"one\r\n")) == "one"
    assert resolve(file(tmp_path / "u", b"two\nlines\n")) == "two\nlines"
    assert resolve(file(tmp_path / "v", b" kept ")) == " kept "


def test_what_was_resolved_is_redacted_ever_after(tmp_path: Path) -> None:
    resolve(file(tmp_path / "s", b"zanzibar-secret\n"))
    assert redact("it said zanzibar-secret!") == "it said [secret]!"


def test_a_group_may_read_a_secret_file_but_not_everybody(tmp_path: Path) -> None:
    assert resolve(file(tmp_path / "s", mode=0o640)) == SECRET
    with pytest.raises(Untrusted, match="may be written by everybody"):
        resolve(file(tmp_path / "u", mode=0o602))
    with pytest.raises(ConfigError) as caught:
        resolve(file(tmp_path / "t", mode=0o644))
    assert caught.value.message == f"secret file {tmp_path / 't'} is open to everybody"
    assert caught.value.hint == f"chmod 600 {tmp_path / 't'}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no secret"),
        (b"\n", "holds no secret"),
        (b"a\x00b", "holds no secret"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * 70_000, "is larger than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve(file(tmp_path / "s", content))


def test_a_missing_file_a_directory_and_a_pipe_without_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", mode=0o600)
    for name, message in ((("missing"), "No such file"), (".", "is not a file"), ("pipe", "is not a file")):
        with pytest.raises(ConfigError, match=message):
            resolve(SecretReference(kind="file", value=(str(tmp_path / name),)))


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = SecretReference(kind="credential", value=("vault",))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="systemd gave this process none") as caught:
        resolve(reference)
    assert "LoadCredential=vault" in str(caught.value.hint)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file(tmp_path / "vault", mode=0o440)
    assert resolve(reference) == SECRET


def test_the_first_line_that_a_command_prints() -> None:
    assert resolve(shell("printf 'one two\\nthree\\n'")) == "one two"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo xyzzy-secret; exit 3", "command sh for a secret failed with 3"),
        ("echo xyzzy-secret >&2; kill -9 $$", "command sh for a secret failed with -9"),
        ("true", "command sh for a secret holds no secret"),
    ],
)
def test_a_command_that_fails_is_not_quoted(script: str, message: str) -> None:
    """What it printed may be the secret."""
    with pytest.raises(ConfigError) as caught:
        resolve(shell(script))
    assert caught.value.message == message
    assert "xyzzy" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="command no-such-program for a secret is not installed"):
        resolve(SecretReference(kind="command", value=("no-such-program",)))


def test_a_command_sees_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRP_TRIPWIRE", "seen")
    assert resolve(shell('echo "${DRP_TRIPWIRE:-unseen}"')) == "unseen"


def test_a_reference_is_described_without_its_value(tmp_path: Path) -> None:
    assert describe(file(tmp_path / "s")) == f"file {tmp_path / 's'}"
    assert describe(SecretReference(kind="command", value=("pass", "show", "x"))) == "command pass"
