"""Runs inside a reader cell: opens a copy of a physical backup with a server of its own, for one command.

Arguments: ``{"folder", "settings", "socket"}``, then the command; its standard input and output are the caller's. It
ends as the command does; with 1 and what it says on standard error where there is no server to ask.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

from regular import small_text
from said import Said, told_of

OWN = Path("/tmp/own")  # noqa: S108 - the cell's own
ROOM = 64 << 20
NEEDED = {"innodb_page_size", "innodb_data_file_path", "innodb_undo_tablespaces", "innodb_log_file_size"}
READY_SECONDS = 300


class NoServer(Said):
    """Why there is no server."""


def measure(folder):
    """Return how many bytes a backup has. Raises NoServer for what is neither file nor folder."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            found = os.lstat(os.path.join(place, name))
            if not stat.S_ISREG(found.st_mode):
                raise NoServer("links")
            size += found.st_size
    return size


def said(data):
    """Return what the backup tool noted that the data cannot be opened without. Raises NoServer for encrypted data."""
    path = data / "backup-my.cnf"
    text = small_text(str(path), "latin-1") if os.path.lexists(path) else ""
    if re.search(r"^\s*plugin[-_]load", text, re.MULTILINE):
        raise NoServer("plugin")
    pairs = (re.fullmatch(r"\s*(innodb_[a-z0-9_]+)\s*=\s*([\w.:;-]+)\s*", line) for line in text.splitlines())
    return {pair[1]: pair[2] for pair in pairs if pair and pair[1] in NEEDED}


def copy(folder):
    """Copy the backup and bring it to one instant, once."""
    data, done = OWN / "data", OWN / "copied"
    if done.exists():
        return data, said(data)
    if not (Path(folder) / "mysql").is_dir():
        raise NoServer("no-folder", f"{folder}/mysql")
    size, room = measure(folder), shutil.disk_usage(OWN.parent).free
    if size + ROOM > room * 0.9:
        raise NoServer("too-large", size, room)
    shutil.rmtree(OWN, ignore_errors=True)
    (OWN / "none").mkdir(parents=True)
    shutil.copytree(folder, data, copy_function=shutil.copyfile)
    for place, names, files in os.walk(data):
        for name in (*names, *files):
            os.chmod(os.path.join(place, name), 0o700)
    needed = said(data)
    lines = "".join(f"{name}={value}\n" for name, value in needed.items())
    (data / "backup-my.cnf").write_text("[mariadbd]\n" + lines)
    kind = data / "xtrabackup_checkpoints"
    kind = kind if kind.exists() else data / "mariadb_backup_checkpoints"
    found = re.search(r"^backup_type = (\S+)", small_text(str(kind)), re.MULTILINE) if kind.exists() else None
    if found and found[1] == "full-backuped":
        words = ["mariadb-backup", "--no-defaults", "--prepare", "--use-memory=64M", f"--target-dir={data}"]
        ended = subprocess.run([*words, "--innodb-use-native-aio=0"], capture_output=True, check=False)
        if ended.returncode:
            raise NoServer("not-prepared", ended.returncode)
    elif found and found[1] not in {"full-prepared", "log-applied"}:
        raise NoServer("kind", found[1])
    done.touch()
    return data, needed


def serve(request):
    """Return the server, ready."""
    data, needed = copy(request["folder"])
    settings = {**needed, **request["settings"]}
    words = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={request['socket']}", f"--tmpdir={OWN}"]
    words += ["--skip-grant-tables", "--skip-networking", "--skip-log-bin", "--skip-slave-start", "--local-infile=0"]
    words += [f"--plugin-dir={OWN}/none", f"--secure-file-priv={OWN}/none", f"--pid-file={OWN}/pid"]
    words += ["--innodb-use-native-aio=0", "--innodb-buffer-pool-size=64M", "--innodb-flush-method=nosync"]
    words += ["--myisam-recover-options=OFF", "--aria-recover-options=OFF", "--default-time-zone=+00:00"]
    words += [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    with open(OWN / "log", "ab") as log:
        server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    asked = ["mariadb-admin", "--no-defaults", f"--socket={request['socket']}", "--user=root", "ping"]
    end = time.monotonic() + READY_SECONDS
    while subprocess.run(asked, capture_output=True, check=False).returncode:
        if server.poll() is not None or time.monotonic() > end:
            server.kill()
            tail = (OWN / "log").read_text("utf-8", "replace").splitlines()
            bad = [line for line in tail if "[ERROR]" in line][:1] or tail[-1:]
            raise NoServer("not-opened", " ".join(bad)[:200])
        time.sleep(0.05)
    return server


def main():
    """Run the command."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin"
    try:
        server = serve(json.loads(sys.argv[1]))
    except (NoServer, OSError, ValueError) as error:
        sys.exit(f"drp says {json.dumps(told_of(error))}")
    try:
        code = subprocess.run(sys.argv[2:], check=False).returncode
    finally:
        server.terminate()
        server.wait()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
