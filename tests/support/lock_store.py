"""A store that answers what lock attestation asks, on loopback and in a process of its own: many versions, or faults.

It is no S3 server: signatures are not looked at, and there is one bucket with objects that it makes up.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from hashlib import sha256
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 1000
_UNTIL = (datetime.now(UTC) + timedelta(days=60)).replace(microsecond=0)


class Store:
    """Objects of one repository: config, a key, a snapshot and so many packs."""

    def __init__(self, packs: int, *, fail_after: int, status: int, ahead: int) -> None:
        names = [sha256(b"%d" % number).hexdigest() for number in range(packs)]
        keys = ["config", "keys/" + "0" * 64, "snapshots/" + "1" * 64, *(f"data/{name[:2]}/{name}" for name in names)]
        self.keys = sorted(keys)
        self.heads = self.others = 0
        self.fail_after, self.status, self.ahead = fail_after, status, ahead

    def answer(self, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
        where = urlsplit(target)
        query = parse_qs(where.query, keep_blank_values=True)
        key = unquote(where.path).lstrip("/").partition("/")[2]
        if key == "counts":
            return 200, {}, b"%d %d" % (self.heads, self.others)
        if method == "HEAD":
            self.heads += 1
            if self.heads > self.fail_after:
                return self.status, {}, b""
            return 200, _locked(), b""
        self.others += 1
        if "versioning" in query:
            return 200, {}, _xml("VersioningConfiguration", "<Status>Enabled</Status>")
        if "object-lock" in query:
            return 200, {}, _xml("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>")
        if "retention" in query:
            return 200, {}, _xml("Retention", f"<Mode>COMPLIANCE</Mode><RetainUntilDate>{_shown()}</RetainUntilDate>")
        if "versions" in query:
            return 200, {}, self._page(query.get("key-marker", [""])[0])
        if "list-type" in query:
            return 200, {}, self._names(query.get("continuation-token", [""])[0])
        return (
            404,
            {},
            _xml(
                "Error", f"<Code>{'NoSuchBucketPolicy' if 'policy' in query else 'NoSuchLifecycleConfiguration'}</Code>"
            ),
        )

    def _slice(self, after: str) -> tuple[list[str], bool]:
        start = self.keys.index(after) + 1 if after else 0
        return self.keys[start : start + PAGE], start + PAGE < len(self.keys)

    def _page(self, after: str) -> bytes:
        keys, more = self._slice(after)
        body = "".join(
            f"<Version><Key>{key}</Key><VersionId>v{key[-20:]}</VersionId><IsLatest>true</IsLatest>"
            f'<LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>4000000</Size></Version>'
            for key in keys
        )
        following = (
            f"<NextKeyMarker>{keys[-1]}</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>" if more else ""
        )
        return _xml("ListVersionsResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{body}")

    def _names(self, after: str) -> bytes:
        keys, more = self._slice(after)
        body = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>"
            for key in keys
        )
        following = f"<NextContinuationToken>{keys[-1]}</NextContinuationToken>" if more else ""
        return _xml("ListBucketResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}{body}")


def _shown() -> str:
    return f"{_UNTIL:%Y-%m-%dT%H:%M:%SZ}"


def _locked() -> dict[str, str]:
    return {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": _shown()}


def _xml(name: str, inner: str) -> bytes:
    return f'<?xml version="1.0"?><{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>'.encode()


class _Speaker(asyncio.Protocol):
    def __init__(self, store: Store) -> None:
        self._store, self._held = store, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while b"\r\n\r\n" in self._held:
            head, _, self._held = self._held.partition(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            status, headers, body = self._store.answer(method, target)
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            first = f"HTTP/1.1 {status} X\r\nDate: {formatdate(time.time() + self._store.ahead, usegmt=True)}\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
            self._transport.write(first.encode("ascii") + (body if method != "HEAD" else b""))


async def _serve(store: Store) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Speaker(store), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def lock_store(packs: int, *, fail_after: int = 1 << 60, status: int = 503, ahead: int = 0) -> Iterator[int]:
    """Run a store until the block ends; yield its port. From the HEAD after ``fail_after`` on it answers ``status``.

    ``ahead``: seconds by which its clock is ahead of this machine's.
    """
    argv = [sys.executable, "-m", "tests.support.lock_store", *map(str, (packs, fail_after, status, ahead))]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("packs", "fail_after", "status", "ahead"):
        parser.add_argument(name, type=int)
    asked = parser.parse_args()
    asyncio.run(_serve(Store(asked.packs, fail_after=asked.fail_after, status=asked.status, ahead=asked.ahead)))
