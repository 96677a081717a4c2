"""SSH signatures, made and checked by ssh-keygen: referents have such keys already.

Those of sign-offs are of the namespace ``drp-sign-off``.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

from drp.command import Output, run
from drp.domain.phrase import quoted, say
from drp.domain.sign_off_desk import Signer
from drp.domain.visible import one_line
from drp.errors import AccessDenied, CommandFailed, NotFound

NAMESPACE = "drp-sign-off"
_SECONDS = 20.0
_LONGEST = 64 << 10
_MOST_PRINCIPALS = 20
_FINGERPRINT = re.compile(r"key (SHA256:[A-Za-z0-9+/=]{20,64})")
_ABSENT = say("install the package openssh-client")


def sign(message: bytes, key: Path, *, namespace: str = NAMESPACE) -> str:
    """Return the armoured signature over a message; one of another namespace never counts.

    ``key`` is a private key without passphrase, or a public key whose private half the agent holds. Raises
    ``NotFound`` and ``AccessDenied``.
    """
    if not key.is_file():
        raise NotFound(say("there is no key {key}", key=key), hint="make one with `ssh-keygen -t ed25519`")
    agent = {name: os.environ[name] for name in ("SSH_AUTH_SOCK",) if name in os.environ}
    output = _keygen("-Y", "sign", "-f", str(key.absolute()), "-n", namespace, message=message, environment=agent)
    if output.exit_code != 0 or not output.stdout.startswith("-----BEGIN SSH SIGNATURE-----"):
        said = quoted(output.tail[-1]) if output.tail else say("no word")
        hint = say("a key with a passphrase: `ssh-add` it, and name its .pub file")
        raise AccessDenied(say("ssh-keygen could not sign with {key}: {said}", key=key, said=said), hint=hint)
    return output.stdout


def verify(
    message: bytes,
    signature: str,
    allowed_signers: str,
    *,
    scratch: Path,
    permitted: Collection[str] = (),
    namespace: str = NAMESPACE,
) -> Signer:
    """Return the allowed signer who made the signature; of ``permitted`` principals, where any are named.

    Raises ``AccessDenied`` when nobody of them did.
    """
    made: list[Signer] = []
    if not signature.startswith("-----BEGIN SSH SIGNATURE-----") or len(signature) > _LONGEST:
        raise AccessDenied(say("there is no SSH signature"), hint="answer with --key and the key of an allowed signer")
    with tempfile.TemporaryDirectory(prefix=".check-", dir=scratch) as folder:
        allowed, armoured = Path(folder) / "allowed_signers", Path(folder) / "signature"
        allowed.write_text(allowed_signers, encoding="utf-8")
        armoured.write_text(signature, encoding="utf-8")
        files = ("-f", str(allowed), "-s", str(armoured))
        for principal in _principals(_keygen("-Y", "find-principals", *files)):
            output = _keygen("-Y", "verify", *files, "-I", principal, "-n", namespace, message=message)
            if output.exit_code == 0 and (match := _FINGERPRINT.search("\n".join((output.stdout, *output.tail)))):
                made.append(Signer(principal=principal, key=match[1]))
    if found := next((signer for signer in made if not permitted or signer.principal in permitted), None):
        return found
    if made:
        who = one_line(made[0].principal, 100)
        raise AccessDenied(
            say("{who} made this signature, and is not among those who sign for this application", who=who),
            hint="let one of `sign_off.principals` of the application sign",
        )
    raise AccessDenied(
        say("no allowed signer made this signature over this answer"),
        hint="sign with the key that `sign_off.allowed_signers` of the application lists",
    )


def _principals(output: Output) -> list[str]:
    """Return whom the signature's key stands for; one line may list several."""
    lines = output.stdout.splitlines() if output.exit_code == 0 else []
    return [name for line in lines for name in line.strip().split(",") if name][:_MOST_PRINCIPALS]


def _keygen(*arguments: str, message: bytes = b"", environment: dict[str, str] | None = None) -> Output:
    try:
        return run(
            ("ssh-keygen", *arguments), stdin=message, timeout_seconds=_SECONDS, environment=environment, check=False
        )
    except CommandFailed as error:
        raise AccessDenied(say("signatures cannot be handled: ssh-keygen is not installed"), hint=_ABSENT) from error
