"""Say how a restored Orthanc is to be started for a drill. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. The
restored configuration stays as it is; one for the drill is written below /run, for its user only, since it holds
passwords. None of them is in the answer.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

if "__file__" in globals():  # run as a file, beside its parts; else they come before it
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from brake import Brake, shown
from code_of import Place
from configuration import Failure, Limit, configuration

RUN = Path("/run/orthanc")
OF_THIS_MACHINE = 3
"""How it ends when the machine that drills lacks something; the backup is not to blame."""
JOBS = 5
"""The global property of an index that holds its jobs."""
REGISTRY_LIMIT = 64 << 20
ADDRESS = re.compile(
    r"[a-z]+://(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?(?P<host>\[[^\]/]*\]|[^:/?]*)"
    r"(?::(?P<port>[0-9]*))?(?:/(?P<dbname>[^?]*))?",
    re.IGNORECASE,
)
WORD = re.compile(r"(\w+)\s*=\s*('(?:\\.|[^'\\])*'|(?:\\.|[^\s\\])*)")
SECTIONS = {"postgresql": ("PostgreSQL", 5432), "mariadb": ("MySQL", 3306)}


def regular(path: Path) -> bool:
    """Return whether a restored file is one itself, and no link or pipe in its place."""
    return path.is_file() and not path.is_symlink()


def require_data(request: dict[str, Any]) -> None:
    """Refuse what Orthanc would start on in silence, and empty."""
    storage, index = Path(request["storage"]), Path(request["index_directory"])
    if not storage.is_dir():
        raise Failure(f"there is no {storage}: is storage right?")
    if request["index"] != "sqlite":
        return
    if not regular(index / "index") or (index / "index").stat().st_size == 0:
        raise Failure(f"there is no index in {index}: Orthanc would start without a single study")
    if request["copied_while_running"] and not (regular(index / "index-wal") or regular(index / "index-journal")):
        raise Failure(
            f"{index}/index was copied from a running Orthanc without index-wal: its newest studies are missing"
        )


def jobs_of(index: Path) -> object:
    """Return the jobs that an SQLite index keeps, None if it cannot be asked: Orthanc may be running on it."""
    log = index.with_name("index-shm")
    made = not log.exists()
    try:
        connection = sqlite3.connect(f"file:{quote(str(index))}?mode=ro", uri=True, timeout=0)
        try:
            sql = "SELECT value FROM GlobalProperties WHERE property = ? AND length(value) < ?"
            row = connection.execute(sql, (JOBS, REGISTRY_LIMIT)).fetchone()
        finally:
            connection.close()
        return json.loads(row[0]) if row else None
    except (sqlite3.Error, ValueError, RecursionError, TypeError):
        return None
    finally:
        if made:
            log.unlink(missing_ok=True)


def fit(settings: dict[str, Any], request: dict[str, Any]) -> None:
    """Lead paths to where things are in the sandbox; TLS only with the keys restored."""
    settings["StorageDirectory"], settings["IndexDirectory"] = request["storage"], request["index_directory"]
    if "TemporaryDirectory" in settings:
        settings["TemporaryDirectory"] = "/tmp"  # noqa: S108 - inside the sandbox, which has a /tmp of its own
    for switch, names in (
        ("SslEnabled", ("SslCertificate",)),
        ("DicomTlsEnabled", ("DicomTlsCertificate", "DicomTlsPrivateKey")),
    ):
        if settings.get(switch) and not all(os.access(str(settings.get(name)), os.R_OK) for name in names):
            settings[switch] = False
    if not os.access(str(settings.get("HttpsCACertificates") or ""), os.R_OK):
        settings.pop("HttpsCACertificates", None)
    for name, key in (("HttpPort", "port"), ("DicomPort", "dicom_port")):
        if request[key]:
            settings[name] = int(request[key])


def database(settings: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return how the index is reached, and write SQL for its account, for a dump that came without roles."""
    if request["index"] == "sqlite":
        return {}
    name, usual = SECTIONS[request["index"]]
    section = settings.get(name)
    if not isinstance(section, dict) or not section.get("EnableIndex"):
        raise Failure(f"the restored configuration has no index in {name}: is index right?")
    said = connection(str(section.get("ConnectionUri") or ""))
    host, user, password, held = (
        said.get(word) or str(section.get(name) or "")
        for word, name in (("host", "Host"), ("user", "Username"), ("password", "Password"), ("dbname", "Database"))
    )
    host = host or "localhost"
    if request["index"] == "mariadb" and (host == "localhost" or section.get("UnixSocket")):
        section["UnixSocket"] = "/data/sockets/mysqld.sock"
    write(RUN / "roles.sql", roles(request["index"], held, user, password))
    port = number(said.get("port") or section.get("Port"), usual)
    return {"host": "127.0.0.1" if host == "localhost" else host, "port": port, "database": held, "user": user}


def connection(text: str) -> dict[str, str]:
    """Return what an address or words of libpq (PostgreSQL 15, 34.1.1) say, whatever the password is made of."""
    found = ADDRESS.match(text)
    if found:
        return {word: unquote(value).strip("[]") for word, value in found.groupdict(default="").items()}
    words = dict(WORD.findall(text))
    return {
        word: re.sub(r"\\(.)", r"\1", value[1:-1] if value.startswith("'") else value) for word, value in words.items()
    }


def number(value: object, usual: int) -> int:
    """Return a port of the restored configuration, the usual one if it says none."""
    if not value:
        return usual
    if not isinstance(value, (int, str)) or not re.fullmatch(r"[0-9]{1,5}", str(value)):
        raise Failure(f"the restored configuration has {shown(value)} for a port")
    return int(value)


def roles(index: str, held: str, user: str, password: str) -> str:
    """Return SQL that makes the account of the configuration."""
    if "\0" in user + password + held or "\n" in user + password + held:
        raise Failure("the restored configuration holds a user or password that is no text")
    if index == "postgresql":
        return "CREATE ROLE \"{}\" LOGIN PASSWORD '{}';\n".format(user.replace('"', '""'), password.replace("'", "''"))
    account, words = user.replace("'", "''"), password.replace("\\", "\\\\").replace("'", "''")
    lines = [f"CREATE DATABASE IF NOT EXISTS `{held.replace('`', '``')}`;"]
    for host in ("127.0.0.1", "localhost", "%"):
        lines += [f"CREATE USER IF NOT EXISTS '{account}'@'{host}' IDENTIFIED BY '{words}';",
                  f"GRANT ALL PRIVILEGES ON `{held.replace('`', '``')}`.* TO '{account}'@'{host}';"]  # fmt: skip
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Write a private file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)


def plan(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the roles for the database and for the daemon need."""
    request["index"] = {"postgres": "postgresql"}.get(request["index"], request["index"])
    require_data(request)
    place = Place(request["software"], request["restored_root"], RUN / "plugins")
    program = next((each / "Orthanc" for each in place.folders() if os.access(each / "Orthanc", os.X_OK)), None)
    if program is None:
        raise Limit("there is no Orthanc in the sandbox: install it where drills run, or declare an image that has it")
    settings = configuration(Path(request["configuration"]))
    brake = Brake(settings)
    brake.take()
    brake.plugins([str(name) for name in request.get("plugins") or []], place)
    if request["index"] == "sqlite":
        brake.jobs(jobs_of(Path(request["index_directory"], "index")))
    fit(settings, request)
    reached = database(settings, request)
    # what looks like a variable by now is none any more, and Orthanc would put one in
    write(RUN / "orthanc.json", json.dumps(settings, indent=1).replace("${", "\\u0024{"))
    tls = bool(settings.get("SslEnabled"))
    http_port = number(settings.get("HttpPort"), 8042)
    # 401: it answers, and wants a password; that is for the verifier to give
    ready: dict[str, Any] = {
        "http": {
            "url": f"http{'s' if tls else ''}://127.0.0.1:{http_port}/system",
            "status": [200, 401],
            "hopeless": [500],
        }
    }
    if settings.get("DicomServerEnabled", True):
        ready["port"] = number(settings.get("DicomPort"), 4242)
    if not settings.get("HttpServerEnabled", True):
        del ready["http"]
    stated = {"braked": brake.found, "index": request["index"], "title": str(settings.get("DicomAet") or "ORTHANC"),
              "port": http_port, "dicom_port": ready.get("port", 0), "tls": "on" if tls else "off"}  # fmt: skip
    return {
        "command": [str(program), str(RUN / "orthanc.json")],
        "ready": ready,
        "database": reached,
        "stated": stated,
        "notices": brake.notices,
    }


def main() -> None:
    """Do what the request says."""
    try:
        print(json.dumps(plan(json.load(sys.stdin))))
    except Limit as limit:
        print(limit, file=sys.stderr)
        sys.exit(OF_THIS_MACHINE)
    except Failure as failure:
        sys.exit(str(failure))
    except (OSError, ValueError) as error:
        sys.exit(f"orthanc: {error}")


if __name__ == "__main__":
    main()
