"""Runs inside the sandbox: asks a FHIR server for its capability, counts resources, and follows their references."""

import json
import re
import ssl
import sys
import urllib.parse
from datetime import datetime, timedelta, timezone

from failure import failure
from fhir_references import References, count
from fhir_server import Refused, Server, Unasked, complaints, entries, total_of

LISTED = 20
READ_AGAIN = 2
COUNTED_PAGE = 1000
MOST_PAGES = 50
MOST_KINDS = 1000
OFTEN_A_LIMIT = 10_000
"""Search engines count so far and no further: this total says that there are so many, or more."""
NOT_SERVED = (400, 404, 405, 501)
GONE = (404, 410)
CLOSED = (301, 302, 303, 307, 308, 400, 401, 403, 405, 406, 415, 429, 503)
UTC = timezone.utc  # noqa: UP017 - any python3 inside
INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class Look:
    """One look at a server: everything that the verifier judges."""

    def __init__(self, request):
        """Take what is asked."""
        self.request, self.server = request, Server(request)
        self.references = References(self.server, request["external"])
        self.kept, self.known = set(), set()
        """Kinds of resources whose versions can be asked for; resources that were read."""
        self.answer = {
            "answered": True, "status": 0, "kind": "", "version": "", "late": None,
            "counts": {}, "uncounted": {}, "unserved": {}, "errors": [], "unasked": [],
            "served": None, "read": 0, "undated": 0, "newest": None, "unsorted": [],
        }  # fmt: skip
        self.newest = None

    def all(self):
        """Return the answer."""
        try:
            status, capability = self.server.get("metadata")
        except Unasked as silence:
            if isinstance(silence.__cause__, OSError) and not unjudged(silence.__cause__):
                raise silence.__cause__ from None  # nobody is there
            self.answer["late"] = silence.told
            return self.answer
        kind = str(capability.get("resourceType", ""))
        self.answer.update(status=status, kind=kind[:80], version=str(capability.get("fhirVersion", ""))[:80])
        if status == 200 and kind == "CapabilityStatement":
            served = self.served(capability)
            self.answer["served"] = None if served is None else sorted(served)[:MOST_KINDS]
            for kind in self.request["resources"]:
                self.one_kind(kind, served)
            self.answer["references"] = self.follow()
            self.answer["newest"] = self.newest and self.newest.isoformat()
        return self.answer

    def served(self, capability):
        """Return the kinds of resources that the server says it serves; None: it does not say."""
        names = None
        for rest in capability["rest"] if isinstance(capability.get("rest"), list) else ():
            for each in rest["resource"] if isinstance(rest, dict) and isinstance(rest.get("resource"), list) else ():
                if not isinstance(each, dict) or not isinstance(each.get("type"), str):
                    continue
                names = (names or set()) | {each["type"]}
                can = each["interaction"] if isinstance(each.get("interaction"), list) else ()
                if any(isinstance(one, dict) and one.get("code") == "vread" for one in can):
                    self.kept.add(each["type"])
        return names

    def one_kind(self, kind, served):
        """Count the resources of a kind, and read the newest of them."""
        try:
            self.count(kind)
            self.samples(kind)
        except Unasked as silence:
            self.answer["unasked"].append([kind, silence.told])
            self.answer["uncounted"].setdefault(kind, silence.told)
        except Refused as refusal:
            if refusal.status in NOT_SERVED and kind not in self.answer["counts"]:
                undeclared = served is not None and kind not in served
                self.answer["unserved"][kind] = ["undeclared"] if undeclared else ["status", refusal.status]
            else:
                self.answer["errors"].append(refusal.told)
                self.answer["uncounted"].setdefault(kind, ["search-fails"])

    def count(self, kind):
        """Count by the server's word where it is plain, else one by one."""
        first = self.server.search(f"{kind}?_summary=count")
        self.complain(kind, first)
        total = total_of(first)
        expected = self.request["expected"].get(kind)
        if total is not None and total != OFTEN_A_LIMIT and expected in (None, total):
            self.answer["counts"][kind] = total
            return
        names, whole, said = self.one_by_one(kind, total)
        if whole:
            self.answer["counts"][kind] = len(names)
        elif said is not None and len(names) <= said and said != OFTEN_A_LIMIT:
            self.answer["counts"][kind] = said
        else:
            self.answer["uncounted"][kind] = ["says-and-counted", said, len(names)]

    def one_by_one(self, kind, said):
        """Return the ids of a kind's resources, whether these are all, and how many the server says there are."""
        names, more = set(), True
        told = None
        try:
            accurate = total_of(self.server.search(f"{kind}?_total=accurate&_count=1"))
            said = said if accurate is None else accurate
        except Refused:
            pass
        try:
            for bundle, more in self.server.pages(f"{kind}?_elements=id&_count={COUNTED_PAGE}", MOST_PAGES):
                told = total_of(bundle)
                names |= {str(each.get("id")) for each in entries(bundle) if each.get("resourceType") == kind}
                if complaints(bundle):
                    more = True
                    break
        except (Refused, Unasked):
            more = True
        # a last page that tells of more than were given is no last page; some servers page no further than they count
        return names, not more and len(names) != OFTEN_A_LIMIT and (told is None or len(names) >= told), said

    def samples(self, kind):
        """Read the newest resources of a kind for their references."""
        asked = self.request["samples"]
        try:
            pages = list(self.some(f"{kind}?_sort=-_lastUpdated&_count={asked}", asked))
        except Refused as refusal:
            if refusal.status not in NOT_SERVED:
                raise
            pages = list(self.some(f"{kind}?_count={asked}", asked))
            self.answer["unsorted"].append(kind)
        read = 0
        for bundle in pages:
            self.complain(kind, bundle)
            for resource in entries(bundle)[: max(asked, 1)]:
                if resource.get("resourceType") == kind:
                    read += 1
                    self.known.add((kind, str(resource.get("id"))))
                    self.date(resource)
                    self.references.of(resource)
        self.answer["read"] += read
        if not read and self.answer["counts"].get(kind):
            self.answer["unasked"].append([kind, ["none-given", self.answer["counts"][kind]]])

    def some(self, query, asked):
        """Yield pages until as many resources as asked are there."""
        read = 0
        for bundle, _ in self.server.pages(query, MOST_PAGES):
            yield bundle
            read += len(entries(bundle))
            if read >= asked:
                return

    def complain(self, kind, bundle):
        """Keep what errors the server tells of inside of an answer."""
        found = complaints(bundle)
        if found:
            self.answer["unasked"].append([kind, ["server-tells", found[0]]])

    def date(self, resource):
        """Keep when a resource was changed, if it is the newest."""
        meta = resource.get("meta")
        text = meta.get("lastUpdated") if isinstance(meta, dict) else None
        at = instant(text) if isinstance(text, str) else None
        if at is None:
            self.answer["undated"] += 1
        elif self.newest is None or at > self.newest:
            self.newest = at

    def follow(self):
        """Ask for what is referred to, and sort what comes of it."""
        wanted = sorted(self.references.wanted, key=lambda each: (each[0], each[1], each[2] or ""))
        near = {each for each in wanted if each[:2] in self.known and (each[2] is None or each[0] not in self.kept)}
        again, far = self.read_again(), [each for each in wanted if each not in near]
        dangling, broken, unasked, followed = [], [], {}, 0
        for each in [*again, *far[: self.request["most"]]]:
            name = "/".join(each[:2]) + (f"/_history/{each[2]}" if each[2] else "")
            try:
                outcome = self.ask(each)
            except Unasked as silence:
                count(unasked, tuple(silence.told))
                continue
            followed += 1
            if outcome in GONE and each in self.references.odd:
                count(self.references.unrecognised, ("odd-id",))
            elif outcome in GONE:
                dangling.append(name)
            elif outcome in CLOSED:
                count(unasked, ("status", outcome))
            elif outcome != 200:
                broken.append([name, ["status", outcome] if isinstance(outcome, int) else list(outcome)])
        return {
            "found": len(wanted), "near": len(near), "followed": followed, "asked": len(again) + len(far),
            "unasked": [[list(reason), number] for reason, number in unasked.items()],
            "dangling": len(dangling), "listed": dangling[:LISTED], "broken": len(broken), "named": broken[:LISTED],
            **self.references.said(),
        }  # fmt: skip

    def read_again(self):
        """Return a few of what searches gave: what only a search shows, nobody can open."""
        kinds = sorted({kind for kind, _ in self.known})
        few = [sorted(each for each in self.known if each[0] == kind)[:READ_AGAIN] for kind in kinds]
        return [(kind, name, None) for each in few for kind, name in each] if self.request["most"] else []

    def ask(self, wanted):
        """Return 200 for a resource that is there, another status for one that is not, a code for a wrong answer."""
        kind, name, version = wanted
        path = f"{kind}/{urllib.parse.quote(name, safe='')}"
        if version and kind in self.kept:
            path += f"/_history/{urllib.parse.quote(version, safe='')}"
        status, resource = self.server.get(path, whole=kind != "Binary")
        if status != 200 or kind == "Binary":
            return status
        found = str(resource.get("resourceType", "no resource"))
        if found != kind:
            return ("answered-with", found[:40])
        return 200 if str(resource.get("id")) == name else ("another",)


def unjudged(error):
    """Return whether an error says only that the server is slow, or that we do not know its certificate."""
    return isinstance(getattr(error, "reason", error), (TimeoutError, ssl.SSLError)) or "timed out" in str(error)


def instant(text):
    """Return an instant (FHIR R4 §2.24.0.1) in UTC, None for what is none."""
    match = INSTANT.fullmatch(text)
    if not match:
        return None
    zone = UTC
    try:
        if match[8] != "Z":
            offset = timedelta(hours=int(match[8][1:3]), minutes=int(match[8][4:6]))
            zone = timezone(offset if match[8][0] == "+" else -offset)
        fraction = int(float(match[7] or 0) * 1_000_000)
        return datetime(*(int(match[number]) for number in range(1, 7)), fraction, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


given = json.load(sys.stdin)
try:
    result = Look(given).all()
except (OSError, ValueError) as error:
    result = {"answered": False, "reason": failure(error)}
json.dump(result, sys.stdout)
