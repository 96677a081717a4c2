"""What the programs of this role share: failures, programs of the server, the control file. Runs inside the sandbox.

They run on the bare Python of the machine that drills (3.9 or later) and know nothing of drp. One small starter reads
all of them and a request from its standard input, so none has to lie in the sandbox.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

RUN = Path(os.environ.get("POSTGRES_RUN", "/run/pg"))
"""What a drill writes about this server: never inside of what was restored. No name in it tells that it is a drill."""
SOCKETS = Path("/data/sockets")
"""Where administration and checks enter; those that applications are used to are served beside it."""
MAINTENANCE = ("postgres", "template1")


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d(:?\d\d)?)$")
_MOST = 64 << 20
"""Bytes of a file that is read whole: a history, a label, a map."""
_SECONDS = 300.0
"""How long a program may take that only looks or stops: what it reads may be a pipe that nobody writes to."""
_OF_THIS_MACHINE = 3
"""How a program ends when the machine that drills lacks something; the backup is not to blame."""
_LIMITS = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
_TOLD = 11
"""How many notices of one kind a program hands over before it only counts them."""


class Failure(Exception):
    """What to tell, in one line: a message and the data in it, ``{name}``, which drp says in its reader's language."""

    def __init__(self, message: object, /, **values: object) -> None:
        """Keep both; without values the message is text as it is."""
        self.told = said(str(message), **values).told if values else {"message": str(message), "values": {}}
        super().__init__(said(str(message), **values) if values else str(message))


class Limit(Failure):
    """The same, where not the backup but the machine that drills, or this runbook, falls short."""


def printable(text: object, longest: int = 200) -> str:
    """Return what came out of a backup as one line that a terminal may show."""
    line = " ".join(str(text).split())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)[:longest]


def opened_plain(path: Path) -> IO[bytes]:
    """Open a regular file, and nothing that could block or lead a reader on. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is no regular file")
    return os.fdopen(handle, "rb")


def text_of(path: Path, errors: str = "replace") -> str:
    """Return what a restored file says. Raises OSError, also when it is none or much too long."""
    with opened_plain(path) as stream:
        content = stream.read(_MOST + 1)
    if len(content) > _MOST:
        raise OSError(f"{path} is longer than {_MOST} bytes")
    return content.decode("utf-8", errors)


def run_tool(
    words: Sequence[object], *, seconds: float | None = _SECONDS, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program of the server to its end, in English and UTC; what it says is text, whatever it holds.

    Raises Failure when it has not ended in time; None where it has as long as there is to do.
    """
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC", **more.pop("environment", {})}
    try:
        return subprocess.run(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL if "input" not in more else None,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=environment,
            timeout=seconds,
            **more,
        )
    except subprocess.TimeoutExpired:
        raise Failure(
            "{program} did not end within {seconds} s", program=Path(str(words[0])).name, seconds=f"{seconds:.0f}"
        ) from None


def complaint(ended: subprocess.CompletedProcess[str], program: str) -> str:
    """Return how a program ended and the first thing it had against its input.

    What stands in quotes behind a type, and details behind the first line, may be a patient's.
    """
    how = f"died by signal {-ended.returncode}" if ended.returncode < 0 else f"ended with {ended.returncode}"
    said = re.search(rf"^(?:.*{program}: error: |.*?\b(?:ERROR|FATAL|PANIC): *)(.*)$", ended.stderr, re.MULTILINE)
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    first = said.group(1) if said else (lines[0] if lines else "")
    first = re.sub(r"(for type [a-z ]+): \".*\"", r"\1", first)
    return f"{program} {how}: {printable(first)}" if first else f"{program} {how}"


def server_folder(data: Path, given: str = "") -> tuple[str, Path]:
    """Return the version of a data directory and the folder of that version's programs. Raises Failure."""
    path = data / "PG_VERSION"
    if not path.is_file():
        raise Failure("there is no PG_VERSION in {data}: is data_directory right?", data=data)
    version = text_of(path).strip()
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9])?", version):
        raise Failure("{path} does not hold a version", path=path)
    if "." in version or int(version) < 12:
        raise Limit(
            "PostgreSQL {version} is too old for this runbook, which knows 12 and later: upgrade a copy of it",
            version=version,
        )
    for folder in candidates(version, given):
        if (folder / "postgres").exists():
            return version, folder
    raise Limit("PostgreSQL {version} is not installed where drills run: install its server package", version=version)


def candidates(version: str, given: str = "") -> list[Path]:
    """Return where programs of a version may be: as declared, Debian's and Ubuntu's place, PGDG's, EDB's."""
    usual = (f"/usr/lib/postgresql/{version}/bin", f"/usr/pgsql-{version}/bin", f"/opt/PostgreSQL/{version}/bin")
    return [Path(folder) for folder in ([given] if given else usual)]


def launched() -> bool:
    """Return whether the server process that was launched here is alive; it may not have written its number yet."""
    number = recall("launched")
    try:
        return bool(number) and Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def running(data: Path) -> int:
    """Return the number of the server process that works on a data directory, 0 if there is none.

    A backup of a running server brings its postmaster.pid along, and that number may be somebody's in here.
    """
    try:
        first = text_of(data / "postmaster.pid").split()
        number = int(first[0]) if first and first[0].isdigit() else 0
        if number and Path(f"/proc/{number}/cwd").resolve() == data.resolve():
            return number
    except (OSError, ValueError):
        pass
    return 0


def instant(text: str) -> datetime | None:
    """Return the instant to recover to. Raises Failure when it is none."""
    if not text:
        return None
    if _INSTANT.match(text) is None:
        raise Failure(
            "recovery_target_time {text} has no time zone, or is no instant: write 2026-11-21T02:00:00Z", text=text
        )
    plain = re.sub(r"[Zz]$", "+00:00", text.replace(" ", "T"))
    plain = re.sub(r"([+-]\d\d)(\d\d)?$", lambda found: f"{found[1]}:{found[2] or '00'}", plain)
    plain = re.sub(r"(T\d\d:\d\d)([+-])", r"\1:00\2", plain)
    plain = re.sub(r"\.(\d+)", lambda found: "." + found[1].ljust(6, "0"), plain)
    try:
        return datetime.fromisoformat(plain).astimezone(timezone.utc)
    except ValueError:
        raise Failure("recovery_target_time {text} is no instant: write 2026-11-21T02:00:00Z", text=text) from None


class Control:
    """The control file of a cluster, as the server's own pg_controldata reads it."""

    def __init__(self, programs: Path, data: Path) -> None:
        """Read it. Raises Failure when it is missing or does not fit its own checksum."""
        self.data = data
        ended = run_tool([programs / "pg_controldata", "-D", data])
        if ended.returncode:
            raise Failure("the control file cannot be read: {how}", how=complaint(ended, "pg_controldata"))
        if "WARNING" in ended.stdout:
            raise Failure("global/pg_control is damaged: it does not fit its own checksum")
        pairs = (line.partition(":") for line in ended.stdout.splitlines())
        self.fields = {name.strip(): value.strip() for name, _, value in pairs}
        try:
            self.system = int(self.fields["Database system identifier"])
            self.segment_bytes = int(self.fields["Bytes per WAL segment"])
            self.page_bytes = int(self.fields["WAL block size"])
            self.timeline = int(self.fields["Latest checkpoint's TimeLineID"])
            self.redo = lsn(self.fields["Latest checkpoint's REDO location"])
            at = datetime.strptime(self.fields["Time of latest checkpoint"] + " +0000", "%a %b %d %H:%M:%S %Y %z")
        except (KeyError, ValueError):
            raise Failure("global/pg_control does not hold what a server writes into it") from None
        self.at = at.astimezone(timezone.utc)
        self.state = self.fields.get("Database cluster state", "")


def lsn(text: str) -> int:
    """Return a position in the log, written ``16/B374D848``. Raises ValueError."""
    high, slash, low = text.strip().partition("/")
    if not slash:
        raise ValueError(text)
    return (int(high, 16) << 32) | int(low, 16)


def shown(position: int) -> str:
    """Return a position in the log as PostgreSQL writes it."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


class Said(str):
    """A message and the data in it, for who tells it in another language. As a string: its English words."""

    __slots__ = ("told",)
    told: dict[str, Any]


def said(message: str, /, **values: object) -> Said:
    """Return words with data in them: ``{name}`` in the message."""
    shown_values = {name: printable(value, 300) for name, value in values.items()}
    made = Said(message.format(**shown_values))
    made.told = {"message": message, "values": shown_values}
    return made


def notice(kind: str, subject: object, observed: object) -> dict[str, Any]:
    """Return something that the drill has to be told, as drp reads it."""
    told: dict[str, Any] = {"kind": kind, "subject": printable(subject), "observed": printable(observed, 280)}
    both = {"subject": subject, "observed": observed}
    made = {name: each.told for name, each in both.items() if isinstance(each, Said)}
    return {**told, "said": made} if made else told


def capped(notices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return notices, the many of one kind counted."""
    told = []
    for kind in dict.fromkeys(one["kind"] for one in notices):
        same = [one for one in notices if one["kind"] == kind]
        told += same[:_TOLD]
        if len(same) > _TOLD:
            more = said("{number} more", number=len(same) - _TOLD)
            told.append(
                notice(
                    kind, more, said("{number} in all; the last: {last}", number=len(same), last=same[-1]["subject"])
                )
            )
    return told


def remember(name: str, value: Any) -> None:
    """Keep something for the next program of this role; whole or not at all."""
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = RUN / f"{name}.json"
    path.with_suffix(".new").write_text(json.dumps(value))
    path.with_suffix(".new").replace(path)


def recall(name: str) -> Any:
    """Return what an earlier program of this role kept, None if there is nothing."""
    path = RUN / f"{name}.json"
    return json.loads(text_of(path)) if path.exists() else None


def answer(work: Any, request: dict[str, Any]) -> None:
    """Do the work and print its answer as JSON; a failure is one line on standard error."""
    try:
        done = work(request)
        print(json.dumps({**done, "notices": capped(done["notices"])} if "notices" in done else done), flush=True)
    except Failure as failure:
        print(json.dumps({"why": failure.told}), flush=True)
        print(failure, file=sys.stderr)
        sys.exit(_OF_THIS_MACHINE if isinstance(failure, Limit) else 1)
    except OSError as error:
        print(printable(f"postgres: {error}", 400), file=sys.stderr)
        sys.exit(_OF_THIS_MACHINE if error.errno in _LIMITS else 1)
