"""Keys of test repositories that open at once: restic makes each opening of a repository cost a third of a second.

That is right for passwords of people (scrypt, chosen for this machine) and most of what a suite of a thousand restics
does. The repository stays restic's own but for its key file, which is sealed anew with scrypt's cost at its lowest.
Formats: restic's `doc/design.rst`, "Keys, Encryption and MAC": AES-256-CTR, Poly1305-AES.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from pathlib import Path

_N, _R, _P = 1024, 8, 1
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def cheapen(repository: Path, password: str) -> None:
    """Replace the one key file of a repository in a folder."""
    (old,) = (repository / "keys").iterdir()
    key = json.loads(old.read_text())
    sealed = base64.b64decode(key["data"])
    master = _crypt(_derive(password, key)[:32], sealed[:16], sealed[16:-16])
    assert json.loads(master)["encrypt"], "the key was not opened"
    key |= {"N": _N, "r": _R, "p": _P}
    secret, nonce = _derive(password, key), os.urandom(16)
    ciphertext = _crypt(secret[:32], nonce, master)
    key["data"] = base64.b64encode(nonce + ciphertext + _mac(secret[32:48], secret[48:], nonce, ciphertext)).decode()
    content = json.dumps(key).encode()
    made = old.with_name(hashlib.sha256(content).hexdigest())
    made.write_bytes(content)
    made.chmod(old.stat().st_mode & 0o777)
    old.unlink()


def _derive(password: str, key: dict[str, object]) -> bytes:
    cost = {name.lower(): int(str(key[name])) for name in ("N", "r", "p")}
    salt = base64.b64decode(str(key["salt"]))
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=1 << 28, dklen=64, **cost)


def _crypt(key: bytes, nonce: bytes, text: bytes) -> bytes:
    return _openssl("-aes-256-ctr", "-K", key.hex(), "-iv", nonce.hex(), text=text)


def _mac(k: bytes, r: bytes, nonce: bytes, text: bytes) -> bytes:
    """Return the Poly1305-AES of a text."""
    pad = _openssl("-aes-128-ecb", "-nopad", "-K", k.hex(), text=nonce)
    factor, total = int.from_bytes(r, "little") & _CLAMP, 0
    for start in range(0, len(text), 16):
        block = text[start : start + 16] + b"\1"
        total = (total + int.from_bytes(block, "little")) * factor % _PRIME
    return ((total + int.from_bytes(pad, "little")) % (1 << 128)).to_bytes(16, "little")


def _openssl(*words: str, text: bytes) -> bytes:
    return subprocess.run(["openssl", "enc", *words], input=text, capture_output=True, check=True).stdout
