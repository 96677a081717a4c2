"""The one client of S3 that may change something: for the probe, and to lengthen retention. Never to read backups.

It is made of keys of one purpose, and of bounds: the verbs that the purpose needs, and the folder that it may touch.
A request outside them is a bug, and is not sent. What the store answers is a value here, refusals and silence too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from drp.domain.phrase import say
from drp.domain.repository import S3Location, WaitLimits, WriteKeys
from drp.domain.worm.objects import ObjectVersion
from drp.errors import RepositoryError
from drp.redact import redact
from drp.repositories.locations.s3_connection import Resolve, connect, failures, resolve_keys

_READING = frozenset(
    {
        *("get_object", "head_object", "get_object_retention", "get_object_legal_hold", "list_object_versions"),
        *("get_bucket_versioning", "get_object_lock_configuration", "get_bucket_policy"),
        "get_bucket_lifecycle_configuration",
    }
)
PROBING = frozenset({"put_object", "delete_object", "delete_objects", "put_object_retention"})
"""What the probe sends about its own objects."""
EXTENDING = frozenset({"put_object_retention"})
SCRATCHING = PROBING | {
    *("put_bucket_versioning", "put_object_lock_configuration", "put_bucket_lifecycle_configuration"),
    *("delete_bucket_lifecycle", "put_bucket_policy", "delete_bucket_policy"),
}
"""What is sent to a scratch bucket alone."""

_NOT_JUDGED = frozenset(
    {
        *("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "OperationAborted", "Throttling"),
        *("ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "IncompleteBody"),
        *("ExpiredToken", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        *("RequestTimeTooSkewed", "RequestExpired", "AuthorizationHeaderMalformed", "InvalidSecurity"),
    }
)
"""Codes by which a service has not looked at what was asked of it: it is busy, or does not know the key (any more)."""
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})
_BUSY_STATUS = frozenset({0, 401, 407, 408, 425, 429})
_UNSUPPORTED = 501
_PAUSES_SECONDS = (0.2, 0.8)
"""Between the tries of a request that a service did not look at; after the last, that is the answer."""
_SHOWN = 60
"""Characters of a code, or of a request's id, that are kept: both are the store's own words."""
_PAGE_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a store answered to one request."""

    status: int
    """HTTP; 0: no answer came."""
    code: str = ""
    """The store's own error code, such as AccessDenied; empty where it says that it did as asked."""
    request: str = ""
    """The store's own name for the request, to be found in its log."""
    at: datetime | None = None
    """When it answered, by its own clock (RFC 9110 §6.6.1), in whole seconds."""
    found: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What botocore made of the body and its fields."""

    @property
    def done(self) -> bool:
        """Return whether the store says that it did as asked."""
        return 200 <= self.status < 300 and not self.code

    @property
    def refused(self) -> bool:
        """Return whether it looked at what was asked and refused it, for whatever reason."""
        if self.done or self.code in _NOT_JUDGED or self.status in _BUSY_STATUS:
            return False
        return 400 <= self.status < 500 or self.status in {200, _UNSUPPORTED}

    @property
    def absent(self) -> bool:
        """Return whether the version, or the key, that was asked for is not there."""
        return self.code in _ABSENT

    @property
    def unclear(self) -> bool:
        """Return whether nothing follows from it: lost, or not looked at."""
        return not self.done and not self.refused

    @property
    def passing(self) -> bool:
        """Return whether another try may be answered: it was lost, or the service was busy."""
        return self.unclear and (self.status == 0 or self.status >= 500 or self.status in {408, 425, 429})

    @property
    def shown(self) -> str:
        """Return status, code and request in one line; empty where no answer came."""
        if not self.status:
            return ""
        request = f"({self.request})" if self.request else ""
        return " ".join(part for part in (str(self.status), self.code, request) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a writer may send at most: everything else is a bug, and does not leave."""

    verbs: frozenset[str]
    """Operations of boto3 that change something."""
    folder: str = ""
    """Keys, within the repository, begin with it and a slash; empty: any key of the repository."""


class S3Writer:
    """Sends to one bucket what its bounds allow, with keys of one purpose, and says what was answered."""

    def __init__(
        self,
        name: str,
        location: S3Location,
        keys: WriteKeys,
        resolve: Resolve,
        limits: WaitLimits,
        *,
        bounds: Bounds,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the repository's name, for messages, where it is, keys and bounds; nothing is sent yet.

        The reader's keys of ``location`` are never used, unless they are given as ``keys``.
        """
        self.location = replace(
            location, access_key=keys.access_key, secret_key=keys.secret_key, session_token=keys.session_token
        )
        self.name, self.bounds, self._pause = name, bounds, pause
        self._client = connect(self.location, resolve_keys(self.location, resolve), limits)
        self._failures, self._broken = failures(), failures(OSError)

    def ask(self, operation: str, **arguments: Any) -> Answer:
        """Send a request, again a few times while it is lost or the service is busy; return the last answer.

        Keys are the repository's own. Raises ``RepositoryError`` for what is outside the bounds.
        """
        self._require(operation, arguments)
        if "Key" in arguments:
            arguments["Key"] = self.location.key(arguments["Key"])
        answer = self._send(operation, arguments)
        for seconds in _PAUSES_SECONDS:
            if not answer.passing:
                break
            self._pause(seconds)
            answer = self._send(operation, arguments)
        return answer

    def _send(self, operation: str, arguments: Mapping[str, Any]) -> Answer:
        try:
            found = getattr(self._client, operation)(Bucket=self.location.bucket, **arguments)
        except self._failures as error:
            response = getattr(error, "response", None)
            if not isinstance(response, Mapping):
                return Answer(status=0, code=type(error).__name__)
            return _answer(response, str(response.get("Error", {}).get("Code", "")) or "unknown")
        return _answer(found, "")

    def read(self, key: str, version: str, *, limit: int) -> tuple[Answer, bytes | None]:
        """Return what a version holds, up to ``limit`` bytes and one; None where it could not be read whole."""
        answer = self.ask("get_object", Key=key, VersionId=version)
        if not answer.done:
            return answer, None
        body = answer.found["Body"]
        try:
            content: bytes = body.read(limit + 1)
        except self._broken as error:
            return Answer(status=0, code=type(error).__name__), None
        finally:
            body.close()
        whole = len(content) > limit or len(content) == answer.found.get("ContentLength")
        return (answer, content) if whole else (Answer(status=0, code="IncompleteBody"), None)

    def versions(self, folder: str) -> tuple[Answer, tuple[ObjectVersion, ...]]:
        """Return all versions and delete markers below a folder or of a key; none where any page is not answered."""
        found: list[ObjectVersion] = []
        more: dict[str, str] = {}
        for _ in range(_PAGE_LIMIT):
            answer = self.ask("list_object_versions", Prefix=self.location.key(folder), **more)
            if not answer.done:
                return answer, ()
            found += self._listed(answer.found)
            if not answer.found.get("IsTruncated"):
                return answer, tuple(found)
            more = {"KeyMarker": answer.found.get("NextKeyMarker", "")}
            if mark := answer.found.get("NextVersionIdMarker"):
                more["VersionIdMarker"] = mark
        return Answer(status=0, code="TooManyPages"), ()

    def delete_batch(self, wanted: Mapping[str, str], **more: Any) -> Answer:
        """Send one batch that deletes versions (key → version); of several refusals, return the first.

        A batch is answered with 200 whatever became of it: what is said of each is the answer.
        """
        objects = [{"Key": self.location.key(key), "VersionId": version} for key, version in wanted.items()]
        self._require("delete_objects", {}, tuple(wanted))
        answer = self.ask("delete_objects", Delete={"Objects": objects}, **more)
        errors = answer.found.get("Errors") or []
        if not (answer.done and errors):
            return answer
        code = str(errors[0].get("Code") or "unknown")[:_SHOWN]
        return replace(answer, code=code)

    def _listed(self, page: Mapping[str, Any]) -> Iterator[ObjectVersion]:
        prefix = f"{self.location.prefix}/" if self.location.prefix else ""
        for named, marker in (("Versions", False), ("DeleteMarkers", True)):
            for item in page.get(named, []):
                yield ObjectVersion(
                    key=item["Key"].removeprefix(prefix),
                    version=item.get("VersionId") or "null",
                    size=int(item.get("Size") or 0),
                    modified=item["LastModified"],
                    latest=bool(item.get("IsLatest")),
                    marker=marker,
                )

    def _require(self, operation: str, arguments: Mapping[str, Any], keys: tuple[str, ...] = ()) -> None:
        if operation in _READING:
            return
        keys = keys or ((arguments["Key"],) if "Key" in arguments else ())
        folder = f"{self.bounds.folder}/" if self.bounds.folder else ""
        if operation not in self.bounds.verbs or any(not key.startswith(folder) for key in keys):
            raise RepositoryError(
                say("repository {name}: {verb} is not what these keys are for", name=self.name, verb=operation),
                hint="this is a bug in drp",
            )


def _answer(found: Mapping[str, Any], code: str) -> Answer:
    about = found.get("ResponseMetadata", {})
    headers = about.get("HTTPHeaders", {})
    request = str(about.get("RequestId") or headers.get("x-amz-request-id") or "")
    return Answer(
        status=int(about.get("HTTPStatusCode") or 0),
        code=_plain(code),
        request=_plain(request),
        at=_instant(headers.get("date")),
        found=found,
    )


def _plain(text: str) -> str:
    """Return the store's own word as one that can be kept: no secret, nothing unprintable, not long."""
    return "".join(mark for mark in redact(text)[:_SHOWN] if mark.isprintable())


def _instant(told: object) -> datetime | None:
    try:
        return parsedate_to_datetime(str(told)).astimezone(UTC)
    except (TypeError, ValueError):
        return None
