"""Runs inside the sandbox: fetches one page without proxy or redirect, and judges its body there."""

import json
import re
import ssl
import sys
import urllib.error
import urllib.request

from deadline import within
from failure import failure
from said import Said

LIMIT = 16 << 20
SHOWN = 300
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"


class Stay(urllib.request.HTTPRedirectHandler):
    """Hands a redirect back as the answer that it is."""

    def redirect_request(self, *_):
        """Follow nothing."""
        return


def fetch(request):
    """Return status and body, whatever the status."""
    context = ssl.create_default_context()
    if not request["verify_tls"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), Stay(), urllib.request.HTTPSHandler(context=context))
    headers = {"User-Agent": BROWSER, **request["headers"]}
    page = urllib.request.Request(request["url"], headers=headers)  # noqa: S310 - only http(s) comes here
    try:
        with urllib.request.build_opener(*handlers).open(page, timeout=request["seconds"]) as response:
            return response.status, whole(response)
    except urllib.error.HTTPError as error:
        return error.code, error.read(LIMIT + 1)


def whole(response):
    """Return the body; raises Said when the server promised more than it sent."""
    body = response.read(LIMIT + 1)
    if len(body) <= LIMIT and response.length:
        raise Said("body-broke-off", response.length)
    return body


def resolve(document, pointer):
    """Return what a JSON pointer (RFC 6901) names; raises LookupError when there is nothing."""
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def pointed(body, pointers):
    """Return for each pointer what it names: found or not, and the value."""
    found = []
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        return [{"found": False, "reason": ["no-json", str(error)]} for _ in pointers]
    for pointer in pointers:
        try:
            found.append({"found": True, "value": resolve(document, pointer)})
        except (LookupError, ValueError, TypeError):
            found.append({"found": False, "reason": ["nothing-there"]})
    return found


request = json.load(sys.stdin)
answer = {"answered": False, "reason": ""}
try:
    with within(request["seconds"]):
        status, body = fetch(request)
    text = body.decode("utf-8", "replace")
    answer = {
        "answered": True,
        "status": status,
        "bytes": len(body),
        "shown": text[:SHOWN],
        "matches": request["body_matches"] is None or re.search(request["body_matches"], text) is not None,
        "pointed": pointed(body, request["pointers"]) if request["pointers"] else [],
    }
except Exception as error:  # an answer that is not HTTP raises what it likes
    cause = getattr(error, "reason", error)
    answer = {"answered": False, "reason": failure(error), "overdue": isinstance(cause, TimeoutError)}
json.dump(answer, sys.stdout)
