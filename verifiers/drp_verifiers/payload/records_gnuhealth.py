"""Runs inside the sandbox: reads fields of every record of a GNU Health model, through the application itself."""

import http.client

from gnuhealth_rpc import GnuHealth, Refused
from records_out import answer
from regular import first_line

PAGE = 1000


def looked_up(row, path):
    """Return a field, also of a record that is referred to: ``patient.puid``."""
    for step in path.split(".")[:-1]:
        row = row.get(step + ".") or {}
    return row.get(path.rsplit(".", 1)[-1])


def read(request, out):
    """Write one record a record of the model, oldest first."""
    server = GnuHealth(request)
    server.login(request["user"], first_line(request["password_file"]))
    fields, at, last = request["fields"], request["at"], 0
    wanted = sorted({*fields.values(), *([at] if at else [])})
    while True:
        # by id and not by number of records: nothing is read twice or passed over
        domain = [*request["domain"], ["id", ">", last]]
        rows = server.rows(request["model"], domain, wanted, most=PAGE, order=[["id", "ASC"]])
        for row in rows:
            last = row["id"]
            found = {name: looked_up(row, path) for name, path in fields.items()}
            out.record({"at": looked_up(row, at) if at else None, **found})
        if len(rows) < PAGE:
            return


if __name__ == "__main__":
    answer(read, Refused, http.client.HTTPException)
