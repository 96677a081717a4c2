"""Runs inside the sandbox: asks a FHIR server for its capability, counts resources, and follows their references."""

import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

LIMIT = 32 << 20
LISTED = 20
REFERENCE = re.compile(r"([A-Z][A-Za-z]{2,40})/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?")


class Refused(Exception):
    """The server answered with something else than a resource."""


class Stay(urllib.request.HTTPRedirectHandler):
    """Hands a redirect back as the answer that it is: nothing may lead elsewhere."""

    def redirect_request(self, *_):
        """Follow nothing."""
        return


class Server:
    """One FHIR base address."""

    def __init__(self, request):
        """Keep address and token."""
        self.base = request["base"].rstrip("/")
        self.seconds = request["seconds"]
        self.headers = {"Accept": "application/fhir+json"}
        if request["token_file"]:
            with open(request["token_file"], encoding="utf-8") as file:
                self.headers["Authorization"] = f"Bearer {file.readline().strip()}"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay())

    def get(self, path):
        """Return status and resource."""
        page = urllib.request.Request(f"{self.base}/{path}", headers=self.headers)  # noqa: S310 - only http(s) comes here
        try:
            with self.opener.open(page, timeout=self.seconds) as response:
                status, body = response.status, response.read(LIMIT)
        except urllib.error.HTTPError as error:
            return error.code, {}
        try:
            resource = json.loads(body)
        except (ValueError, RecursionError):
            resource = None
        return status, resource if isinstance(resource, dict) else {}

    def search(self, query):
        """Return the bundle of a search."""
        status, bundle = self.get(query)
        if status != 200 or bundle.get("resourceType") != "Bundle":
            raise Refused(f"GET {query} answered {status} {bundle.get('resourceType', 'without a bundle')}")
        return bundle


def references(value, found, base):
    """Collect literal references to resources of this server (FHIR R4 §2.3.0)."""
    if isinstance(value, dict):
        literal = value.get("reference")
        if isinstance(literal, str):
            match = REFERENCE.fullmatch(literal.removeprefix(base + "/"))
            if match:
                found.add((match[1], match[2]))
        for item in value.values():
            references(item, found, base)
    elif isinstance(value, list):
        for item in value:
            references(item, found, base)


def look(request):
    """Return everything that the verifier judges."""
    server, ends = Server(request), time.monotonic() + request["time"]
    status, capability = server.get("metadata")
    answer = {
        "answered": True,
        "status": status,
        "kind": str(capability.get("resourceType", "")),
        "version": str(capability.get("fhirVersion", "")),
        "counts": {},
        "errors": [],
        "newest": None,
    }
    if status != 200 or answer["kind"] != "CapabilityStatement":
        return answer
    wanted, known, read = set(), set(), 0
    for kind in request["resources"]:
        try:
            total = server.search(f"{kind}?_summary=count").get("total")
            if isinstance(total, int):
                answer["counts"][kind] = total
            bundle = server.search(f"{kind}?_sort=-_lastUpdated&_count={request['samples']}")
        except Refused as error:
            answer["errors"].append(str(error))
            continue
        for entry in bundle.get("entry", []):
            resource = entry.get("resource", {}) if isinstance(entry, dict) else {}
            if resource.get("resourceType") != kind:
                continue
            read += 1
            known.add((kind, str(resource.get("id"))))
            changed = resource.get("meta", {}).get("lastUpdated")
            if isinstance(changed, str) and (answer["newest"] is None or changed > answer["newest"]):
                answer["newest"] = changed
            references(resource, wanted, server.base)
    follow(server, answer, sorted(wanted - known), request["most"], ends)
    answer["read"] = read
    return answer


def follow(server, answer, wanted, most, ends):
    """Fetch what is referred to."""
    dangling, followed = [], 0
    for kind, name in wanted[:most]:
        if time.monotonic() > ends:
            break
        followed += 1
        status, resource = server.get(f"{kind}/{urllib.parse.quote(name)}")
        if status != 200 or resource.get("resourceType") != kind or str(resource.get("id")) != name:
            dangling.append(f"{kind}/{name}")
    answer["references"] = {
        "found": len(wanted),
        "followed": followed,
        "dangling": len(dangling),
        "listed": dangling[:LISTED],
    }


given = json.load(sys.stdin)
try:
    result = look(given)
except (OSError, ValueError, AttributeError, TypeError) as error:
    result = {"answered": False, "reason": f"{type(error).__name__}: {getattr(error, 'reason', error)}"[:300]}
json.dump(result, sys.stdout)
