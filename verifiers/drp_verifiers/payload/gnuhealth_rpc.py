"""Runs inside the sandbox: asks a running GNU Health over JSON-RPC as one of its users, and changes nothing."""

import base64
import hashlib
import http.client
import json
import sys
from datetime import datetime, timezone

from deadline import within
from failure import failure
from regular import first_line
from said import Said

BATCH = 100
LISTED = 20
MOST_MODULES = 2000
BODY_LIMIT = 64 << 20


class Refused(Said):
    """The application answered with an error."""


class GnuHealth:
    """A session of one user."""

    def __init__(self, request):
        """Keep where the application is."""
        self.host, self.port, self.database = request["host"], request["port"], request["database"]
        self.seconds = request["seconds"]
        self.authorization = ""
        self.context = {}

    def call(self, method, *parameters):
        """Call a method of the interface."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.seconds)
        body = json.dumps({"id": 1, "method": method, "params": parameters})
        try:
            headers = {"Content-Type": "application/json", "Authorization": self.authorization}
            with within(self.seconds):
                connection.request("POST", f"/{self.database}/", body, headers)
                response = connection.getresponse()
                content = response.read(BODY_LIMIT)
        finally:
            connection.close()
        if response.status != 200:
            raise Refused("answered", method, response.status)
        answer = json.loads(content, object_hook=plain)
        if isinstance(answer, dict) and answer.get("error"):
            raise Refused("error", method, str(answer["error"])[:200])
        return answer["result"] if isinstance(answer, dict) else answer

    def login(self, user, password):
        """Begin a session."""
        answer = self.call("common.db.login", user, {"password": password})
        if not answer:
            raise Refused("login-refused")
        token = base64.b64encode(f"{user}:{answer[0]}:{answer[1]}".encode()).decode()
        self.authorization = f"Session {token}"
        # inactive records were backed up too
        self.context = {**self.call("model.res.user.get_preferences", True, {}), "active_test": False}

    def rows(self, model, domain, fields, *, most=None, order=None, offset=0):
        """Return fields of records."""
        return self.call(f"model.{model}.search_read", domain, offset, most, order, fields, self.context)


def plain(document):
    """Turn Tryton's tagged values into text; instants are UTC whatever the zone of server, role or session."""
    kind = document.pop("__class__", None)
    if kind == "datetime":
        return datetime(**document, tzinfo=timezone.utc).isoformat()  # noqa: UP017 - any python3 inside
    if kind == "bytes":
        return document["base64"]
    return document if kind is None else str(document)


def modules(server):
    """Return the names of the active modules."""
    rows = server.rows("ir.module", [["state", "=", "activated"]], ["name"], order=[["name", "ASC"]])
    return [str(row["name"])[:64] for row in rows][:MOST_MODULES]


def newest(server, models):
    """Return the newest instant at which the application itself created or changed a record of these models."""
    found = None
    for model in models:
        for field in ("create_date", "write_date"):
            rows = server.rows(model, [[field, "!=", None]], [field], most=1, order=[[field, "DESC"]])
            if rows and (found is None or rows[0][field] > found["at"]):
                found = {"at": rows[0][field], "model": model, "field": field}
    return found


def altered_reports(server):
    """Let the application compute the digest of every signed report again."""
    looked, altered, offset = 0, [], 0
    while True:
        signed = [["state", "=", "validated"]]
        fields = ["name", "digest_status"]
        rows = server.rows("gnuhealth.lab", signed, fields, most=BATCH, order=[["id", "ASC"]], offset=offset)
        looked += len(rows)
        altered += [str(row["name"]) for row in rows if row["digest_status"]]
        offset += BATCH
        if len(rows) < BATCH:
            return {"looked": looked, "altered": len(altered), "listed": altered[:LISTED]}


def attachments(server, most):
    """Read the newest attachments through the application; kept as files, they are named by their MD5."""
    rows = server.rows("ir.attachment", [["type", "=", "data"]], ["name", "file_id"], most=most, order=[["id", "DESC"]])
    looked, bad = 0, []
    for row in rows:
        looked += 1
        try:
            content = server.call("model.ir.attachment.read", [row["id"]], ["data"], server.context)[0]["data"]
        except Refused as error:
            bad.append([str(row["name"])[:80], error.told])
            continue
        raw = base64.b64decode(content) if isinstance(content, str) else b""
        named = (row["file_id"] or "").rsplit("/", 1)[-1]
        if not raw or (named and hashlib.md5(raw, usedforsecurity=False).hexdigest() != named):
            bad.append([str(row["name"])[:80], ["empty" if not raw else "altered"]])
    return {"looked": looked, "bad": len(bad), "listed": bad[:LISTED]}


def look(request):
    """Return everything that the verifier judges; each part has its own error."""
    server = GnuHealth(request)
    server.login(request["user"], first_line(request["password_file"]))
    answer = {"logged_in": True, "errors": {}}
    parts = {
        "counts": lambda: {
            model: server.call(f"model.{model}.search_count", [], 0, None, server.context)
            for model in request["models"]
        },
        "modules": lambda: modules(server),
        "newest": lambda: newest(server, request["newest_models"]),
        "reports": lambda: altered_reports(server) if request["reports"] else None,
        "attachments": lambda: attachments(server, request["attachments"]) if request["attachments"] else None,
    }
    for name, part in parts.items():
        try:
            answer[name] = part()
        except Refused as error:
            answer["errors"][name] = error.told
    return answer


if __name__ == "__main__":
    given = json.load(sys.stdin)
    try:
        result = look(given)
    except (Refused, OSError, ValueError, LookupError, http.client.HTTPException) as error:
        result = {"logged_in": False, "reason": failure(error)}
    json.dump(result, sys.stdout)
