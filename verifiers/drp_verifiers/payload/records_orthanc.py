"""Runs inside the sandbox: reads the identifying tags of every study, series, instance or patient of an Orthanc."""

import http.client
from datetime import datetime, timezone

from orthanc_rest import Orthanc, Refused, credentials_of
from records_out import answer


def instant(resource):
    """Return when Orthanc last added to the resource: UTC whatever its zone, and never the acquisition's time."""
    text = resource.get("LastUpdate")
    if not text:
        return None
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc).isoformat()  # noqa: UP017 - any python3 inside


def read(request, out):
    """Write one record a resource."""
    orthanc = Orthanc(request["host"], request["port"], credentials_of(request), request["seconds"])
    for resource in orthanc.pages(f"/{request['level']}?expand"):
        tags = {**resource.get("PatientMainDicomTags", {}), **resource.get("MainDicomTags", {})}
        fields = {name: tags.get(tag) for name, tag in request["fields"].items()}
        out.record({"at": instant(resource), **fields})


if __name__ == "__main__":
    answer(read, Refused, http.client.HTTPException)
