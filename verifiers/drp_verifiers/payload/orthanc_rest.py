"""Runs inside the sandbox: asks a running Orthanc over REST and DICOMweb, and lets it check every stored MD5."""

import base64
import http.client
import json
import re
import sys
import time

from deadline import within
from failure import failure
from orthanc_configuration import registered_users
from regular import first_line
from said import Said

PAGE = 500
LISTED = 20
BODY_LIMIT = 64 << 20
CHUNK = 1 << 20
SLOW = 1000
"""No more slow images than these are tried again."""
SAMPLED = 200
"""Of no more images of a sample is the transfer syntax asked."""


BOUNDARY = re.compile(r'boundary=(?:"(?P<quoted>[^"]{1,200})"|(?P<plain>[^";, ]{1,200}))', re.IGNORECASE)


class Refused(Said):
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

    def count_parts(self, path, accept):
        """Return status, and how many parts an answer of many has (RFC 2046, section 5.1), however long it is.

        Its time limit is for every piece that comes: a study may be long.
        """
        connection = http.client.HTTPConnection(*self.address, timeout=self.seconds)
        try:
            with within(self.seconds):
                connection.request("GET", path, None, {**self.headers, "Accept": accept})
                response = connection.getresponse()
            found = BOUNDARY.search(response.headers.get("Content-Type", ""))
            if response.status != 200 or not found:
                return response.status, 0
            mark = b"--" + (found["quoted"] or found["plain"]).encode("latin-1") + b"\r\n"
            kept, parts = b"\r\n", 0
            while True:
                with within(self.seconds):
                    piece = response.read1(CHUNK)
                if not piece:
                    return response.status, parts
                kept += piece
                parts += kept.count(b"\r\n" + mark)
                kept = kept[-len(mark) - 1 :]
        finally:
            connection.close()

    def json(self, path):
        """Return a JSON answer."""
        status, body = self.ask("GET", path)
        if status != 200:
            raise Refused("answered", f"GET {path.split('?')[0]}", status)
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


def verified(orthanc, name):
    """Let Orthanc compare one image with its MD5; returns what it is, and the status that said so."""
    status, _ = orthanc.ask("POST", f"/instances/{name}/attachments/dicom/verify-md5")
    if status == 200:
        return "sound", status
    # nothing was noted to compare with, if the image is noted at all
    noted = f"/instances/{name}/attachments/dicom/"
    if status in {400, 404} and orthanc.ask("GET", f"{noted}md5")[0] != 200 == orthanc.ask("GET", f"{noted}size")[0]:
        return "without", status
    return "damaged", status


def digests(orthanc, most, deadline):
    """Let Orthanc compare stored attachments with their MD5; one that takes long is tried again when time is left."""
    found = {"looked": 0, "damaged": 0, "without": 0, "listed": [], "whole": False}
    slow, late = [], 0

    def note(name):
        kind, status = verified(orthanc, name)
        found["looked"] += 1
        if kind != "sound":
            found[kind] += 1
        if kind == "damaged" and len(found["listed"]) < LISTED:
            found["listed"].append({"instance": name, "status": status})

    usual, whole = orthanc.seconds, True
    try:
        for name in orthanc.pages("/instances"):
            left = deadline - time.monotonic()
            if (most and found["looked"] + late >= most) or left <= 0:
                whole = False
                break
            orthanc.seconds = min(usual, left)
            try:
                note(name)
            except (OSError, http.client.HTTPException):
                late += 1
                slow += [name] if len(slow) < SLOW else []
        for name in slow:
            orthanc.seconds = deadline - time.monotonic()
            if orthanc.seconds <= 0:
                break
            try:
                note(name)
            except (OSError, http.client.HTTPException):
                continue
            late -= 1
    except (Refused, OSError, ValueError, http.client.HTTPException) as error:
        found["reason"], whole = failure(error), False
    finally:
        orthanc.seconds = usual
    return {**found, "slow": late, "whole": whole and not late}


def studies(orthanc, samples):
    """Return the newest change of any study, and some studies to look at through other interfaces."""
    newest, chosen, without, uids = "", [], 0, set()
    for study in orthanc.pages("/studies?expand"):
        newest = max(newest, str(study.get("LastUpdate", "")))
        uid = study.get("MainDicomTags", {}).get("StudyInstanceUID", "")
        without += not uid
        if uid:
            uids.add(uid)
            chosen.append((str(study.get("LastUpdate", "")), uid, study["ID"]))
    chosen.sort(reverse=True)
    # the newest, the oldest and one from the middle: loss is at the ends
    picked = [chosen[0], chosen[-1], chosen[len(chosen) // 2]][:samples] if chosen else []
    wanted = list(dict.fromkeys(uid for _, uid, _ in picked))
    # one study under two patients is two to Orthanc, and one to whoever asks for its UID
    return newest, [(uid, [own for _, of, own in chosen if of == uid]) for uid in wanted], without, len(uids)


def sample(orthanc, uid, identifiers, web):
    """Return what QIDO-RS and WADO-RS give for a study, beside what Orthanc's own interface counts."""
    found = {"uid": uid, "studies": len(identifiers)}
    try:
        names = [each for own in identifiers for each in orthanc.json(f"/studies/{own}/instances")]
        found["instances"] = len(names)
        if web:
            found.update(through_web(orthanc, uid, web))
        found["syntaxes"] = syntaxes(orthanc, names)
    except (Refused, OSError, ValueError, TypeError, http.client.HTTPException) as error:
        found["reason"] = failure(error)
        found["late"] = isinstance(error, TimeoutError)
    return found


def syntaxes(orthanc, instances):
    """Return the transfer syntaxes of the first images of a study."""
    found = set()
    for each in instances[:SAMPLED]:
        name = each["ID"] if isinstance(each, dict) else each
        status, body = orthanc.ask("GET", f"/instances/{name}/metadata/TransferSyntax")
        if status == 200:
            found.add(body[:64].decode("ascii", "replace"))
    return sorted(found)


def through_web(orthanc, uid, web):
    """Return what QIDO-RS finds and WADO-RS fetches, as it is stored: not every server can convert every image."""
    found = {}
    status, body = orthanc.ask("GET", f"{web}studies?StudyInstanceUID={uid}", "application/dicom+json")
    found["qido_status"] = status
    try:
        matches = json.loads(body) if status == 200 else []
        found["qido"] = sum(1 for match in matches if uid in match["0020000D"]["Value"])
    except (ValueError, LookupError, TypeError):
        found["qido"] = 0
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    found["wado_status"], found["wado"] = orthanc.count_parts(f"{web}studies/{uid}", accept)
    return found


def canary(orthanc, uid, number):
    """Return drp's heartbeat that the declared study carries; empty: it carries none, or is not there."""
    status, body = orthanc.ask("POST", "/tools/lookup", body=uid.encode())
    found = [item["ID"] for item in json.loads(body) if item["Type"] == "Study"] if status == 200 else []
    if len(found) != 1:
        return ""
    status, body = orthanc.ask("GET", f"/studies/{found[0]}/metadata/{number}")
    return body[:100].decode("utf-8", "replace").strip() if status == 200 else ""


def counts(orthanc):
    """Return how many resources of each level Orthanc counts, and how many bytes they take."""
    counted = orthanc.json("/statistics")
    kinds = ("patients", "studies", "series", "instances")
    found = {kind: int(counted[f"Count{kind.capitalize()}"]) for kind in kinds}
    return {"counts": found, "bytes": int(counted["TotalDiskSize"])}


def look(request):
    """Return everything that the verifier judges."""
    orthanc = Orthanc(request["host"], request["port"], credentials_of(request), request["seconds"])
    status, body = orthanc.ask("GET", "/system")
    if status != 200:
        return {"answered": True, "status": status}
    answer = {"answered": True, "status": status, "version": str(json.loads(body).get("Version", ""))}
    answer["troubles"] = {}
    deadline = time.monotonic() + request["digest_seconds"]

    def part(name, ask):
        """Keep one part of the answer, or why there is none: the others are asked all the same."""
        try:
            answer.update(ask())
        except (Refused, OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
            answer["troubles"][name] = failure(error)

    picked = []

    def listed():
        newest, found, without, uids = studies(orthanc, request["samples"])
        picked.extend(found)
        return {"newest": newest, "studies_without_uid": without, "study_uids": uids}

    part("counts", lambda: counts(orthanc))
    part("studies", listed)
    if request["canary_study"]:
        part("canary", lambda: {"canary": canary(orthanc, request["canary_study"], request["canary_metadata"])})
    part("samples", lambda: {"samples": [sample(orthanc, uid, own, request["dicomweb"]) for uid, own in picked]})
    part("digests", lambda: {"digests": digests(orthanc, request["most"], deadline)})
    return answer


if __name__ == "__main__":
    given = json.load(sys.stdin)
    try:
        result = look(given)
    except Refused as error:
        result = {"answered": True, "status": 0, "reason": failure(error)}
    except (OSError, ValueError, LookupError, http.client.HTTPException) as error:
        result = {"answered": False, "reason": failure(error)}
    json.dump(result, sys.stdout)
