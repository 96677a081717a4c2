"""Runs inside the sandbox: runs a database's own client and passes on the records that it prints."""

import json
import subprocess
import sys
import tempfile

from failure import failure
from records_out import Records

LONGEST = 400
ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def cell(text):
    """Undo what MariaDB's client does to a value; its NULL is the word."""
    if text == "NULL":
        return None
    if "\\" not in text:
        return text
    parts = iter(text.split("\\"))
    whole = next(parts)
    for part in parts:
        if not part:  # an escaped backslash; what follows is plain
            whole += "\\" + next(parts, "")
        else:
            whole += ESCAPES.get(part[0], part[0]) + part[1:]
    return whole


def pass_on(stream, tabs, out):
    """Write every record; return why one is none, None if all are."""
    names = None
    for line in stream:
        line = line.rstrip(b"\n")
        if not tabs:
            if not line.startswith(b"{"):
                return ["no-record", repr(line[:100])]
            out.line(line)
        elif names is None:
            names = line.decode("utf-8", "replace").split("\t")
        else:
            cells = [cell(text) for text in line.decode("utf-8", "replace").split("\t")]
            if len(cells) != len(names):
                return ["columns", len(cells), len(names)]
            out.record(dict(zip(names, cells)))
    return None


def run(request, out):
    """Run the client to its end; return why it is not complete."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as script:
        script.write(request["script"].encode())
        script.seek(0)
        with subprocess.Popen(request["argv"], stdin=script, stdout=subprocess.PIPE, stderr=said) as client:
            try:
                reason = pass_on(client.stdout, request["tabs"], out)
            finally:
                client.stdout.close()
        said.seek(max(0, said.seek(0, 2) - 4096))
        words = said.read().decode("utf-8", "replace").split("\n")
    if client.returncode and not reason:
        told = [line for line in words if "ERROR" in line or "FATAL" in line] or [line for line in words if line]
        reason = ["words", told[0].strip()[:LONGEST]] if told else ["client-ended", client.returncode]
    return reason


if __name__ == "__main__":
    given, records = json.load(sys.stdin), Records()
    try:
        ended = run(given, records)
    except OSError as error:
        ended = ["not-run", given["argv"][0], failure(error)]
    records.end(ended)
