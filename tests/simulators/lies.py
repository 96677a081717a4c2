"""What a store may be other than it says: lies, oddities of healthy ones, and sicknesses of connections."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tests.simulators.lying_store import Lie, LyingStore, Request, Response

_RETENTION = re.compile(rb"<Mode>(\w+)</Mode>|<RetainUntilDate>([^<]+)</RetainUntilDate>")


def error(status: int, code: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
    return Response(status, {"Content-Type": "application/xml", "x-amz-request-id": "LIES"}, body.encode())


def done(status: int = 204) -> Response:
    return Response(status, {"x-amz-request-id": "LIES"})


def _locked(store: LyingStore, request: Request) -> bool:
    return store.is_version(request.bucket, request.key, request.version)


def _batch(request: Request) -> list[tuple[str, str]]:
    keys = re.findall(rb"<Key>([^<]+)</Key>", request.body)
    versions = re.findall(rb"<VersionId>([^<]+)</VersionId>", request.body)
    return [(key.decode(), version.decode()) for key, version in zip(keys, versions, strict=True)]


def deletes_anyway(store: LyingStore, request: Request) -> Response | None:
    if request.deletes_version and _locked(store, request):
        store.delete_below_lock(request.bucket, request.key, request.version)
        return done()
    return None


def deletes_in_batches(store: LyingStore, request: Request) -> Response | None:
    if not request.deletes_batch:
        return None
    answer = store.forward(request)
    for key, version in _batch(request):
        store.delete_below_lock(request.bucket, key, version)
    body = b'<?xml version="1.0"?><DeleteResult></DeleteResult>' if answer.status == 200 else answer.body
    return Response(answer.status, {"Content-Type": "application/xml"}, body)


def refuses_and_deletes(store: LyingStore, request: Request) -> Response | None:
    if not request.deletes_version or not _locked(store, request):
        return None
    answer = store.forward(request)
    store.delete_below_lock(request.bucket, request.key, request.version)
    return answer


def lets_bypass_through(store: LyingStore, request: Request) -> Response | None:
    return deletes_anyway(store, request) if request.bypasses else None


def does_nothing(store: LyingStore, request: Request) -> Response | None:
    return done() if request.deletes_version and _locked(store, request) else None


def takes_any_retention(store: LyingStore, request: Request) -> Response | None:
    """Remember what was asked, and tell it from then on."""
    name = (request.key, request.version)
    if request.sets_retention:
        store.retention[name] = request.body
        return done(200)
    if request.asks_retention and name in store.retention:
        wanted = dict(zip(("mode", "until"), _parts(store.retention[name]), strict=True))
        if not wanted["mode"]:
            return error(404, "NoSuchObjectLockConfiguration")
        body = (
            f"<Retention><Mode>{wanted['mode']}</Mode><RetainUntilDate>{wanted['until']}</RetainUntilDate></Retention>"
        )
        return Response(200, {"Content-Type": "application/xml"}, body.encode())
    return None


def _parts(body: bytes) -> tuple[str, str]:
    found = {b"".join(match.groups(b"")).decode() for match in _RETENTION.finditer(body)}
    mode = next((each for each in found if each in {"COMPLIANCE", "GOVERNANCE"}), "")
    return mode, next((each for each in found if each != mode), "")


def ignores_retention(store: LyingStore, request: Request) -> Response | None:
    return done(200) if request.sets_retention else None


def strips_versions(store: LyingStore, request: Request) -> Response | None:
    """Take every request as one about the newest version."""
    if not request.version:
        return None
    parts = [part for part in urlsplit(request.target).query.split("&") if not part.startswith("versionId=")]
    return store.signed_anew(request, urlsplit(request.target).path + ("?" + "&".join(parts) if parts else ""))


def hides_versions(store: LyingStore, request: Request) -> Response | None:
    """Answer as one that keeps no versions."""
    answer = store.forward(request)
    answer.headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-amz-version-id"}
    return answer


def forgets_locks(store: LyingStore, request: Request) -> Response | None:
    """Take an object with a lock, and keep it without."""
    if request.method != "PUT" or "x-amz-object-lock-mode" not in request.headers:
        return None
    return store.signed_anew(request, request.target, drop=("x-amz-object-lock",))


def locks_for_less(store: LyingStore, request: Request) -> Response | None:
    """Take an object that is to be locked for an hour, and lock it for ten minutes."""
    if request.method != "PUT" or "x-amz-object-lock-mode" not in request.headers:
        return None
    asked = datetime.fromisoformat(request.headers["x-amz-object-lock-retain-until-date"])
    request.headers["x-amz-object-lock-retain-until-date"] = (asked - timedelta(minutes=50)).isoformat()
    return store.signed_anew(request, request.target)


def overwrites_in_place(store: LyingStore, request: Request) -> Response | None:
    if request.method != "PUT" or request.query or "overwritten" not in request.headers.get("x-drp", "overwritten"):
        return None
    there = [each for each in store.server.versions(request.bucket) if each[0] == request.key and not each[2]]
    for key, version, _, _ in there:
        store.server.rewrite_below_lock(request.bucket, key, version, lambda _: request.body)
    return None


def refusing_with(words: Mapping[str, tuple[int, str]]) -> Lie:
    """Refuse as the real store does, in other words: method → status and code."""

    def lie(store: LyingStore, request: Request) -> Response | None:
        answer = store.forward(request)
        if request.deletes_batch:
            answer.body = answer.body.replace(b"AccessDenied", words["POST"][1].encode())
        elif answer.status == 403:
            return error(*words[request.method])
        return answer

    return lie


def failing_on(wanted: Callable[[Request], bool], answer: Callable[[], Response]) -> Lie:
    """Answer some requests otherwise, always."""
    return lambda _, request: answer() if wanted(request) else None


def failing_after(count: int, answer: Callable[[], Response]) -> Lie:
    """Answer all requests otherwise from one on."""
    return lambda store, _: answer() if len(store.requests) > count else None


def failing_each(every: int, answer: Callable[[], Response]) -> Lie:
    """Answer each so-manieth request otherwise."""
    return lambda store, _: answer() if len(store.requests) % every == 0 else None


def known_also_as(alias: str, bucket: str) -> Lie:
    """Have a second name for a bucket."""

    def lie(store: LyingStore, request: Request) -> Response | None:
        if request.bucket != alias:
            return None
        return store.signed_anew(request, request.target.replace(f"/{alias}", f"/{bucket}", 1))

    return lie
