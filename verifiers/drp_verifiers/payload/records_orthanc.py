"""Runs inside the sandbox: reads the identifying tags of every study, series, instance or patient of an Orthanc."""

import http.client
import json
import time
from datetime import datetime, timezone

from orthanc_rest import PAGE, Orthanc, Refused, credentials_of
from records_out import answer

TRIES = 4
"""So often a page is asked for before the set is given up."""
PAUSE = 0.2


def instant(resource):
    """Return when Orthanc last added to the resource: UTC whatever its zone, and never the acquisition's time."""
    text = resource.get("LastUpdate")
    if not text:
        return None
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc).isoformat()  # noqa: UP017 - any python3 inside


def asked(orthanc, path):
    """Return a JSON answer, asked again when the connection broke or Orthanc was not able to: a page is never half."""
    for attempt in range(TRIES):
        last = attempt == TRIES - 1
        try:
            status, body = orthanc.ask("GET", path)
        except (ConnectionError, http.client.HTTPException):
            if last:
                raise
        else:
            if status == 200:
                return json.loads(body)
            if status < 500 or last:
                raise Refused(f"GET {path.split('?')[0]} answered {status}")
        time.sleep(PAUSE * (attempt + 1))
    raise Refused(f"GET {path.split('?')[0]} was not answered")


def counted(orthanc, level):
    """Return how many resources of the level there are."""
    return int(asked(orthanc, "/statistics")[f"Count{level.capitalize()}"])


def read(request, out):
    """Write one record a resource, page by page; whether they are all is told by Orthanc's own count, twice."""
    orthanc = Orthanc(request["host"], request["port"], credentials_of(request), request["seconds"])
    level = request["level"]
    expected, since, seen = counted(orthanc, level), 0, set()
    while True:
        page = asked(orthanc, f"/{level}?expand&since={since}&limit={PAGE}")
        for resource in page:
            tags = {**resource.get("PatientMainDicomTags", {}), **resource.get("MainDicomTags", {})}
            fields = {name: tags.get(tag) for name, tag in request["fields"].items()}
            seen.add(hash(resource["ID"]))
            out.record({"at": instant(resource), **fields})
        since += len(page)
        if len(page) < PAGE:
            break
    after = counted(orthanc, level)
    if not expected == after == since == len(seen):
        raise Refused(f"{level} changed while they were read: {expected} before, {since} read, {after} after")


if __name__ == "__main__":
    answer(read, Refused, http.client.HTTPException)
