"""How frames are compressed: zstd, or zlib where the zstandard wheel is not at hand."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from drp.domain.phrase import say
from drp.errors import ManifestError

try:
    import zstandard
except ImportError:  # a host that has only Python: `drp-hash` still works there
    zstandard = None  # type: ignore[assignment]

Transform = Callable[[bytes], bytes]
DEFAULT = "zstd" if zstandard is not None else "zlib"
RAW_LIMIT = 64 << 20
"""No frame is larger than this when unpacked; a larger one is an attack on the reader's memory."""


def compressor(codec: str, level: int = 1) -> Transform:
    """Return what packs a frame."""
    if codec == "zstd" and zstandard is not None:
        return zstandard.ZstdCompressor(level=level, write_content_size=True).compress
    if codec == "zlib":
        return lambda raw: zlib.compress(raw, 1)
    raise ManifestError(
        say("cannot write a manifest packed with {codec} here", codec=repr(codec)), hint="install the zstandard wheel"
    )


def decompressor(codec: str) -> Callable[[bytes, int], bytes]:
    """Return what unpacks a frame of a stated length. It raises ``ManifestError`` when the frame is damaged."""
    if codec == "zstd" and zstandard is None:
        raise ManifestError(
            "the manifest is packed with zstd, which this Python cannot read", hint="install the zstandard wheel"
        )
    if codec not in {"zstd", "zlib"}:
        raise ManifestError(say("the manifest is packed with {codec}, which this drp does not know", codec=repr(codec)))
    unpack = _unzstd() if codec == "zstd" else _unzlib

    def checked(packed: bytes, length: int) -> bytes:
        if length > RAW_LIMIT:
            raise ManifestError("a frame of the manifest claims an absurd length")
        raw = unpack(packed, length)
        if len(raw) != length:
            raise ManifestError("a frame of the manifest has not the length it states")
        return raw

    return checked


def _unzstd() -> Callable[[bytes, int], bytes]:
    engine = zstandard.ZstdDecompressor()

    def unpack(packed: bytes, length: int) -> bytes:
        try:
            if zstandard.frame_content_size(packed) != length:
                raise ManifestError("a frame of the manifest has not the length it states")
            return engine.decompress(packed, max_output_size=length, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise ManifestError("a frame of the manifest is damaged") from error

    return unpack


def _unzlib(packed: bytes, length: int) -> bytes:
    engine = zlib.decompressobj()
    try:
        raw = engine.decompress(packed, length + 1)
    except zlib.error as error:
        raise ManifestError("a frame of the manifest is damaged") from error
    if not engine.eof or engine.unused_data:
        raise ManifestError("a frame of the manifest has not the length it states")
    return raw
