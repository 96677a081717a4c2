"""Load dump and binary log into a running MariaDB, once. Reads a request as JSON, answers as JSON.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp. The
binary log goes on where the backup ends, to its own end or to an instant. A gap, a file that breaks off and an instant
that it does not reach are named before anything is carried out.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any, cast

RUN = Path("/run/drp-mariadb")
CLIENT = ["mariadb", f"--defaults-file={RUN}/client.cnf", "--batch", "--skip-column-names"]
MAGIC = b"\xfebin"
QUERY, XID, GTID, ENCRYPTED = 2, 16, 162, 164
HEADER = struct.Struct("<IBIIIH")


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


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Load the dump and replay the binary log, once."""
    data = Path(request["data"])
    marker, begun = data / "drp-loaded", data / "drp-loading"
    if marker.exists():
        return {"changed": False}
    if begun.exists():
        raise Failure("the binary log was replayed in part, by a start that was cut off: restore again")
    answer: dict[str, Any] = {"changed": bool(request["dumps"] or request["binlog"])}
    position = request["position"]
    if request["dumps"]:
        position, answer["databases"] = load_dumps(Path(request["dumps"]))
    if request["target"] and not request["binlog"]:
        raise Failure(f"{request['target']} cannot be reached: without a binary log the backup holds one instant")
    if request["binlog"]:
        log = BinaryLog(Path(request["binlog"]), position)
        stop = log.until(request["target"])
        begun.touch()
        log.replay(stop)
        answer["replayed"] = [path.name for path in log.files]
        if log.newest is not None:
            answer["stopped_before" if stop else "newest_transaction"] = (stop or log.newest).isoformat()
        begun.unlink()
    marker.touch()
    return answer


def load_dumps(folder: Path) -> tuple[list[Any] | None, list[str]]:
    """Load every dump of a folder; returns where the binary log goes on, if a dump says so, and the databases."""
    dumps = (
        sorted(path for path in folder.glob("*") if path.name.endswith((".sql", ".sql.gz"))) if folder.is_dir() else []
    )
    if not dumps:
        raise Failure(f"there is no dump in {folder}: *.sql or *.sql.gz")
    position, databases = None, []
    for path in dumps:
        head = complete(path)
        named = re.search(r"^-- Host: .*\bDatabase: (\S*)", head, re.MULTILINE)
        database = named.group(1) if named and named.group(1) else path.name.partition(".")[0]
        said = re.search(r"CHANGE MASTER TO MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)", head)
        position = [said.group(1), int(said.group(2))] if said else position
        quoted = database.replace("`", "``")
        tool([*CLIENT, f"--execute=CREATE DATABASE IF NOT EXISTS `{quoted}`"], "the database could not be made")
        with opened(path) as stream:  # a dump may bring accounts of its own: the drill is let in again
            done = feed([*CLIENT, database], stream, b"\nFLUSH PRIVILEGES;\n" + (RUN / "init.sql").read_bytes())
        require(*done, f"the dump {path.name} could not be loaded: mariadb")
        databases.append(database)
    return position, databases


def opened(path: Path) -> IO[bytes]:
    """Open a dump, compressed or not."""
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def complete(path: Path) -> str:
    """Return the head of a dump that was written to its end; one that breaks off looks fine to who loads it."""
    try:
        with opened(path) as stream:
            head = tail = stream.read(1 << 16)
            while chunk := stream.read(1 << 20):
                tail = (tail + chunk)[-4096:]
    except (OSError, EOFError, zlib.error) as error:
        raise Failure(f"the dump {path.name} is damaged: {error}") from None
    if b"-- Dump completed" not in tail[-4096:]:
        raise Failure(f"the dump {path.name} breaks off: it lacks its last line, -- Dump completed")
    return head.decode("utf-8", "replace")


def feed(words: Sequence[str], source: IO[bytes], end: bytes = b"") -> tuple[int, bytes]:
    """Feed a client to its end; returns how it ended and what it said."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
        assert client.stdin
        assert client.stderr
        try:
            shutil.copyfileobj(source, client.stdin, 1 << 20)
            client.stdin.write(end)
            client.stdin.close()
        except BrokenPipeError:
            pass  # it says why it ended
        said = client.stderr.read()
    return client.returncode, said


class BinaryLog:
    """The files of a binary log from where a backup ends, looked through before anything of them is carried out."""

    def __init__(self, folder: Path, position: list[Any] | None) -> None:
        if position is None:
            raise Failure(
                "the backup does not say where its binary log goes on: neither xtrabackup_binlog_info nor --master-data"
            )
        name, self.start = position
        stem, _, number = name.rpartition(".")
        found = {int(path.suffix[1:]): path for path in folder.glob(f"{stem}.*") if path.suffix[1:].isdigit()}
        numbers = sorted(each for each in found if each >= int(number))
        if not numbers or numbers[0] != int(number):
            raise Failure(f"{name}, with which the binary log goes on, is not in {folder}")
        missing = set(range(numbers[0], numbers[-1] + 1)) - set(numbers)
        if missing:
            raise Failure(f"the binary log has a gap: {stem}.{min(missing):06} is missing")
        self.files = [found[each] for each in numbers]
        self.newest: datetime | None = None
        self.base: datetime | None = None
        self.end = 0
        for path in self.files:
            self._look(path)

    def _look(self, path: Path) -> None:
        """Note the newest commit, that of the backup itself, and where the last whole event ends."""
        size = path.stat().st_size
        self.end = 4
        for at, kind, end in events(path):
            if end > size:
                if path != self.files[-1]:
                    raise Failure(f"{path.name} is cut off at {self.end}, and more follows it")
                break
            self.end = end
            if kind in {QUERY, XID, GTID}:
                self.newest = instant(at) if self.newest is None else max(self.newest, instant(at))
                if path == self.files[0] and end <= self.start:
                    self.base = instant(at)
            if kind == ENCRYPTED:
                raise Failure(f"{path.name} is encrypted, and its key is not here")
        if path == self.files[0] and self.end < self.start:
            raise Failure(f"{path.name} ends at {self.end}, before {self.start} where the backup ends")

    def until(self, target: str) -> datetime | None:
        """Return the second before which to stop, so that nothing younger comes back. Events know no fractions."""
        if not target:
            return None
        try:
            wanted = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", target))
        except ValueError:
            raise Failure(f"recovery_target_time {target} is no instant: write 2026-11-21T02:00:00Z") from None
        if wanted.tzinfo is None:
            raise Failure(f"recovery_target_time {target} has no time zone: write 2026-11-21T02:00:00Z")
        stop = wanted.astimezone(timezone.utc).replace(microsecond=0)
        if self.newest is None or self.newest < stop:
            newest = self.newest.isoformat() if self.newest else "none"
            raise Failure(f"{target} cannot be reached: the newest transaction in the binary log is of {newest}")
        if self.base is not None and self.base > stop:
            raise Failure(
                f"{target} cannot be reached: the backup itself holds a transaction of {self.base.isoformat()}"
            )
        return stop

    def replay(self, stop: datetime | None) -> None:
        """Carry the log out, checksums compared."""
        words = ["mariadb-binlog", "--no-defaults", "--verify-binlog-checksum", f"--start-position={self.start}"]
        words += [f"--stop-datetime={stop:%Y-%m-%d %H:%M:%S}"] if stop else []
        environment = {**os.environ, "TZ": "UTC"}
        with (RUN / "binlog-words").open("w+b") as said, subprocess.Popen(
            [*words, *map(str, self._readable())], stdout=subprocess.PIPE, stderr=said, env=environment
        ) as reader:  # fmt: skip
            assert reader.stdout
            done = feed([*CLIENT, "--binary-mode"], reader.stdout)
            reader.stdout.close()
            code = reader.wait()
            said.seek(0)
            if code != -signal.SIGPIPE:  # who reads it ended first, and says why
                require(code, said.read(), "the binary log is damaged: mariadb-binlog")
        require(*done, "the binary log could not be replayed: mariadb")

    def _readable(self) -> list[Path]:
        """Return the files to read; of one that ends in the middle of an event, a copy without that."""
        last = self.files[-1]
        if last.stat().st_size == self.end:
            return self.files
        copy = Path("/data/drp-binlog") / last.name
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(last, copy)
        os.truncate(copy, self.end)
        return [*self.files[:-1], copy]


def events(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield time, kind and end of every event; the last may end behind the file."""
    with path.open("rb") as stream:
        if stream.read(4) != MAGIC:
            raise Failure(f"{path.name} is no binary log")
        position = 4
        while len(head := stream.read(HEADER.size)) == HEADER.size:
            at, kind, _, size, _, _ = HEADER.unpack(head)
            if size < HEADER.size:
                raise Failure(f"{path.name} is damaged at {position}")
            position += size
            yield at, kind, position
            stream.seek(position)


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def main() -> None:
    """Do what the request says."""
    request = json.load(sys.stdin)
    try:
        print(json.dumps(load(request)))
    except Failure as failure:
        sys.exit(str(failure))
    except OSError as error:
        sys.exit(f"mariadb: {error}")


if __name__ == "__main__":
    main()
