"""Say how a restored GNU Health (Tryton) is to be started for a drill. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. The
restored trytond.conf stays as it is; what a drill needs otherwise is given to trytond as a second file. No password is
in the answer.
"""

from __future__ import annotations

import configparser
import errno
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

LONGEST = 1 << 20
SECONDS = 60
SHOWN = 120
NAMED = 10
ACTS = (
    ("cron", "SELECT replace(method, '|', '.') FROM ir_cron WHERE active ORDER BY 1", "runs by its schedule"),
    ("queue", "SELECT DISTINCT name FROM ir_queue WHERE finished_at IS NULL ORDER BY 1", "waits for a worker"),
)
"""What the data itself says that the application does without being asked."""
OVERLAY = "/run/gnuhealth/local.conf"


class Failure(Exception):
    """What to tell, in one line."""


def small(path: Path) -> bytes:
    """Return a restored file that must be a small one: no pipe, no device, and never waiting. Raises OSError."""
    real = os.path.realpath(path)  # links are usual among configuration files; what they lead to is looked at
    handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        content = stream.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise OSError(errno.EFBIG, f"is longer than {LONGEST} bytes", str(path))
    return content


def settings(path: Path) -> configparser.ConfigParser:
    """Return the restored configuration. What is wrong with it is told without its text: it holds a password."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(small(path).decode("utf-8"))
    except FileNotFoundError:
        raise Failure(f"there is no {path}: is configuration right?") from None
    except OSError as error:
        raise Failure(f"{path} is no configuration of trytond: it {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Failure(f"{path} is no configuration of trytond: {type(error).__name__}") from None
    if not parser.get("database", "uri", fallback=""):
        raise Failure(f"{path} names no database: [database] uri is missing")
    return parser


def program(software: str) -> list[str]:
    """Return the words that run trytond, wherever it is bound: the first lines of its scripts name another place."""
    python, script = Path(software, "bin/python"), Path(software, "bin/trytond")
    if not script.is_file():
        raise Failure(f"there is no {script}: software comes from the backup or from a declared image")
    if not os.access(python, os.X_OK):
        raise Failure(f"{python} leads to {os.path.realpath(python)}, which is not in the sandbox")
    # what is read-only was compared with its digest: its byte code need not be compared with its source again
    return [str(python), "--check-hash-based-pycs", "never", str(script)]


def listens(restored: configparser.ConfigParser, request: dict[str, Any]) -> tuple[str, int]:
    """Return where the application listens: as in production, unless the drill says otherwise."""
    said = restored.get("web", "listen", fallback="localhost:8000").partition(",")[0].strip()
    host, _, port = said.rpartition(":")
    host, port = request["address"] or host.strip("[]").replace("*", ""), str(request["port"] or port)
    if not port.isdigit():
        raise Failure(f"[web] listen is {said!r}: it must be an address and a port")
    return host or "0.0.0.0", int(port)  # noqa: S104 - where production listens


def overlay(restored: configparser.ConfigParser, request: dict[str, Any]) -> tuple[str, str]:
    """Return the drill's own configuration, and whether connections are encrypted."""
    sections = {"database": {"list": "True"}, "email": {"uri": ""}, "bus": {"allow_subscribe": "False"}}
    if request["attachments"]:
        if not Path(request["attachments"]).is_dir():
            raise Failure(f"there is no {request['attachments']}: is attachments right?")
        sections["database"]["path"] = request["attachments"]
    host, port = listens(restored, request)
    sections["web"] = {"listen": f"{f'[{host}]' if ':' in host else host}:{port}"}
    files = [restored.get("ssl", name, fallback="") for name in ("certificate", "privatekey")]
    tls = "on" if any(files) else "off"
    if any(files) and not all(os.access(file, os.R_OK) for file in files):
        tls = "off"
        sections["ssl"] = {"certificate": "", "privatekey": ""}
    text = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in pairs.items()) + "\n"
        for name, pairs in sections.items()
    )
    return text, tls


def plan(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the service role needs."""
    path = Path(request["configuration"])
    restored = settings(path)
    text, tls = overlay(restored, request)
    host, port = listens(restored, request)
    database, notices = request["database"], held_back(restored, request["database"])
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", database):
        raise Failure(f"{database!r} cannot be the name of a database")
    reached = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared
    reached = f"[{reached}]" if ":" in reached else reached
    http = {
        "url": f"{'https' if tls == 'on' else 'http'}://{reached}:{port}/",
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"id": 1, "method": "common.db.list", "params": []}),
        "matches": f'"{re.escape(database)}"',
        # the database is up, and loaded before the port opens: what is refused or not listed now never will be
        "refused": f'"error"|^(?!.*"{re.escape(database)}")',
        "hopeless": [500],
    }
    return {
        "command": [*program(request["software"]), "-c", str(path), OVERLAY, "-d", database],
        "overlays": {OVERLAY: text},
        "ready": {"http": http},
        "stated": {
            "listens": f"{host}:{port}",
            "tls": tls,
            "software": request["software"],
            "braked": sorted({each["subject"].partition(" ")[0] for each in notices}),
        },
        "notices": notices,
    }


def held_back(restored: configparser.ConfigParser, database: str) -> list[dict[str, str]]:
    """Return what production did by itself and the drill does not: its schedule, its queue, its mail, its bus."""
    found = []
    uri = restored.get("email", "uri", fallback="")
    if uri:
        found.append(("email", f"goes to {uri.partition(':')[0]}://{host_of(uri)}"))
    if restored.has_section("bus"):
        found.append(("bus", "tells subscribers what changes"))
    port = port_of(restored.get("database", "uri", fallback=""))
    for kind, query, does in ACTS:
        names = asked(query, database, port)
        if names is None:
            found.append((kind, "could not be asked for; nothing of it is run"))
            continue
        more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
        found += [(f"{kind} {name}", does) for name in [*names[:NAMED], *more]]
    return [{"kind": "held-back", "subject": shown(subject), "observed": shown(does)} for subject, does in found]


def host_of(uri: str) -> str:
    """Return the host of an address, whatever its password is made of: nothing of that may be told."""
    place = uri.partition("://")[2].rpartition("@")[2]
    named = re.match(r"\[[0-9A-Fa-f:.]+\]|[\w.-]+", place)
    return named[0] if named else "localhost"


def port_of(uri: str) -> int:
    """Return the port of an address, PostgreSQL's if it says none."""
    place = uri.partition("://")[2].rpartition("@")[2]
    named = re.match(r"(?:\[[^\]/]*\]|[^/?#:]*):([0-9]{1,5})(?![0-9])", place)
    return int(named[1]) if named else 5432


def version(program: Path) -> float:
    """Return of which version a program is, by its folder."""
    digits = re.match(r"[0-9]+(?:\.[0-9]+)?", program.parts[4])
    return float(digits[0]) if digits else 0


def asked(query: str, database: str, port: int) -> list[str] | None:
    """Return the answer of the restored database, one value a line; None: it gives none."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"), key=version)
    words = [str(programs[-1]) if programs else "psql", "-XAtq", "-h", "/run", "-p", str(port)]
    words += ["-U", "postgres", "-d", database, "-c", query]
    try:
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else None


def shown(text: str) -> str:
    """Return restored text bounded, and without anything that a terminal would act on."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)[:SHOWN]


def main() -> None:
    """Do what the request says."""
    try:
        print(json.dumps(plan(json.load(sys.stdin))))
    except Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"gnuhealth: {error}")


if __name__ == "__main__":
    main()
