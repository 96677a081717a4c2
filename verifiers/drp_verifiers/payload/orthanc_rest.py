"""Runs inside the sandbox: asks a running Orthanc over REST and DICOMweb, and lets it check every stored MD5."""

import base64
import http.client
import json
import sys
import time

from deadline import within
from orthanc_configuration import registered_users
from regular import first_line

PAGE = 500
LISTED = 20
BODY_LIMIT = 64 << 20


class Refused(Exception):
    """Orthanc answered something else than a success."""


class Orthanc:
    """Asks over one kept connection, opened again when Orthanc dropped it; all requests here may be repeated."""

    def __init__(self, host, port, credentials, seconds):
        """Keep how to connect."""
        self.address = (host, port)
        self.seconds = seconds
        self.headers = {}
        if credentials:
            token = base64.b64encode(":".join(credentials).encode()).decode()
            self.headers = {"Authorization": f"Basic {token}"}
        self.connection = None

    def ask(self, method, path, accept=None, body=None):
        """Return status and body."""
        headers = {**self.headers, **({"Accept": accept} if accept else {})}
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(*self.address, timeout=self.seconds)
            try:
                with within(self.seconds):
                    self.connection.request(method, path, body, headers)
                    response = self.connection.getresponse()
                    return response.status, response.read(BODY_LIMIT)
            except TimeoutError:  # what comes later would be taken for the next answer
                self.connection.close()
                self.connection = None
                raise
            except (ConnectionError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise
        return 0, b""

    def json(self, path):
        """Return a JSON answer."""
        status, body = self.ask("GET", path)
        if status != 200:
            raise Refused(f"GET {path.split('?')[0]} answered {status}")
        return json.loads(body)

    def pages(self, path):
        """Yield the items of a long list."""
        since = 0
        while True:
            page = self.json(f"{path}{'&' if '?' in path else '?'}since={since}&limit={PAGE}")
            yield from page
            if len(page) < PAGE:
                return
            since += PAGE


def credentials_of(request):
    """Return user and password from the restored configuration, or from a file that holds the password."""
    if request["configuration"]:
        users = registered_users(request["configuration"])
        name = request["user"] or next(iter(users), None)
        return (name, users[name]) if name in users else None
    if request["user"]:
        return request["user"], first_line(request["password_file"])
    return None


def digests(orthanc, most, deadline):
    """Let Orthanc compare stored attachments with their MD5; returns what was looked at and what is damaged."""
    looked, damaged, listed = 0, 0, []
    for name in orthanc.pages("/instances"):
        if (most and looked >= most) or time.monotonic() > deadline:
            return {"looked": looked, "damaged": damaged, "listed": listed, "whole": False}
        status, _ = orthanc.ask("POST", f"/instances/{name}/attachments/dicom/verify-md5")
        looked += 1
        if status != 200:
            damaged += 1
            if len(listed) < LISTED:
                listed.append({"instance": name, "status": status})
    return {"looked": looked, "damaged": damaged, "listed": listed, "whole": True}


def studies(orthanc, samples):
    """Return the newest change of any study, and some studies to look at through other interfaces."""
    newest, chosen, without = "", [], 0
    for study in orthanc.pages("/studies?expand"):
        newest = max(newest, str(study.get("LastUpdate", "")))
        uid = study.get("MainDicomTags", {}).get("StudyInstanceUID", "")
        without += not uid
        if uid:
            chosen.append((str(study.get("LastUpdate", "")), uid, study["ID"]))
    chosen.sort(reverse=True)
    # the newest, the oldest and one from the middle: loss is at the ends
    picked = [chosen[0], chosen[-1], chosen[len(chosen) // 2]][:samples] if chosen else []
    return newest, list(dict.fromkeys(picked)), without


def sample(orthanc, uid, identifier, web):
    """Return what QIDO-RS and WADO-RS give for a study, beside what Orthanc's own interface counts."""
    found = {"uid": uid, "instances": len(orthanc.json(f"/studies/{identifier}/instances"))}
    if web:
        try:
            found.update(through_web(orthanc, uid, web))
        except (OSError, http.client.HTTPException) as error:
            found["reason"] = f"{type(error).__name__}: {error}"[:200]
    return found


def through_web(orthanc, uid, web):
    """Return what QIDO-RS finds and WADO-RS fetches."""
    found = {}
    status, body = orthanc.ask("GET", f"{web}studies?StudyInstanceUID={uid}", "application/dicom+json")
    found["qido_status"] = status
    try:
        matches = json.loads(body) if status == 200 else []
        found["qido"] = sum(1 for match in matches if uid in match["0020000D"]["Value"])
    except (ValueError, LookupError, TypeError):
        found["qido"] = 0
    status, body = orthanc.ask("GET", f"{web}studies/{uid}", 'multipart/related; type="application/dicom"')
    found["wado_status"] = status
    found["wado"] = body.count(b"\x00" * 8 + b"DICM") if status == 200 else 0
    return found


def canary(orthanc, uid, number):
    """Return drp's heartbeat that the declared study carries; empty: it carries none, or is not there."""
    status, body = orthanc.ask("POST", "/tools/lookup", body=uid.encode())
    found = [item["ID"] for item in json.loads(body) if item["Type"] == "Study"] if status == 200 else []
    if len(found) != 1:
        return ""
    status, body = orthanc.ask("GET", f"/studies/{found[0]}/metadata/{number}")
    return body[:100].decode("utf-8", "replace").strip() if status == 200 else ""


def look(request):
    """Return everything that the verifier judges."""
    orthanc = Orthanc(request["host"], request["port"], credentials_of(request), request["seconds"])
    status, body = orthanc.ask("GET", "/system")
    if status != 200:
        return {"answered": True, "status": status}
    answer = {"answered": True, "status": status, "version": str(json.loads(body).get("Version", ""))}
    counted = orthanc.json("/statistics")
    answer["counts"] = {
        kind: int(counted[f"Count{kind.capitalize()}"]) for kind in ("patients", "studies", "series", "instances")
    }
    answer["bytes"] = int(counted["TotalDiskSize"])
    newest, picked, without = studies(orthanc, request["samples"])
    answer["newest"] = newest
    answer["studies_without_uid"] = without
    if request["canary_study"]:
        answer["canary"] = canary(orthanc, request["canary_study"], request["canary_metadata"])
    answer["samples"] = [sample(orthanc, uid, identifier, request["dicomweb"]) for _, uid, identifier in picked]
    answer["digests"] = digests(orthanc, request["most"], time.monotonic() + request["digest_seconds"])
    return answer


if __name__ == "__main__":
    given = json.load(sys.stdin)
    try:
        result = look(given)
    except Refused as error:
        result = {"answered": True, "status": 0, "reason": str(error)}
    except (OSError, ValueError, LookupError, http.client.HTTPException) as error:
        result = {"answered": False, "reason": f"{type(error).__name__}: {error}"[:300]}
    json.dump(result, sys.stdout)
