"""Runs inside the sandbox: reads the identifying tags of every study, series, instance or patient of an Orthanc.

Orthanc is asked for its list page by page, the next pages while one is read. A page that did not come whole is asked
again. What came is compared with what Orthanc counts, before and after: a list in pages may hold a resource twice or
pass one over when it changes meanwhile, and nothing in the pages tells.
"""

import http.client
import json
import re
import time
from array import array
from collections import deque
from itertools import pairwise

from deadline import within
from failure import failure
from orthanc_rest import BODY_LIMIT, PAGE, Orthanc, Refused, credentials_of
from records_out import answer
from said import Said

AHEAD = 3
"""Pages that Orthanc prepares while one is read."""
ATTEMPTS = 5
"""So often a page is asked for before it is given up."""
PAUSE_SECONDS = 0.2
"""Before the second attempt, and twice as long before each other."""
LARGEST_PAGE = 4000
PAGES = 200
"""Where there are more than this many, pages grow: to pass over those before it costs Orthanc time with each page."""
MOST_CHANGES = 1000

UPDATED = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)", re.ASCII)
NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")


class Broken(Said):
    """A page did not come whole, and may be asked for again."""


class Page:
    """A page that was asked for: on a connection of its own, so that others may be asked for meanwhile."""

    def __init__(self, orthanc, path, since, limit):
        """Ask for it."""
        self.orthanc, self.since, self.limit = orthanc, since, limit
        self.path = f"{path}since={since}&limit={limit}"
        self.connection, self.error = None, None
        self.send()

    def send(self):
        """Send the request; what fails is told where the answer is taken."""
        self.error = None
        try:
            with within(self.orthanc.seconds):
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(*self.orthanc.address, timeout=self.orthanc.seconds)
                self.connection.request("GET", self.path, None, self.orthanc.headers)
        except (ConnectionError, http.client.HTTPException) as error:
            self.error = error

    def take(self):
        """Return its items, or None when it is longer than may be read. Raises Broken."""
        try:
            if self.error is not None:
                raise Broken(*failure(self.error)) from self.error
            with within(self.orthanc.seconds):
                response = self.connection.getresponse()
                body = response.read(BODY_LIMIT)
                whole = response.isclosed() or not response.read(1)
        except (ConnectionError, http.client.HTTPException) as error:
            raise Broken(*failure(error)) from error
        if response.status >= 500:
            raise Broken("status", response.status)
        if response.status != 200:
            raise Refused("answered", f"GET {self.path.split('?')[0]}", response.status)
        if not whole:
            return None
        if response.length:  # it says how much it is, and the connection ended before
            raise Broken("breaks-off")
        return json.loads(body)

    def close(self):
        """End its connection."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def items(self):
        """Return its items, asked for again while they do not come whole; in halves when they are too long."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found = self.take()
                break
            except Broken as error:
                self.close()
                if attempt == ATTEMPTS:
                    raise Refused("page-not-whole", self.since, ATTEMPTS, error.told) from error
                time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
                self.send()
        if found is None:
            self.close()
            return self.halves()
        if not isinstance(found, list) or len(found) > self.limit:
            raise Refused("page-none", self.since)
        return found

    def halves(self):
        """Return the items of its two halves."""
        if self.limit == 1:
            raise Refused("resource-too-long", BODY_LIMIT)
        path, half, found = self.path[: self.path.index("since=")], self.limit // 2, []
        for since, limit in ((self.since, half), (self.since + half, self.limit - half)):
            part = Page(self.orthanc, path, since, limit)
            found += part.items()
            part.close()
        return found


class Came:
    """Which resources came, at eight bytes each: enough to tell that one came twice."""

    def __init__(self):
        """Begin without any."""
        self.count, self.parts = 0, [array("Q") for _ in range(256)]

    def note(self, name):
        """Note one by its name, which is a digest."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Refused("no-name", repr(str(name)[:60]))
        self.parts[int(name[:2], 16)].append(int(name[:8] + name[9:17], 16))
        self.count += 1

    def twice(self):
        """Return how many came again."""
        return sum(a == b for part in self.parts for a, b in pairwise(sorted(part)))


def asked(orthanc, path):
    """Return a JSON answer, asked for again when the connection broke or Orthanc was not able to."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            status, body = orthanc.ask("GET", path)
        except (ConnectionError, http.client.HTTPException) as error:
            status, reason = 500, failure(error)
        else:
            reason = ["status", status]
        if status == 200:
            return json.loads(body)
        if status < 500 or attempt == ATTEMPTS:
            break
        time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
    raise Refused("asked", f"GET {path.split('?')[0]}", reason)


def state(orthanc, level):
    """Return how many resources Orthanc counts, and the number of its last change."""
    count = asked(orthanc, "/statistics")[f"Count{level.capitalize()}"]
    return int(count), int(asked(orthanc, "/changes?last")["Last"])


def pages(orthanc, path, count):
    """Yield the items of every page, in order, until one is not full."""
    size = max(PAGE, min(LARGEST_PAGE, count // PAGES))
    asked = deque(Page(orthanc, path, number * size, size) for number in range(min(AHEAD, count // size + 1)))
    try:
        while True:
            page = asked.popleft()
            items = page.items()
            following = (asked[-1] if asked else page).since + size
            page.since, page.path = following, f"{path}since={following}&limit={size}"
            asked.append(page)
            full = len(items) == size
            if full:
                page.send()
            yield items
            if not full:
                return
    finally:
        for page in asked:
            page.close()


def instant(resource):
    """Return when Orthanc last added to the resource: UTC whatever its zone, and never the acquisition's time."""
    text = resource.get("LastUpdate")
    if not text:
        return None
    found = UPDATED.fullmatch(text)
    if not found:
        raise Refused("no-instant", repr(text[:40]))
    return "{}-{}-{}T{}:{}:{}+00:00".format(*found.groups())


def changed(orthanc, before, after, came):
    """Return why what came may not be all there was; None: it is."""
    if came.count != after[0] or before[0] != after[0]:
        return ["not-all", before[0], after[0], came.count]
    if again := came.twice():
        return ["twice", again]
    since = before[1]
    while since < after[1]:
        answered = asked(orthanc, f"/changes?since={since}&limit={MOST_CHANGES}")
        if any(change["ChangeType"].startswith("New") for change in answered["Changes"]):
            return ["took-in-others"]
        if answered["Done"] or int(answered["Last"]) <= since:
            break
        since = int(answered["Last"])
    return None


def read(request, out):
    """Write one record a resource."""
    orthanc = Orthanc(request["host"], request["port"], credentials_of(request), request["seconds"])
    level, fields, came = request["level"], request["fields"], Came()
    before = state(orthanc, level)
    for items in pages(orthanc, f"/{level}?expand&", before[0]):
        for resource in items:
            came.note(resource.get("ID"))
            tags = {**resource.get("PatientMainDicomTags", {}), **resource.get("MainDicomTags", {})}
            out.record({"at": instant(resource), **{name: tags.get(tag) for name, tag in fields.items()}})
    trouble = changed(orthanc, before, state(orthanc, level), came)
    if trouble:
        raise Refused(*trouble)


if __name__ == "__main__":
    answer(read, Refused, http.client.HTTPException)
