"""Say how a restored GNU Health (Tryton) is to be started for a drill. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. The
restored trytond.conf stays as it is; one for the drill is written below /run, for its user only, since it holds a
password, and without what would have trytond run code of the backup. No password is in the answer.
"""

from __future__ import annotations

import configparser
import errno
import hashlib
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
SOCKETS = ("/data/sockets", "/run")
SHOWN = 120
NAMED = 10
MOST_FOLDERS = 200_000
ACTS = (
    ("cron", "SELECT replace(method, '|', '.') FROM ir_cron WHERE active ORDER BY 1", "runs by its schedule"),
    ("queue", "SELECT DISTINCT name FROM ir_queue WHERE finished_at IS NULL ORDER BY 1", "waits for a worker"),
)
"""What the data itself says that the application does without being asked."""
CONFIGURATION = Path("/run/gnuhealth/trytond.conf")
MIDDLEWARE = "wsgi middleware"
"""trytond lays what it names around itself, and evaluates ``args`` and ``kwargs`` of ``wsgi NAME`` as Python."""
FLAGS = ["-I", "--check-hash-based-pycs", "never"]
"""No module from the working directory, the environment or the user's own folders comes before the software's. What is
read-only was compared with its digest: its byte code need not be compared with its source again."""


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
    return [str(python), *FLAGS, str(script)]


def listens(restored: configparser.ConfigParser, request: dict[str, Any]) -> tuple[str, int]:
    """Return where the application listens: as in production, unless the drill says otherwise."""
    said = restored.get("web", "listen", fallback="localhost:8000").partition(",")[0].strip()
    host, _, port = said.rpartition(":")
    host, port = request["address"] or host.strip("[]").replace("*", ""), str(request["port"] or port)
    if not port.isdigit():
        raise Failure(f"[web] listen is {said!r}: it must be an address and a port")
    return host or "0.0.0.0", int(port)  # noqa: S104 - where production listens


def fit(restored: configparser.ConfigParser, request: dict[str, Any]) -> str:
    """Make the restored configuration fit the drill; returns whether connections are encrypted."""
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
    for name, pairs in sections.items():
        if not restored.has_section(name):
            restored.add_section(name)
        for key, value in pairs.items():
            restored.set(name, key, value)
    return tls


def without_code(restored: configparser.ConfigParser) -> list[tuple[str, str]]:
    """Take out what would run code that the configuration names or holds; returns what it was."""
    named = restored.options(MIDDLEWARE) if restored.has_section(MIDDLEWARE) else []
    for section in [each for each in restored.sections() if each.startswith("wsgi ")]:
        restored.remove_section(section)
    return [(f"{MIDDLEWARE} {name}", "is code around the application, as its configuration says") for name in named]


def write(restored: configparser.ConfigParser) -> None:
    """Write the configuration of the drill, for this user only."""
    CONFIGURATION.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    CONFIGURATION.unlink(missing_ok=True)
    with os.fdopen(os.open(CONFIGURATION, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        restored.write(stream)


def modules(folder: Path, most: int = MOST_FOLDERS) -> dict[str, list[Path]]:
    """Return the folders that are modules of Tryton, by name; no more folders than that are looked into."""
    found: dict[str, list[Path]] = {}
    for number, (place, folders, names) in enumerate(os.walk(folder)):
        if "tryton.cfg" in names:
            found.setdefault(os.path.basename(place), []).append(Path(place))
            folders.clear()
        if number > most:
            break
    return found


def digest(module: Path) -> str:
    """Return a digest of all code of a module, without the byte code that is made of it."""
    total = hashlib.sha256()
    for place, folders, names in os.walk(module):
        folders.sort()
        for path in [Path(place, name) for name in sorted(names) if not name.endswith(".pyc")]:
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b"link"
            total.update(f"{path.relative_to(module)}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return total.hexdigest()


def other_modules(software: str, root: str) -> list[tuple[str, str]]:
    """Return the modules of the backup that are not those which are loaded, with what is the matter."""
    restored, loaded = modules(Path(root)), modules(Path(software))
    if os.path.realpath(software).startswith(os.path.realpath(root) + "/"):
        return [(name, f"lies {len(places)} times in the backup") for name, places in restored.items() if places[1:]]
    same = {name: {digest(place) for place in loaded.get(name, [])} for name in restored}
    told = []
    for name, places in sorted(restored.items()):
        if not same[name]:
            told.append((name, "lies in the backup alone, and is not loaded"))
        elif any(digest(place) not in same[name] for place in places):
            told.append((name, "is another one in the backup than in the software, which is loaded"))
    return told


def plan(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the service role needs."""
    path = Path(request["configuration"])
    restored = settings(path)
    host, port = listens(restored, request)
    database, notices = request["database"], held_back(restored, request["database"])
    tls = fit(restored, request)
    other = other_modules(request["software"], request["restored_root"])
    more = [(f"{len(other) - NAMED} more", "are others")] if len(other) > NAMED else []
    notices += [{"kind": "overridden", "subject": shown(f"module {name}"), "observed": why,
                 "said": {"subject": {"message": "module {name}", "values": {"name": shown(name)}}}}
                for name, why in [*other[:NAMED], *more]]  # fmt: skip
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
    command = [*program(request["software"]), "-c", str(CONFIGURATION), "-d", database]
    write(restored)
    return {
        "command": command,
        "overlays": {},
        "ready": {"http": http},
        "stated": {
            "listens": f"{host}:{port}",
            "tls": tls,
            "software": request["software"],
            "braked": sorted({each["subject"].partition(" ")[0] for each in notices if each["kind"] == "held-back"}),
        },
        "notices": notices,
    }


def held_back(restored: configparser.ConfigParser, database: str) -> list[dict[str, Any]]:
    """Return what production did by itself and the drill does not: its schedule, its queue, its mail, its bus.

    Code that the configuration would run is taken out of it.
    """
    found: list[tuple[Any, ...]] = [*without_code(restored)]
    uri = restored.get("email", "uri", fallback="")
    if uri:
        place = f"{uri.partition(':')[0]}://{host_of(uri)}"
        found.append(("email", f"goes to {place}", {"message": "goes to {place}", "values": {"place": shown(place)}}))
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
    return [
        {
            "kind": "held-back",
            "subject": shown(subject),
            "observed": shown(does),
            **({"said": {"observed": said[0]}} if said else {}),
        }
        for subject, does, *said in found
    ]


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


def sockets(port: int) -> str:
    """Return the folder of the server's socket."""
    return next((each for each in SOCKETS if os.path.exists(f"{each}/.s.PGSQL.{port}")), SOCKETS[-1])


def asked(query: str, database: str, port: int) -> list[str] | None:
    """Return the answer of the restored database, one value a line; None: it gives none."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"), key=version)
    words = [str(programs[-1]) if programs else "psql", "-XAtq", "-h", sockets(port), "-p", str(port)]
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
