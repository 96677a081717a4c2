"""What the words of restic mean, one message at a time; nothing here but a table, so that plugins can load it too."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "password", "denied", "unreachable", "missing", "locked", "full", "owner", "node", "attribute", "damaged", "lost",
    "apart", "unclear",
]  # fmt: skip
"""damaged: bytes are there and wrong, for sure · lost: bytes are not there, perhaps because the location went away ·
apart: a file has names on two volumes of the sandbox."""

CANNOT_BE_MADE: frozenset[Kind] = frozenset({"owner", "node", "attribute"})
"""What a sandbox refuses to make, whoever asks: other owners, device nodes, attributes that belong to a host's root.
That the tool asked for them shows that they are in the backup."""

_REFUSED = r"(?:operation not permitted|operation not supported|invalid argument|no such device or address)"
_NO_ROOM = r"(?:no space left on device|argument list too long|numerical result out of range)"
_TABLE: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    # What the sandbox refuses is known by its whole line, whatever the names in it look like.
    ("owner", (r"^(?:Lchown: )?lchown [^\0]*: (?:invalid argument|operation not permitted)$",)),
    ("node", (rf"^mknod(?:at)? [^\0]*: {_REFUSED}$", "^operation not permitted$")),  # 0.14 says no more
    ("attribute", (rf"^xattr\.L?[Ss]et [^\0]*: (?:{_REFUSED}|{_NO_ROOM})$",)),
    # Broken bytes come before the rest: what is said about them is sure, whatever else went wrong beside it.
    ("damaged", ("ciphertext verification failed", "invalid data returned", "hash mismatch", "wrong hash")),
    ("damaged", ("Pack ID does not match", "unexpected file size")),
    ("damaged", ("^Unmarshal: ", "unable to decrypt", "tree is null")),
    # what scrypt and restic say of a key's parameters when one was changed (RFC 7914 §2)
    (
        "damaged",
        (r"only supported KDF is scrypt", r"N must be > 1 and a power of 2", "parameters are too (?:large|small)"),
    ),
    ("apart", (r"^link [^\0]*: invalid cross-device link$",)),
    ("full", ("no space left on device$", "disk quota exceeded$")),
    ("password", ("wrong password or no key found",)),
    ("denied", ("Access ?Denied", "SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken")),
    ("denied", ("request signature we calculated", "[Aa]ccess [Kk]ey I[dD] you provided", "no credentials found")),
    ("denied", ("config file: (?:open|stat|lstat) .*: permission denied",)),
    ("unreachable", ("connection re(?:fused|set)", "no such host", "i/o timeout", "dial tcp", "no route to host")),
    ("unreachable", ("network is unreachable", "TLS handshake", "x509:", "context deadline exceeded")),
    ("unreachable", ("server misbehaving", "ServiceUnavailable", "SlowDown")),
    ("missing", ("Is there a repository at the following location", "repository does not exist")),
    ("missing", ("specified bucket does not exist", "unable to open config file")),
    ("locked", ("repository is already locked",)),
    ("lost", ("data/[0-9a-f]{2}/[0-9a-f]{64}: no such file", "file is too short", "unexpected EOF")),
    ("lost", ("key does not exist", "not found in (?:the )?(?:repository|index)", "^Unknown blob ")),
    ("lost", ("(?:failed to find|failed to load|no) snapshot",)),
)
_WORDS = tuple((kind, re.compile("|".join(patterns))) for kind, patterns in _TABLE)


def kind_of_words(message: str) -> Kind:
    """Return what one message means, ``unclear`` when it says nothing known."""
    return next((kind for kind, pattern in _WORDS if pattern.search(message.strip())), "unclear")
