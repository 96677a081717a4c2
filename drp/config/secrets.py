"""Reads a secret at the moment of use. The value is remembered only so that it can be kept out of every message."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from drp import command
from drp.domain.phrase import Phrase, say
from drp.domain.restore import SecretReference
from drp.errors import CommandFailed, ConfigError
from drp.redact import remember
from drp.trust import Trust
from drp.watch import GRACE_SECONDS

_LARGEST = 64 << 10
_COMMAND_SECONDS = 30.0
_NO_PROGRAM = 127


def resolve(reference: SecretReference, *, command_seconds: float = _COMMAND_SECONDS) -> str:
    """Return the secret, without the line end after it. Raises ConfigError, which never holds a part of it.

    ``command_seconds`` is for how long a command that prints one may run.

    Untrusted: others could have written the file.
    """
    if reference.kind == "file":
        secret = _from_file(Path(reference.value[0]), others_may_not_read=True)
    elif reference.kind == "credential":
        secret = _from_credential(reference.value[0])
    else:
        secret = _from_command(reference.value, command_seconds)
    remember(secret)
    return secret


def describe(reference: SecretReference) -> str:
    """Return where a secret is kept, for people: never the secret."""
    return f"{reference.kind} {reference.value[0]}"


def _from_file(path: Path, *, others_may_not_read: bool) -> str:
    try:
        descriptor = Trust().open(path)
    except ValueError:
        raise ConfigError(
            say("secret file {path} is not a file", path=path), hint="name the file that holds the secret"
        ) from None
    except OSError as error:
        raise ConfigError(
            say("secret file {path} cannot be read: {why}", path=path, why=error.strerror),
            hint="make it, readable by drp's user alone",
        ) from error
    try:
        if others_may_not_read and os.fstat(descriptor).st_mode & stat.S_IROTH:
            raise ConfigError(
                say("secret file {path} is open to everybody", path=path), hint=say("chmod 600 {path}", path=path)
            )
        raw = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(raw) > _LARGEST:
        raise ConfigError(
            say("secret file {path} is larger than 64 KiB", path=path), hint="name the file that holds the secret"
        )
    return _text(raw, say("secret file {path}", path=path))


def _from_credential(name: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ConfigError(
            say("credential {name} is not there: systemd gave this process none", name=name),
            hint=say(
                "add LoadCredential={name} to the unit, or run it with `systemd-run -p LoadCredential={name}:PATH`",
                name=name,
            ),
        )
    return _from_file(Path(folder) / name, others_may_not_read=False)


def _from_command(argv: tuple[str, ...], seconds: float) -> str:
    try:
        output = command.run(argv, timeout_seconds=seconds, grace_seconds=min(seconds, GRACE_SECONDS))
    except CommandFailed as error:
        # what it printed may be the secret, so neither its words nor the error that holds them go on
        raise ConfigError(
            say("command {program} for a secret is not installed", program=argv[0])
            if error.exit_code == _NO_PROGRAM
            else say(
                "command {program} for a secret failed with {status}", program=argv[0], status=str(error.exit_code)
            ),
            hint="run it by hand as drp's user: it must print the secret",
        ) from None
    first, _, _ = output.stdout.partition("\n")
    return _text(first.encode(), say("command {program} for a secret", program=argv[0]))


def _text(raw: bytes, where: Phrase) -> str:
    try:
        secret = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(
            say("{where} is not UTF-8 text", where=where), hint="keep the secret as one line of text"
        ) from None
    if not secret or "\0" in secret:
        raise ConfigError(say("{where} holds no secret", where=where), hint="keep the secret as one line of text")
    return secret
