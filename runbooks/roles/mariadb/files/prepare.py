"""Make a restored MariaDB fit to be started. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. It
writes the drill's settings, lets the backup tool bring a physical backup to one instant, or makes an empty server.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

if "__file__" in globals():  # run as a file, beside its parts; else they come before it
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import entrance
import production
from client import LOADED, RUN, SOCKET, SOCKETS, Failure, Limit, Notices, restored, run, shown, tool
from entrance import write

USUAL_SOCKET = Path("/run/mysqld/mysqld.sock")
INFO_LIMIT = 1 << 20
DRILL = {
    "innodb_buffer_pool_size": "64M",
    "innodb_use_native_aio": "0",
    "performance_schema": "0",
    "secure_file_priv": str(RUN / "files"),  # what is loaded writes no file, and reads none
    "tmpdir": "/tmp",  # noqa: S108 - inside the sandbox, which has a /tmp of its own
}
BRAKE = {
    "event_scheduler": "OFF",  # and not DISABLED: an event in a dump or a log could not be made
    "skip_slave_start": "1",
    "skip_log_bin": "1",
    "general_log": "0",
    "slow_query_log": "0",
    "loose_feedback": "OFF",
    "loose_server_audit_logging": "OFF",
}
JUDGE = {name: production.IN_THE_DRILL[name] for name in
         ("default_time_zone", "myisam_recover_options", "aria_recover_options")}  # fmt: skip
"""Nothing is repaired in silence: what had to be would look sound afterwards, with rows missing."""
NEEDED = {
    "innodb_page_size",
    "innodb_data_file_path",
    "innodb_undo_tablespaces",
    "innodb_log_file_size",
    "innodb_compression_level",
    "innodb_compression_algorithm",
}
"""What the data cannot be read without. Everything else that a backup brings could steer the drill."""
INFO = ("xtrabackup_{}", "mariadb_backup_{}")


def info(base: Path, name: str) -> str:
    """Return a file that the backup tool left beside the data, under either of its names."""
    for pattern in INFO:
        path = base / pattern.format(name)
        if os.path.lexists(path):
            return text(path)
    return ""


def text(path: Path) -> str:
    """Return a small restored file."""
    with restored(path) as stream:
        return stream.read(INFO_LIMIT).decode("utf-8", "replace")


def release(said: str) -> tuple[int, int]:
    """Return the release series in a text, (0, 0) if there is none."""
    found = re.search(r"(\d+)\.(\d+)\.\d+", said)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Write the drill's settings and make the data directory fit to be started."""
    data = Path(request["data"])
    for folder in (RUN, RUN / "files", USUAL_SOCKET.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    SOCKETS.mkdir(mode=0o755, exist_ok=True)
    if not USUAL_SOCKET.is_symlink():
        USUAL_SOCKET.symlink_to(SOCKET)  # where client programs look
    here = release(tool(["mariadbd", "--no-defaults", "--version"], "the server").stdout.decode())
    notices = Notices()
    answer: dict[str, Any] = {"version": ".".join(map(str, here)), "changed": False}
    position = info(data, "binlog_info").split()
    if len(position) > 1 and position[1].isdigit():
        answer["position"] = [position[0], int(position[1])]
        answer["gtid"] = " ".join(position[2:])[:1000]
    if request["dumps"]:
        if not LOADED.exists():
            answer["changed"] = empty_server(data)
    elif not (data / "mysql").is_dir():
        raise Failure("there is no {data}/mysql: is data_directory the folder of a physical backup?", data=data)
    else:
        came_from = release("\n".join(re.findall(r"server_version = .*", info(data, "info"))))
        if came_from > here:
            series = ".".join(map(str, came_from))
            raise Limit(
                "the backup came from MariaDB {series}, and {version} is installed here",
                series=series,
                version=answer["version"],
            )
        answer["changed"] = prepare_physical(data, keys_of(data, request["settings"]))
    if request.get("configuration"):
        production.tell(Path(request["configuration"]), notices)
    settings = {**DRILL, **essentials(data, notices), **declared(request["settings"], notices)}
    settings.update(datadir=str(data), socket=str(SOCKET), port=str(request["port"]), pid_file=str(RUN / "pid"),
                    bind_address=",".join(dict.fromkeys(["127.0.0.1", *request["addresses"]])),
                    init_file=str(RUN / "init.sql"))  # fmt: skip
    ours = [*((name, value) for name, value in settings.items() if name not in {**JUDGE, **BRAKE}),
            *JUDGE.items(), *BRAKE.items()]  # fmt: skip
    write(RUN / "server.cnf", "[mariadbd]\n" + "".join(f"{name}={value}\n" for name, value in ours))
    extra = text(Path(request["roles_file"])) if request["roles_file"] and request["dumps"] else ""
    open_to = frozenset(map(str, request["network_administrators"])) if request["addresses"] else None
    write(RUN / "init.sql", entrance.statements(data, open_to) + extra)
    write(RUN / "client.cnf", f"[client]\nsocket={SOCKET}\n")
    entrance.leave_key()
    answer["notices"] = notices.told()
    return answer


def declared(settings: dict[str, Any], notices: Notices) -> dict[str, str]:
    """Return what the application's file says of the server, without what the drill must decide itself."""
    said = {production.normal(str(name)): str(value) for name, value in settings.items()}
    if broken := next((name for name, value in said.items() if "\n" in name + value), None):
        raise Failure("the setting {setting} has more than one line", setting=broken)
    judged = {name: said[name] for name in said if name in JUDGE}
    production.overrule(judged, "the application's file has {theirs}, the drill {ours}", notices)
    return said


def essentials(data: Path, notices: Notices) -> dict[str, str]:
    """Return the settings without which the data cannot be read, as the backup tool noted them."""
    path = data / "backup-my.cnf"
    lines = text(path).splitlines() if os.path.lexists(path) else []
    pairs = (re.fullmatch(r"(innodb_[a-z0-9_]+)\s*=\s*([\w.:;-]+)", line.strip()) for line in lines)
    said = {found.group(1): found.group(2) for found in pairs if found}
    production.overrule(said, "backup-my.cnf has {theirs}, the drill {ours}", notices)
    return {name: value for name, value in said.items() if name in NEEDED}


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
    tool(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=socket",
          f"--auth-root-socket-user={entrance.who()}", "--skip-test-db", "--innodb-use-native-aio=0"],
         "an empty server could not be made")  # fmt: skip
    return True


def keys_of(data: Path, settings: dict[str, Any]) -> str:
    """Return how encrypted pages are read: by the plugin that the backup names, with keys where the plan says."""
    path = data / "backup-my.cnf"
    lines = text(path).splitlines() if os.path.lexists(path) else []
    kept = [line for line in lines if re.fullmatch(r"plugin_load=\w+_key_management(=\w+)?", line)]
    kept += [line for line in lines if re.fullmatch(r"\w+_key_management_\w+=\S+", line)]
    said = {production.normal(str(name)): str(value) for name, value in settings.items()}
    kept += [f"{name}={value}" for name, value in said.items() if "_key_management_" in name and "\n" not in value]
    if not kept:
        return ""
    shown = tool(["mariadbd", "--no-defaults", "--verbose", "--help"], "the server").stdout.decode("utf-8", "replace")
    place = re.search(r"^plugin-dir\s+(\S+)", shown, re.MULTILINE)
    kept += [f"plugin_dir={place[1]}"] if place else []
    return "".join(f"{line}\n" for line in kept)


def prepare_physical(data: Path, keys: str) -> bool:
    """Bring the files of a physical backup to one instant, by the tool that copied them."""
    kind = re.search(r"^backup_type = (\S+)", info(data, "checkpoints"), re.MULTILINE)
    if kind is None or kind.group(1) in {"full-prepared", "log-applied"} or LOADED.exists():
        return False  # a copy of a stopped server, or prepared already
    if kind.group(1) != "full-backuped":
        raise Failure(
            "the backup is {kind}: apply incremental backups to their base before they are backed up",
            kind=kind.group(1),
        )
    for place, _, names in os.walk(data):
        if pipe := next((name for name in names if stat.S_ISFIFO(os.lstat(os.path.join(place, name)).st_mode)), None):
            raise Failure(
                "{pipe} in the physical backup is a pipe, on which its tool would wait for ever", pipe=shown(pipe)
            )
    settings = {**essentials(data, Notices()), "innodb_undo_directory": "./"}
    options = RUN / "prepare.cnf"
    write(options, "[mariadbd]\n" + "".join(f"{name}={value}\n" for name, value in settings.items()) + keys)
    words = [
        "mariadb-backup",
        f"--defaults-file={options}" if keys else "--no-defaults",
        "--prepare",
        "--use-memory=64M",
        f"--target-dir={data}",
    ]
    tool([*words, "--innodb-use-native-aio=0"], "the physical backup could not be prepared")
    return True


if __name__ == "__main__":
    run(lambda: print(json.dumps(prepare(json.load(sys.stdin)))))
