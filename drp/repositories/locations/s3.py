"""The one client of S3: lists, reads and asks for locks. It cannot change anything: a hook refuses every other verb.

Answers come within seconds or are errors: no retries, short time limits, no proxy, and none of the caller's AWS
configuration. Missing things are ``None``; refusals and silence are raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from drp.clock import utc_now
from drp.domain.phrase import Size, say
from drp.domain.repository import S3Location, WaitLimits
from drp.domain.worm.objects import ObjectLock, ObjectVersion
from drp.errors import AccessDenied, RepositoryError, Unreachable
from drp.repositories.locations.s3_connection import Keys, Resolve, connect, failures, resolve_keys
from drp.repositories.locations.s3_errors import code_of, error_of

__all__ = ["Keys", "Resolve", "S3Reader", "resolve_keys"]

_READING = {"GET", "HEAD"}
_ABSENT = {
    *("404", "NoSuchKey", "NotFound", "NoSuchVersion", "NoSuchObjectLockConfiguration"),
    *("ObjectLockConfigurationNotFoundError", "ObjectLockConfigurationNotFoundErr"),
    *("NoSuchLifecycleConfiguration", "NoSuchBucketPolicy"),
}
_PAGE_LIMIT = 10_000
_HALF_A_SECOND = timedelta(seconds=0.5)
"""What a time in whole seconds leaves out, on average."""


class S3Reader:
    """Reads one bucket. Raises ``Unreachable``, ``AccessDenied``, ``RepositoryError``."""

    def __init__(self, name: str, location: S3Location, resolve: Resolve, limits: WaitLimits) -> None:
        """Take the repository's name, for messages, and where and how to read; nothing is sent yet."""
        self.location, self._name = location, name
        keys = resolve_keys(location, resolve)
        self._client: Any = connect(location, keys, limits)
        self.told_at: datetime | None = None
        """When the service last answered, by its own clock, UTC, in whole seconds; None: it told no time."""
        self.clock_ahead_ms: int | None = None
        """By how much this machine's clock was ahead of the service's when it last answered (RFC 9110 §6.6.1)."""
        self._client.meta.events.register("before-send.s3", _refuse_changes)
        self._client.meta.events.register("response-received.s3", self._compare_clocks)

    def _compare_clocks(self, response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        said = (response_dict or {}).get("headers", {}).get("Date")
        with suppress(TypeError, ValueError):
            self.told_at = parsedate_to_datetime(str(said)).astimezone(UTC)
            self.clock_ahead_ms = (utc_now() - self.told_at - _HALF_A_SECOND) // timedelta(milliseconds=1)

    def names(self, folder: str = "", *, limit: int | None = None) -> Iterator[str]:
        """Yield the keys below a folder of the repository, without the prefix, at most ``limit``."""
        return (name for name, _ in self.marks(folder, limit=limit))

    def marks(self, folder: str = "", *, limit: int | None = None) -> Iterator[tuple[str, str]]:
        """Yield each key as ``names`` does, and beside it what tells this content from another one under that name."""
        prefix = self.location.key(folder)
        count = 0
        pages = self._pages("list_objects_v2", Prefix=prefix, **({"MaxKeys": limit} if limit else {}))
        for page in pages:
            for item in page.get("Contents", []):
                yield self._relative(item["Key"]), f"{item.get('ETag')} {item.get('Size')} {item.get('LastModified')}"
                count += 1
                if limit is not None and count >= limit:
                    return

    def read_by_name(self, folder: str = "") -> Iterator[ObjectVersion]:
        """Yield what is read by its name now, of whatever version: ``""``."""
        for page in self._pages("list_objects_v2", Prefix=self.location.key(folder)):
            for item in page.get("Contents", []):
                yield ObjectVersion(
                    key=self._relative(item["Key"]),
                    version="",
                    size=int(item.get("Size") or 0),
                    modified=item["LastModified"],
                    latest=True,
                    marker=False,
                )

    def versions(self, folder: str = "") -> Iterator[ObjectVersion]:
        """Yield every version and delete marker below a folder, in the service's order."""
        for page in self._pages("list_object_versions", Prefix=self.location.key(folder)):
            for field, marker in (("Versions", False), ("DeleteMarkers", True)):
                for item in page.get(field, []):
                    yield ObjectVersion(
                        key=self._relative(item["Key"]),
                        version=item.get("VersionId") or "null",
                        size=int(item.get("Size") or 0),
                        modified=item["LastModified"],
                        latest=bool(item.get("IsLatest")),
                        marker=marker,
                        etag=str(item.get("ETag") or ""),
                    )

    def exists(self, name: str) -> bool:
        """Return whether an object is there."""
        return self._optional("head_object", Key=self.location.key(name)) is not None

    def read_object(self, name: str, *, limit: int, version: str | None = None) -> bytes | None:
        """Return an object's bytes, None when it is not there. Raises RepositoryError above ``limit`` bytes."""
        extra = {"VersionId": version} if version else {}
        answer = self._optional("get_object", Key=self.location.key(name), **extra)
        if answer is None:
            return None
        expected = int(answer["ContentLength"])
        if expected > limit:
            raise RepositoryError(
                say(
                    "{object} in {repository} is larger than {limit}",
                    object=name,
                    repository=self._name,
                    limit=Size(limit),
                )
            )
        try:
            content: bytes = answer["Body"].read(limit + 1)
        except failures(OSError) as error:
            raise Unreachable(
                say("repository {name} broke off while {object} was read", name=self._name, object=name)
            ) from error
        if len(content) != expected:  # HTTP 200 is no success: the body can end early
            raise Unreachable(say("repository {name} broke off while {object} was read", name=self._name, object=name))
        return content

    def lock(self, name: str, version: str | None = None) -> ObjectLock | None:
        """Return what protects an object, None when it is not there. Services omit what the key may not see."""
        extra = {"VersionId": version} if version else {}
        answer = self._optional("head_object", Key=self.location.key(name), **extra)
        if answer is None:
            return None
        return ObjectLock(
            mode=str(answer.get("ObjectLockMode") or "none").lower(),
            until=answer.get("ObjectLockRetainUntilDate"),
            legal_hold=answer.get("ObjectLockLegalHoldStatus") == "ON",
        )

    def may_see_locks(self, name: str, version: str | None = None) -> bool:
        """Return whether the key may read retention: without that right `lock` would say "none" of locked objects."""
        extra = {"VersionId": version} if version else {}
        try:
            self._call("get_object_retention", Key=self.location.key(name), **extra)
        except AccessDenied:
            return False
        except _AbsentError:  # "no retention on this object" is an answer too
            return True
        return True

    def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        """Return what a read-only operation of boto3 answers about the bucket; None: there is nothing of the kind."""
        return self._optional(operation, **arguments)

    def bucket_lock(self) -> bool:
        """Return whether the bucket has object lock. Raises ``AccessDenied`` when the key may not ask."""
        try:
            answer = self._call("get_object_lock_configuration")
        except _AbsentError:
            return False
        return bool(answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def versioning(self) -> str:
        """Return the bucket's versioning: Enabled, Suspended, or empty."""
        return str(self._call("get_bucket_versioning").get("Status") or "")

    def _relative(self, key: str) -> str:
        return key.removeprefix(f"{self.location.prefix}/") if self.location.prefix else key

    def _pages(self, operation: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self.location.bucket, **arguments))
        for _ in range(_PAGE_LIMIT):
            try:
                page = next(pages, None)
            except failures() as error:
                raise error_of(error, self._name, self.location) from error
            if page is None:
                return
            yield page
        raise RepositoryError(
            say(
                "repository {name} lists more than {most} pages of objects",
                name=self._name,
                most=_PAGE_LIMIT,
            )
        )

    def _optional(self, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        try:
            return self._call(operation, **arguments)
        except _AbsentError:
            return None

    def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(Bucket=self.location.bucket, **arguments)
        except failures() as error:
            if code_of(error) in _ABSENT:
                raise _AbsentError from error
            raise error_of(error, self._name, self.location) from error
        return answer


class _AbsentError(Exception):
    """The service says that what was asked for is not there; never leaves this module."""


def _refuse_changes(request: Any, **_: object) -> None:
    if request.method not in _READING:
        raise RepositoryError(
            say("drp reads repositories and never sends {method}", method=request.method), hint="this is a bug in drp"
        )
