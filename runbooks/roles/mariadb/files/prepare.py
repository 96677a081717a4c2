"""Make a restored MariaDB fit to be started. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. It
writes the drill's settings, lets the backup tool bring a physical backup to one instant, or makes an empty server.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RUN = Path("/run/drp-mariadb")
SOCKET = RUN / "mariadb.sock"
USUAL_SOCKET = Path("/run/mysqld/mysqld.sock")
DRILL = {
    "innodb_buffer_pool_size": "64M",
    "innodb_use_native_aio": "0",
    "performance_schema": "0",
    "tmpdir": "/tmp",  # noqa: S108 - inside the sandbox, which has a /tmp of its own
}
BRAKE = {
    "event_scheduler": "DISABLED",
    "skip_slave_start": "1",
    "skip_log_bin": "1",
    "general_log": "0",
    "slow_query_log": "0",
}
INFO = ("xtrabackup_{}", "mariadb_backup_{}")


class Failure(Exception):
    """What to tell, in one line."""


def tool(words: Sequence[str], what: str, **arguments: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; a bad one is a failure with its first complaint."""
    try:
        done = subprocess.run(words, capture_output=True, check=False, **arguments)
    except OSError:
        raise Failure(f"there is no program {words[0]} where drills run: install MariaDB's packages") from None
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


def info(base: Path, name: str) -> str:
    """Return a file that the backup tool left beside the data, under either of its names."""
    for pattern in INFO:
        path = base / pattern.format(name)
        if path.is_file():
            return path.read_text(errors="replace")
    return ""


def release(text: str) -> tuple[int, int]:
    """Return the release series in a text, (0, 0) if there is none."""
    found = re.search(r"(\d+)\.(\d+)\.\d+", text)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Write the drill's settings and make the data directory fit to be started."""
    data = Path(request["data"])
    for folder in (RUN, USUAL_SOCKET.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not USUAL_SOCKET.is_symlink():
        USUAL_SOCKET.symlink_to(SOCKET)  # where client programs look
    here = release(tool(["mariadbd", "--no-defaults", "--version"], "the server").stdout.decode())
    answer: dict[str, Any] = {"version": ".".join(map(str, here)), "changed": False, "braked": sorted(BRAKE)}
    position = info(data, "binlog_info").split()
    if len(position) > 1 and position[1].isdigit():
        answer["position"] = [position[0], int(position[1])]
    settings = {**DRILL, **essentials(data)}
    if request["dumps"]:
        if not (data / "drp-loaded").exists():
            answer["changed"] = empty_server(data)
    elif not (data / "mysql").is_dir():
        raise Failure(f"there is no {data}/mysql: is data_directory the folder of a physical backup?")
    else:
        came_from = release("\n".join(re.findall(r"server_version = .*", info(data, "info"))))
        if came_from > here:
            series = ".".join(map(str, came_from))
            raise Failure(f"the backup came from MariaDB {series}, and {answer['version']} is installed here")
        answer["changed"] = prepare_physical(data)
    settings.update({str(name): str(value) for name, value in request["settings"].items()})
    listen = ",".join(dict.fromkeys(["127.0.0.1", *request["addresses"]]))
    settings.update(BRAKE, datadir=str(data), socket=str(SOCKET), port=str(request["port"]), bind_address=listen,
                    pid_file=str(RUN / "pid"), init_file=str(RUN / "init.sql"))  # fmt: skip
    write(RUN / "server.cnf", "[mariadbd]\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))
    extra = Path(request["roles_file"]).read_text() if request["roles_file"] and request["dumps"] else ""
    write(RUN / "init.sql", entrance() + extra)
    write(RUN / "client.cnf", f"[client]\nsocket={SOCKET}\n")
    return answer


def essentials(data: Path) -> dict[str, str]:
    """Return the settings without which the data cannot be read, as the backup tool noted them."""
    path = data / "backup-my.cnf"
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    pairs = (re.fullmatch(r"(innodb_(?!.*(?:dir|home))[a-z0-9_]+)\s*=\s*([\w.:;-]+)", line.strip()) for line in lines)
    return {found.group(1): found.group(2) for found in pairs if found}


def entrance() -> str:
    """Return SQL that lets whoever runs the drill in by the socket, without a password and without touching one."""
    user = pwd.getpwuid(os.getuid()).pw_name
    return (
        f"CREATE OR REPLACE USER `{user}`@localhost IDENTIFIED VIA unix_socket;\n"
        f"GRANT ALL PRIVILEGES ON *.* TO `{user}`@localhost WITH GRANT OPTION;\n"
    )


def write(path: Path, text: str) -> None:
    """Write a private file."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)


def end_running(data: Path) -> None:
    """End a server that an earlier start left on this data directory, and wait until it has gone."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((RUN / "pid").read_text())
        while os.readlink(f"/proc/{pid}/cwd") == str(data):
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def empty_server(data: Path) -> bool:
    """Make an empty server for a dump, anew if an earlier load was cut off."""
    end_running(data)
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, parents=True)
    tool(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
          "--skip-test-db", "--innodb-use-native-aio=0"], "an empty server could not be made")  # fmt: skip
    return True


def prepare_physical(data: Path) -> bool:
    """Bring the files of a physical backup to one instant, by the tool that copied them."""
    kind = re.search(r"^backup_type = (\S+)", info(data, "checkpoints"), re.MULTILINE)
    if kind is None or kind.group(1) in {"full-prepared", "log-applied"} or (data / "drp-loaded").exists():
        return False  # a copy of a stopped server, or prepared already
    if kind.group(1) != "full-backuped":
        raise Failure(
            f"the backup is {kind.group(1)}: apply incremental backups to their base before they are backed up"
        )
    words = ["mariadb-backup", "--no-defaults", "--prepare", "--use-memory=64M", f"--target-dir={data}"]
    tool([*words, "--innodb-use-native-aio=0"], "the physical backup could not be prepared")
    return True


def main() -> None:
    """Do what the request says."""
    request = json.load(sys.stdin)
    try:
        print(json.dumps(prepare(request)))
    except Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"mariadb: {error}")


if __name__ == "__main__":
    main()
