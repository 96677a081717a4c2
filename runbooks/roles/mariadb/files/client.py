"""What the programs of this role share: failures, programs, restored files, and the drill's own client.

They run inside the sandbox on the bare Python of the machine that drills (3.9 or later), and know nothing of drp.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

RUN = Path("/run/mariadb")
SOCKETS = Path("/data/sockets")
SOCKET = SOCKETS / "mysqld.sock"
LOADED = RUN / "loaded"
"""There once dump and log are loaded; not among restored files, which could bring one."""
CLIENT = ["mariadb", f"--defaults-file={RUN}/client.cnf", "--batch", "--skip-column-names", "--skip-local-infile"]
READER = [*CLIENT, "--sandbox"]
"""The client for what was restored: words of its own (``system``, ``tee``, ``source``) are refused, and end it."""
UNLIMITED = "SET SESSION sql_select_limit = 18446744073709551615, sql_big_selects = 1, max_statement_time = 0; "
"""Before a question: what was loaded may have set limits for every session."""
OF_THIS_MACHINE = 3
"""How a program ends when the machine that drills lacks something; the backup is not to blame."""
LIMITS = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
NAMED = 10


class Failure(Exception):
    """What to tell, in one line: a message and the data in it, ``{name}``, which drp says in its reader's language."""

    def __init__(self, message: object, /, **values: object) -> None:
        """Keep both; without values the message is text as it is."""
        self.told = said(str(message), **values).told if values else {"message": str(message), "values": {}}
        super().__init__(said(str(message), **values) if values else str(message))


class Limit(Failure):
    """The same, where not the backup but the machine that drills, or this runbook, falls short."""


def tool(words: Sequence[str], what: str, **arguments: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; a bad one is a failure with its first complaint."""
    try:
        done = subprocess.run(words, capture_output=True, check=False, **arguments)
    except OSError:
        raise Limit(
            "there is no program {program} where drills run: install MariaDB's packages", program=words[0]
        ) from None
    require(done.returncode, done.stderr, f"{what}: {words[0]}")
    return done


def require(code: int, said: bytes, what: str) -> None:
    """Raise the failure of a program that ended badly. What stands after ``near`` or in quotes may be a patient's."""
    if code == 0:
        return
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    first = next((line for line in lines if "ERROR" in line.upper()), lines[-1] if lines else "")
    first = re.sub(r"( near |Duplicate entry |value: )'.*", r"\1…", " ".join(first.split()))[:300]
    how = f"died by signal {-code}" if code < 0 else f"ended with {code}"
    raise Failure(f"{what} {how}: {first}" if first else f"{what} {how}")


def require_reader() -> None:
    """Raise Limit where the client would carry out what restored SQL tells it, and not only the server."""
    if b"--sandbox" not in tool(["mariadb", "--no-defaults", "--help"], "the client").stdout:
        raise Limit("the client here has no --sandbox: install that of MariaDB 10.5.25, 10.6.18, 10.11.8 or later")


def restored(path: Path) -> IO[bytes]:
    """Open a restored file: never through a link, never a pipe, and never waiting. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(handle, "rb")


def feed(words: Sequence[str], source: IO[bytes], begin: bytes = b"", end: bytes = b"") -> tuple[int, bytes]:
    """Feed a client to its end; returns how it ended and what it said."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
        assert client.stdin
        assert client.stderr
        try:
            client.stdin.write(begin)
            shutil.copyfileobj(source, client.stdin, 1 << 20)
            client.stdin.write(end)
            client.stdin.close()
        except BrokenPipeError:
            pass  # it says why it ended
        said = client.stderr.read()
    return client.returncode, said


def rows(sql: str) -> list[list[str]]:
    """Return what the server answers, as lists of cells."""
    done = tool([*CLIENT, f"--execute={UNLIMITED}{sql}"], "the server could not be asked")
    return [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()]


def shown(name: object, longest: int = 120) -> str:
    """Return a restored name as bounded text without anything that a terminal would act on."""
    text = os.fsencode(str(name)).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)[:longest]


class Said(str):
    """A message and the data in it, for who tells it in another language. As a string: its English words."""

    __slots__ = ("told",)
    told: dict[str, Any]


def said(message: str, /, **values: object) -> Said:
    """Return words with data in them: ``{name}`` in the message."""
    data = {name: shown(value, 300) for name, value in values.items()}
    made = Said(message.format(**data))
    made.told = {"message": message, "values": data}
    return made


def notice(kind: str, subject: str, observed: str) -> dict[str, Any]:
    """Return something that the drill has to be told, as drp reads it."""
    both = {"subject": subject, "observed": observed}
    made = {name: each.told for name, each in both.items() if isinstance(each, Said)}
    return {"kind": kind, **both, **({"said": made} if made else {})}


class Notices:
    """What is no failure and yet has to be known; each kind names the first and counts the rest."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[str]] = {}

    def add(self, kind: str, subject: object, observed: str, **values: object) -> None:
        """Note one thing; with values, ``observed`` is a message that has them in it."""
        observed = said(observed, **values) if values else observed
        name = subject if isinstance(subject, Said) else shown(subject)
        self.found.setdefault((kind, observed), []).append(name)

    def told(self) -> list[dict[str, Any]]:
        """Return them as drp takes them; things of one kind with the same words are cut after the first ten."""
        lines = []
        for (kind, observed), subjects in self.found.items():
            more = len(subjects) - NAMED
            lines += [notice(kind, each, observed) for each in subjects[:NAMED]]
            if more > 0:
                rest = said("{name} and {number} more", name=subjects[NAMED], number=more - 1)
                lines.append(notice(kind, rest, observed))
        return lines


def run(do: Callable[[], Any]) -> None:
    """Do it and print the answer; a failure is one line and an exit status that says whose it is."""
    try:
        do()
    except Failure as failure:
        print(json.dumps({"why": failure.told}), flush=True)
        print(failure, file=sys.stderr)
        sys.exit(OF_THIS_MACHINE if isinstance(failure, Limit) else 1)
    except OSError as error:
        print(f"mariadb: {error}", file=sys.stderr)
        sys.exit(OF_THIS_MACHINE if error.errno in LIMITS else 1)
