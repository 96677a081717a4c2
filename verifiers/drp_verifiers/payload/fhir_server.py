"""Runs inside the sandbox: speaks to one FHIR server, page by page, with one deadline for everything."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

from deadline import within
from failure import failure
from regular import first_line
from said import Said

LIMIT = 32 << 20
CHUNK = 1 << 16
CLOSED = (301, 302, 303, 307, 308, 401, 403, 406, 415, 429, 503)
"""Statuses that say that the question was not let in, and nothing of what is there."""


class Refused(Said):
    """The server answered with something else than what was asked for; ``status`` as in HTTP."""

    def __init__(self, status, *told):
        """Keep what it said and the status."""
        super().__init__(*told)
        self.status = status


class Unasked(Said):
    """There is no answer that could be judged: too slow, too large, closed to us."""


class Stay(urllib.request.HTTPRedirectHandler):
    """Hands a redirect back as the answer that it is: nothing may lead elsewhere."""

    def redirect_request(self, *_):
        """Follow nothing."""
        return


class Server:
    """One FHIR base address, and the ones under which it is known in production."""

    def __init__(self, request):
        """Keep addresses and token."""
        self.base = request["base"].rstrip("/")
        self.bases = [address.rstrip("/").partition("://")[2] for address in (self.base, *request["production"])]
        self.seconds = request["seconds"]
        self.ends = time.monotonic() + request["time"]
        self.headers = {"Accept": "application/fhir+json", "User-Agent": "Mozilla/5.0"}
        if request["token_file"]:
            self.headers["Authorization"] = f"Bearer {first_line(request['token_file']).strip()}"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay())

    def here(self, address):
        """Return what an absolute address says below this server's base; None: it is another server's."""
        scheme, _, rest = address.partition("://")
        for base in self.bases if scheme.lower() in ("http", "https") else ():
            if rest == base or rest.startswith((base + "/", base + "?")):
                return rest[len(base) :].lstrip("/")
        return None

    def get(self, path, *, whole=True):
        """Return status and resource; without ``whole``, the status alone counts. Raises Unasked."""
        left = min(self.seconds, self.ends - time.monotonic())
        if left <= 0:
            raise Unasked("time-over")
        separator = "" if path.startswith("?") else "/"
        address = f"{self.base}{separator}{path}"  # http or https: the option takes nothing else
        page = urllib.request.Request(address, headers=self.headers)  # noqa: S310 - only http(s) comes here
        try:
            with within(left), self.opener.open(page, timeout=left) as response:
                status, body = response.status, self.read(response) if whole else b""
                packed = response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")
                body = self.unpack(body) if packed and body else body
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, {}
        except (OSError, EOFError, zlib.error, http.client.HTTPException) as error:
            raise Unasked(*failure(error)) from error
        if body[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and b"http://hl7.org/fhir" in body[:4096]:
            raise Unasked("xml")
        try:
            resource = json.loads(body)
        except (ValueError, RecursionError):
            resource = None
        return status, resource if isinstance(resource, dict) else {}

    def read(self, response):
        """Return a body that is neither too large nor too slow."""
        parts, size = [], 0
        while True:
            part = response.read1(CHUNK)
            if not part:
                if response.length:  # less than was announced
                    raise Unasked("breaks-off")
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > LIMIT:
                raise Unasked("too-large", LIMIT)
            if time.monotonic() > self.ends:
                raise Unasked("time-over")

    def unpack(self, body):
        """Return a body that was sent in gzip without being asked for, within the limit. Raises zlib.error."""
        unpacker = zlib.decompressobj(wbits=31)
        plain = unpacker.decompress(body, LIMIT + 1)
        if len(plain) > LIMIT:
            raise Unasked("too-large", LIMIT)
        if not unpacker.eof:
            raise Unasked("breaks-off")
        return plain

    def search(self, query):
        """Return the bundle of a search. Raises Refused, Unasked."""
        status, bundle = self.get(query)
        if status in CLOSED:
            raise Unasked("answered", f"GET {query}", status)
        if status != 200 or bundle.get("resourceType") != "Bundle":
            kind = str(bundle.get("resourceType", ""))[:40]
            raise Refused(status, "answered", f"GET {query}", status, kind)
        return bundle

    def pages(self, query, most):
        """Yield the bundles of a search, at most so many, each with whether another one follows."""
        for _ in range(most):
            bundle = self.search(query)
            query = self.following(bundle)
            yield bundle, query is not None
            if query is None:
                return

    def following(self, bundle):
        """Return the query of the next page (FHIR R4 §3.1.0.10), None after the last."""
        links = bundle.get("link")
        for link in links if isinstance(links, list) else ():
            if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
                address = urllib.parse.urljoin(f"{self.base}/", link["url"])
                rest = self.here(address)
                if rest is None:
                    place = address.partition("?")[0][:100]
                    raise Unasked("next-page-elsewhere", place)
                return rest
        return None


def entries(bundle):
    """Return the resources of a bundle; what is null or no resource is left out."""
    listed = bundle.get("entry")
    found = [entry.get("resource") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return [resource for resource in found if isinstance(resource, dict)]


def complaints(bundle):
    """Return the codes of the errors that a server tells inside of an answer (FHIR R4 §2.41.4): never their words."""
    found = []
    for resource in entries(bundle):
        issues = resource.get("issue") if resource.get("resourceType") == "OperationOutcome" else None
        told = [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
        found += [str(each.get("code"))[:40] for each in told if each.get("severity") in ("error", "fatal")]
    return found


def total_of(bundle):
    """Return how many resources a bundle says that there are; None: it does not say so."""
    total = bundle.get("total")
    whole = isinstance(total, int) and not isinstance(total, bool) and total >= 0
    return total if whole and not complaints(bundle) else None
