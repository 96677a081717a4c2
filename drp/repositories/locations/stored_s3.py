"""The objects of a repository in a bucket: listed by the client that asks for locks, bytes by obstore, which is faster.

obstore only ever sends GET here. Left alone it would take keys, endpoints and proxies from the environment: everything
that it could find there is said here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from drp.domain.phrase import say
from drp.domain.repository import S3Location, WaitLimits
from drp.domain.worm.objects import ObjectVersion
from drp.errors import AccessDenied, ObjectAbsent, RepositoryError, ShortBody, Unreachable
from drp.redact import redact
from drp.repositories.locations.s3 import S3Reader
from drp.repositories.locations.s3_connection import Resolve, resolve_keys
from drp.repositories.locations.stored import PIECE, Odd

_LONGEST = timedelta(hours=6)
"""For one object, whatever its size; between two pieces of it no more than the location's limit."""
_NO_RETRIES: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}
"""Within obstore, which would hide whether an object broke off or the service refused to go on with it."""
_PAUSES = (0.1, 1.0)
"""Seconds before another attempt, where one brought no bytes at all; after that it is told."""
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,80})</Code>")
_REFUSED = {"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "RequestTimeTooSkewed", "InvalidAccessKeyId"}
_BROKE_OFF = ("UnexpectedEof", "IncompleteBody", "IncompleteMessage", "end of file before message length reached")
_CAREFUL_PIECE = 64 << 10
"""Bytes of the pieces of what has broken off already: obstore drops a piece that is not complete."""


class StoredBucket:
    """Object versions in a bucket, or below a prefix of one."""

    def __init__(self, name: str, location: S3Location, resolve: Resolve, limits: WaitLimits) -> None:
        """Take the repository's name, for messages, and where and how to read; nothing is sent yet."""
        self._name, self._location, self._limits = name, location, limits
        self._keys = resolve_keys(location, resolve)
        self._reader = S3Reader(name, location, resolve, limits)

    @cached_property
    def _store(self) -> Any:
        from obstore.store import S3Store  # noqa: PLC0415 - who only lists needs none

        place, ca = self._location, self._location.ca_file
        keys: Any = {
            "access_key_id": self._keys.access,
            "secret_access_key": self._keys.secret,
            "token": self._keys.token,
            "expires_at": None,
        }
        return S3Store(
            place.bucket,
            prefix=place.prefix or None,
            endpoint=place.endpoint.url,
            aws_endpoint_url_s3=place.endpoint.url,
            region=place.region,
            credential_provider=lambda: keys,
            virtual_hosted_style_request=False,
            skip_signature=False,
            s3_express=False,
            client_options={
                "allow_http": not place.endpoint.secure,
                "connect_timeout": timedelta(seconds=self._limits.connect_seconds),
                "read_timeout": timedelta(seconds=self._limits.answer_seconds),
                "timeout": _LONGEST,
                "proxy_url": place.endpoint.url,  # of no use, since it is excluded: without one, the environment's is
                "proxy_excludes": place.endpoint.host,
                **({"root_certificate": ca.read_bytes()} if ca is not None else {}),
            },
            retry_config=_NO_RETRIES,
        )

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        """Yield every version and delete marker below a folder, by the rights of the location's key."""
        return self._reader.versions(folder)

    def everything(self, folder: str = "") -> Iterator[ObjectVersion | Odd]:
        """Yield every version, and what is read by a name of which the service lists no current version.

        So is what was changed below the service's own interface: its versions are not listed any more.
        """
        current: set[str] = set()
        for one in self._reader.versions(folder):
            if one.latest and not one.marker:
                current.add(one.key)
            yield one
        yield from (one for one in self._reader.read_by_name(folder) if one.key not in current)

    def read(self, key: str, version: str | None, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of one version; what breaks off is continued where it did, as long as more comes."""
        if length == 0:
            return
        answer = _Answer(offset=offset, length=length)
        failed = 0
        while True:
            before = answer.received
            try:
                yield from self._attempt(key, version, answer)
            except (ShortBody, Unreachable):
                answer.broke_off = True
                failed = 1 if answer.received > before else failed + 1
                if failed > len(_PAUSES):
                    raise
                time.sleep(_PAUSES[failed - 1])
            else:
                return

    def views(self, key: str, version: str | None) -> Iterator[bytes | memoryview]:
        """Yield the same pieces."""
        return self.read(key, version)

    def _attempt(self, key: str, version: str | None, answer: _Answer) -> Iterator[bytes]:
        import obstore  # noqa: PLC0415 - as above

        expected = answer.wanted is not None
        try:
            got = obstore.get(self._store, key, options=answer.options(version))
            self._require_version(key, version, got.meta.get("version"))
            if answer.wanted is None:
                answer.wanted, answer.mark = got.range[1] - got.range[0], got.meta.get("e_tag")
            expected = True
            for piece in got.stream(min_chunk_size=_CAREFUL_PIECE if answer.broke_off else PIECE):
                answer.received += len(piece)
                yield piece
        except RepositoryError:
            raise
        except Exception as error:  # obstore's own errors, and Python's, have no base in common
            raise self._error(error, key, answer, expected=expected) from error
        if answer.received != answer.wanted:
            raise self._short(key, answer)

    def _require_version(self, key: str, asked: str | None, answered: str | None) -> None:
        """Raise ``RepositoryError`` when a service says that it answers with another version than was asked for."""
        if asked and answered and asked != answered:
            raise RepositoryError(
                say(
                    "repository {name} answers with version {other} of {object} instead of {version}",
                    name=self._name,
                    other=answered,
                    object=key,
                    version=asked,
                )
            )

    def _short(self, key: str, answer: _Answer) -> ShortBody:
        return ShortBody(
            say(
                "{object} of {repository} ended after {received} of {wanted} bytes",
                object=key,
                repository=self._name,
                received=answer.received,
                wanted=answer.wanted or 0,
            ),
            received=answer.received,
        )

    def _error(self, error: Exception, key: str, answer: _Answer, *, expected: bool) -> RepositoryError:
        """Return the error of the family for what obstore raised; a service's own words stay out of it."""
        told = str(error)
        status, code = ((found[1] if (found := each.search(told)) else "") for each in (_STATUS, _CODE))
        where = f"{self._location.endpoint.host}:{self._location.endpoint.port}"
        if status == "416" or (not status and expected and any(mark in told for mark in _BROKE_OFF)):
            return self._short(key, answer)
        if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
            return ObjectAbsent(say("{object} of {repository} is not there", object=key, repository=self._name))
        if status in {"401", "403"} or code in _REFUSED:
            return AccessDenied(
                say(
                    "repository {name} refuses the access key ({error}) at {where}",
                    name=self._name,
                    error=code or status,
                    where=where,
                )
            )
        if status.startswith("5") or status == "429":
            return Unreachable(
                say(
                    "repository {name} answers {status} {error} at {where}",
                    name=self._name,
                    status=status,
                    error=code,
                    where=where,
                )
            )
        if status or isinstance(error, ValueError):
            return RepositoryError(
                say("repository {name}: {error} at {where}", name=self._name, error=code or status or key, where=where)
            )
        what = redact(told.split("\n", 1)[0])[:200]
        return Unreachable(
            say("repository {name} does not answer at {where}: {what}", name=self._name, where=where, what=what)
        )


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What has come of an object so far."""

    offset: int
    length: int | None
    received: int = 0
    wanted: int | None = None
    """Bytes that the service announced, when it first answered."""
    broke_off: bool = False
    mark: str | None = None
    """Its ETag, so that what is continued is the same content."""

    def options(self, version: str | None) -> Any:
        """Return what to ask for next."""
        start = self.offset + self.received
        options: Any = {"version": version} if version else {}
        if self.length is not None:
            options["range"] = (start, self.offset + self.length)
        elif start:
            options["range"] = {"offset": start}
        if self.mark is not None and self.received:
            options["if_match"] = self.mark
        return options
