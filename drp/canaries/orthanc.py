"""A heartbeat as a user-defined metadatum of one declared study: nothing is uploaded, the study's content stays.

Orthanc leaves ``LastUpdate`` as it is when such a metadatum changes, so the study does not look newer than it is.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from drp.canaries.certificates import verified
from drp.canaries.heartbeat import Heartbeat, Written
from drp.config.canaries import OrthancCanary
from drp.domain.phrase import say
from drp.errors import AccessDenied, NotFound, StorageFull, Unreachable

_LARGEST = 1 << 20


def write_to_orthanc(settings: OrthancCanary, heartbeat: Heartbeat, password: str) -> Written:
    """Set the metadatum and read it back."""
    orthanc = _Orthanc(settings, password)
    study = _study(orthanc, settings)
    path = f"/studies/{study}/metadata/{settings.metadata}"
    status, _, tag = orthanc.ask("GET", path)
    revision = {"If-Match": tag} if status == 200 and tag else {}
    orthanc.must("PUT", path, heartbeat.text.encode(), revision)
    _, content, _ = orthanc.must("GET", path)
    if content.decode("utf-8", "replace").strip() != heartbeat.text:
        raise Unreachable(say("Orthanc at {url} acknowledged a heartbeat that is not there", url=settings.url))
    return Written(place=f"orthanc {settings.url} study {settings.study} metadata {settings.metadata}")


class _Orthanc:
    """One REST interface; every request has a connection of its own, since Orthanc drops idle ones."""

    def __init__(self, settings: OrthancCanary, password: str) -> None:
        self._settings = settings
        token = base64.b64encode(f"{settings.user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}

    def must(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Return a successful answer. Raises what its status says."""
        status, content, tag = self.ask(method, path, body, headers)
        where = f"Orthanc at {self._settings.url}"
        if status in {401, 403}:
            raise AccessDenied(
                say(
                    "{where} refuses user {user}: status {status}",
                    where=where,
                    user=self._settings.user,
                    status=str(status),
                )
            )
        if status == 507:
            raise StorageFull(
                say("{where} has no room: status {status}", where=where, status=str(status)),
                hint="the archive cannot store either",
            )
        if status >= 300:
            raise Unreachable(
                say(
                    "{where} took no heartbeat: {method} answered {status}",
                    where=where,
                    method=method,
                    status=str(status),
                )
            )
        return status, content, tag

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Return status, content and entity tag."""
        url, seconds = urlsplit(self._settings.url), self._settings.timeout_seconds
        host = url.hostname or "localhost"
        connection = http.client.HTTPConnection(host, url.port, timeout=seconds)
        if url.scheme == "https":
            context = verified(self._settings.ca_file)
            connection = http.client.HTTPSConnection(host, url.port, timeout=seconds, context=context)
        try:
            connection.request(method, url.path + path, body, {**self._headers, **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read(_LARGEST), response.getheader("ETag", "")
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            raise Unreachable(
                say("Orthanc at {url} does not answer: {words}", url=self._settings.url, words=words)
            ) from error
        finally:
            connection.close()


def _study(orthanc: _Orthanc, settings: OrthancCanary) -> str:
    """Return Orthanc's own id of the declared study."""
    _, content, _ = orthanc.must("POST", "/tools/lookup", settings.study.encode())
    try:
        found = [str(item["ID"]) for item in json.loads(content) if item["Type"] == "Study"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Unreachable(say("what answers at {url} is no Orthanc", url=settings.url)) from error
    if not all(re.fullmatch(r"[0-9A-Za-z-]{1,64}", each) for each in found):
        raise Unreachable(say("what answers at {url} is no Orthanc: it names a study as none can be", url=settings.url))
    if len(found) != 1:
        raise NotFound(
            say("Orthanc at {url} has several studies {study}", url=settings.url, study=settings.study)
            if found
            else say("Orthanc at {url} has no study {study}", url=settings.url, study=settings.study),
            hint="store a phantom's study once, and name its StudyInstanceUID as `canary.study`",
        )
    return found[0]
