"""Opens what restic has sealed: nothing is looked into before its authenticity is proven.

Formats: restic, ``doc/design.rst``, "Keys, Encryption and MAC" and "Compression": AES-256-CTR, Poly1305-AES over the
ciphertext with the initialisation vector as nonce, keys wrapped by scrypt (RFC 7914), zstandard since version 2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any

import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

from drp.domain.strict_json import Limits, Malformed, parse_object

_NONCE, _TAG = 16, 16
_KEY_FILE = Limits(size=64 << 10, largest=0)
_MOST_MEMORY = 512 << 20
"""Bytes that scrypt may take: restic chooses 60 MiB at most."""
_MOST_PARALLEL = 64
_COMPRESSED = b"\x02"
_PLAIN = (b"{", b"[")
_WIDEST_WINDOW = 128 << 20


class Unauthentic(ValueError):
    """It was not sealed with this key, or was changed since."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key of restic's: the repository's own, or the one that a password stands for."""

    encrypt: bytes
    mac_key: bytes
    mac_factor: bytes

    def open(self, sealed: bytes | memoryview) -> bytes:
        """Return what was sealed. Raises ``Unauthentic``."""
        if len(sealed) < _NONCE + _TAG:
            raise Unauthentic
        nonce, content, tag = bytes(sealed[:_NONCE]), sealed[_NONCE:-_TAG], bytes(sealed[-_TAG:])
        pad = Cipher(algorithms.AES(self.mac_key), modes.ECB()).encryptor().update(nonce)  # noqa: S305 - one block: it is Poly1305-AES
        proof = Poly1305(self.mac_factor + pad)
        proof.update(content)
        try:
            proof.verify(tag)
        except InvalidSignature:
            raise Unauthentic from None
        return Cipher(algorithms.AES(self.encrypt), modes.CTR(nonce)).decryptor().update(content)

    def derived(self, purpose: bytes) -> bytes:
        """Return a key of 32 bytes for another purpose, that tells nothing of this one."""
        return hashlib.blake2b(
            self.mac_key + self.mac_factor, key=self.encrypt, person=purpose, digest_size=32
        ).digest()


def opened_by(password: bytes, key_file: bytes) -> Key | None:
    """Return the repository's key if the password opens this key file, None if not. Raises ``Malformed``."""
    said = parse_object(key_file, _KEY_FILE)
    if said.get("kdf") != "scrypt":
        raise Malformed("no scrypt")
    cost, blocks, parallel = (_whole(said, name) for name in ("N", "r", "p"))
    memory = 128 * blocks * (cost + parallel + 2)
    if memory > _MOST_MEMORY or parallel > _MOST_PARALLEL or cost < 2 or cost & (cost - 1):
        raise Malformed("scrypt beyond reason")
    salt, sealed = _bytes(said, "salt"), _bytes(said, "data")
    secret = hashlib.scrypt(password, salt=salt, n=cost, r=blocks, p=parallel, maxmem=memory + (1 << 20), dklen=64)
    try:
        opened = Key(secret[:32], secret[32:48], secret[48:]).open(sealed)
    except Unauthentic:
        return None
    master = parse_object(opened, _KEY_FILE)
    mac = master.get("mac")
    if not isinstance(mac, dict):
        raise Malformed("no key")
    key = Key(_bytes(master, "encrypt"), _bytes(mac, "k"), _bytes(mac, "r"))
    if (len(key.encrypt), len(key.mac_key), len(key.mac_factor)) != (32, 16, 16):
        raise Malformed("no key")
    return key


def _whole(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 1 << 30:
        raise Malformed("no cost")
    return value


def _bytes(said: dict[str, Any], name: str) -> bytes:
    value = said.get(name)
    if not isinstance(value, str):
        raise Malformed("no bytes")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Malformed("no bytes") from None


def unpacked(content: bytes, most: int) -> bytes:
    """Return a file's text, which version 2 compresses and says so in its first byte. Raises ``Malformed``."""
    if content[:1] in _PLAIN:
        return content
    if content[:1] != _COMPRESSED:
        raise Malformed("a form that nobody knows")
    return decompressed(content[1:], most)


def decompressed(content: bytes, most: int) -> bytes:
    """Return what was compressed: one frame, of ``most`` bytes at most. Raises ``Malformed``."""
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=_WIDEST_WINDOW).stream_reader(content)
        text = reader.read(most + 1)
    except zstandard.ZstdError:
        raise Malformed("not compressed as it has to be") from None
    if len(text) > most:
        raise Malformed("larger than it may be")
    return text
