"""Which line of a program's output says why it ended: the first fatal one, not the last. Pure.

The last line is an echo, a consequence or a progress bar as often as it is a reason. Programs of runbooks run where drp
cannot be imported, so this file stands again in ``runbooks/roles/service/files``, byte for byte (a test holds both
together), and runs on any Python from 3.9 on.
"""

from __future__ import annotations

import json
import re

_BEFORE = r"(?:^|[\s\[(:|])"
_FATAL = re.compile(_BEFORE + r"(?:FATAL|PANIC|CRITICAL|Fatal|fatal|panic|FATALE)\b(?=[\]:|]|\s)|^F\d{4} |^F: ")
_ERROR = re.compile(
    _BEFORE
    + r"(?:ERROR|ERREUR|FEHLER|SEVERE|Error|error|[Ff]ail(?:ed|ure)?|[Cc]annot|[Cc]an't|[Cc]ould not|[Uu]nable)\b"
    r"|^E\d{4} |^E: |^[\w.]+(?:Error|Exception|Failure|Interrupt|Exit|NotFound|Expired|Overdue)(?::|$)"
    r"|\b(?:[Nn]o such|[Dd]enied|[Rr]efused|[Ii]nvalid|[Cc]orrupt(?:ed)?|[Nn]o space left)\b"
    r"|\bnot (?:permitted|allowed|found|supported|recogni[sz]ed)\b"
)
_NAMED = re.compile(r"^[\w./-]+: \S")
"""The way of UNIX programs to complain: their name first."""
_LESS = re.compile(
    _BEFORE
    + r"(?:WARNING|WARN|Warning|warning|NOTICE|NOTE|Note|INFO|DEBUG|LOG|HINT|DETAIL|CONTEXT|STATEMENT)\b(?=[\]:|]|\s)"
    r"|^[WI](?:\d{4}|:) "
)
_CONSEQUENCE = re.compile(
    r"previous errors|\bAborting\b|^exit status \d+|^Stopped\b|stopping now|has stopped|^goroutine \d+ |^created by "
)
_STACK = re.compile(
    r"^\s+File \".*\", line \d+|^\s*[\^~ ]*[\^~][\^~ ]*$|^\s+at [\w.$<>/]+\(.*\)$|^\s+\.\.\. \d+ more$"
    r"|^\s+\S+\.(?:go|s|c|cpp):\d+|^[\w./*()-]+\.[\w.*()-]+\((?:0x[0-9a-f]+|\.\.\.|\{).*\)$|^(?:main|runtime)\.\w+\(.*\)$"
    r"|^(?:During handling of the above|The above exception was)"
)
_PROGRESS = re.compile(
    r"^\s*\[\d+:\d\d(?::\d\d)?\]|^[|/\\=#>.\s\[\]-]*\d{1,3}(?:\.\d+)?\s?%|\bETA\b|\b\d+(?:\.\d+)? ?[KMGT]i?B/s\b"
)
_PROGRESS_TYPES = ("status", "summary", "verbose_status")


def first_fatal(lines: list[str]) -> str:
    """Return the line that says why a program ended, empty if it said nothing.

    In this order: the first that calls itself fatal, or else tells of an error (a traceback by what it raised), or else
    begins with a program's name; or else the last. Progress, stacks, warnings, advice and consequences come only when
    there is nothing else. A line of JSON is told by its message.
    """
    said = [line for line in (_words(line) for line in _plain(lines)) if line]
    telling = [line for line in said if not _CONSEQUENCE.search(line)]
    telling = [line for line in telling if not _LESS.search(line) or _FATAL.search(line)] or telling or said
    for sign in (_FATAL, _ERROR, _NAMED):
        for line in telling:
            if sign.search(line):
                return line
    return telling[-1] if telling else ""


def _plain(lines: list[str]) -> list[str]:
    """Return what is neither stack nor progress; an indented line goes on with the one before it."""
    kept, tracing = [], False
    for line in [part for whole in lines for part in whole.split("\r") if part.strip()]:
        if line.lstrip().startswith("Traceback (most recent call last)"):
            tracing = True
        elif not (tracing and line[0].isspace()) and not _STACK.search(line) and not _PROGRESS.search(line):
            tracing = False
            kept.append(line)
    return [line for line in kept if not line[0].isspace()] or kept


def _words(line: str) -> str:
    """Return a line as it reads; of JSON its message, or nothing where it tells of progress."""
    text = line.strip()
    try:
        data = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return text
    if data.get("message_type") in _PROGRESS_TYPES:
        return ""
    error = data.get("error")
    for found in (data.get("message"), data.get("msg"), error.get("message") if isinstance(error, dict) else error):
        if isinstance(found, str) and found.strip():
            first = (_plain(found.splitlines()) or [found])[0].strip()
            told = error is not None or "error" in str(data.get("message_type", ""))
            return f"error: {first}" if told and not _FATAL.search(first) else first
    return text
