"""The files of a binary log from where a backup ends, looked through before anything of them is carried out.

Each file that is needed is read to its end. That nothing lies between two of them is proven by the list of transactions
with which each begins; that nothing follows the last, by its own words, the index and the folder. It runs inside the
sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from binlog_events import FIRST, FORMAT, GTID, QUERY, QUERY_COMPRESSED, ROTATE, STOP, XA_PREPARE, XID, Broken, Event
from binlog_events import events as events_of
from binlog_folder import SCRATCH, look
from client import READER, RUN, Failure, Limit, feed, require, require_reader, restored, said
from transactions import Transactions

COMMITS = {QUERY, QUERY_COMPRESSED, XID, XA_PREPARE, GTID}
BY_THE_SERVER = {STOP, ROTATE, FORMAT}
"""Dated by the server's own clock; others may be dated by whatever a session says."""


@dataclass
class Wanted:
    """Where the backup ends, and to where its log is to be carried out."""

    file: str
    start: int
    now: datetime
    gtid: str = ""
    """The transactions that the backup holds, by its own words; empty: it does not say."""
    before: datetime | None = None
    """The second before which to stop. Events know no fractions."""
    only_closed: bool = False
    """The file that is being written is never backed up: the last one may name a next one."""


class BinaryLog:
    """What is to be carried out: files, where to begin in the first, where to stop in the last."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.wanted = wanted
        self.folder = look(path, os.path.basename(wanted.file))
        self.names: list[str] = []
        self.files: list[Path] = []
        self.newest: datetime | None = None
        self.stop = 0
        """Where to stop in the last file; 0: at its end."""
        self.end = FIRST
        """Where its last whole event ends."""
        self.broken = False
        self._reach: datetime | None = None
        self._base: datetime | None = None
        self._next = ""
        self._transactions = Transactions()
        self._look_through()

    def _look_through(self) -> None:
        """Look at every file that is needed, and prove that the last one is the last."""
        folder, number, before = self.folder, self.folder.first, self.wanted.before
        if number not in folder.found:
            if number in folder.unread:
                raise Limit(folder.unread[number])
            raise Failure(
                "{name}, with which the binary log goes on, is not in {path}",
                name=folder.name(number),
                path=folder.path,
            )
        while number in folder.found and not self.stop:
            self._require_whole()
            self.names.append(folder.name(number))
            self.files.append(folder.plain(number))
            self._look(self.files[-1], self.names[-1])
            number += 1
        if before is not None and self._base is not None and self._base > before:
            raise Failure(
                "{before} cannot be reached: the backup itself holds a transaction of {base}",
                before=before.isoformat(),
                base=self._base.isoformat(),
            )
        if not self.stop:
            self._require_end(number)
            if self.broken or self._transactions.inside:
                where = (
                    "in the middle of an event, behind {end}; the transactions before are used"
                    if self.broken
                    else "in the middle of a transaction, behind {end}; the transactions before are used"
                )
                self.folder.notices.add("breaks-off", self.names[-1], said(where, end=self.end))
        if before is not None:
            self._require_reached(before, number)

    def _require_whole(self) -> None:
        if self.broken:
            raise Failure("{name} is cut off at {end}, and more follows it", name=self.names[-1], end=self.end)

    def _look(self, path: Path, name: str) -> None:
        """Follow the events of one file up to where to stop."""
        start = self.wanted.start if len(self.files) == 1 else FIRST
        met, group, self._next, self.end = start == FIRST, 0, "", FIRST
        for event in self._events(path, name):
            if isinstance(event, Broken):
                self.broken = True
                break
            if event.start > start and not met:
                raise Failure(
                    "{name} is not the log of this backup: no event ends at {start}, where the backup does",
                    name=name,
                    start=start,
                )
            self._transactions.take(event, name)
            self.end = event.end
            self._date(event, before_start=event.end <= start)
            if event.end == start:
                met = True
                self._transactions.require(self.wanted.gtid, event.server, name)
            group = event.start if event.kind == GTID else group
            if event.start >= start and self._is_too_late(event, name):
                self.stop = group or event.start
                return
            if event.kind == ROTATE:
                self._next = event.head[8:].decode("utf-8", "replace")
        if self.end < start:
            raise Failure(
                "{name} ends at {end}, before {start} where the backup ends", name=name, end=self.end, start=start
            )

    def _date(self, event: Event, *, before_start: bool) -> None:
        at = instant(event.at)
        if not event.at or at > self.wanted.now:
            return
        if event.kind in COMMITS | BY_THE_SERVER:
            self._reach = at if self._reach is None else max(self._reach, at)
        if event.kind in COMMITS and not self._transactions.inside:  # one without its end did not happen
            self.newest = at if self.newest is None else max(self.newest, at)
        if len(self.files) == 1 and (event.kind == FORMAT or (before_start and event.kind in COMMITS)):
            self._base = at if self._base is None else max(self._base, at)

    def _is_too_late(self, event: Event, name: str) -> bool:
        """Return whether recovery stops before this event."""
        before = self.wanted.before
        if before is None or event.kind not in COMMITS:
            return False
        if instant(event.at) > self.wanted.now:
            raise Failure(
                "{before} cannot be told in the binary log: {name} holds an event of the future at {start}",
                before=before.isoformat(),
                name=name,
                start=event.start,
            )
        return instant(event.at) >= before

    def _require_end(self, number: int) -> None:
        """Raise Failure unless the log ends where its last file does."""
        folder, name = self.folder, self.folder.name(number)
        later = [each for each in folder.found if each > number]
        indexed = [each for each in folder.indexed if each >= number]
        if number in folder.unread:
            self._require_whole()
            if later:
                raise Limit(folder.unread[number])
            for each in sorted(other for other in folder.unread if other >= number):
                folder.notices.add("unused", folder.name(each), folder.unread[each])
        elif later:
            raise Failure("the binary log has a gap: {name} is missing", name=name)
        elif self.wanted.only_closed and indexed in ([], [number]):
            return
        elif indexed:
            raise Failure(
                "the binary log has a gap: {name} is missing, which {stem}.index names", name=name, stem=folder.stem
            )
        elif self._next:
            raise Failure(
                "the binary log has a gap: {name} is missing, which {other} names as the next",
                name=self._next,
                other=self.names[-1],
            )

    def _require_reached(self, before: datetime, number: int) -> None:
        """Raise Failure unless the log says what was at the instant."""
        if not self.stop and (self._reach is None or self._reach < before):
            newest = self.newest.isoformat() if self.newest else "none"
            raise Failure(
                "{before} cannot be reached: the newest transaction in the binary log is of {newest}",
                before=before.isoformat(),
                newest=newest,
            )
        for each in sorted(other for other in self.folder.found if self.stop and other >= number):
            began = next(self._events(self.folder.plain(each), self.folder.name(each)))
            if isinstance(began, Event) and began.at and instant(began.at) < before:
                raise Failure(
                    "{before} cannot be told in the binary log: {other} holds a younger event at {stop}, and {name} "
                    "began earlier",
                    before=before.isoformat(),
                    other=self.names[-1],
                    stop=self.stop,
                    name=self.folder.name(each),
                )

    @staticmethod
    def _events(path: Path, name: str) -> Iterator[Event | Broken]:
        with restored(path) as stream:
            yield from events_of(stream, name, os.fstat(stream.fileno()).st_size)

    def replay(self) -> None:
        """Carry the log out, as far as it was looked through."""
        if len(self.files) == 1 and self.stop and self.stop <= self.wanted.start:
            return
        require_reader()
        words = ["mariadb-binlog", "--no-defaults", "--verify-binlog-checksum", f"--start-position={self.wanted.start}"]
        words += [f"--stop-position={self.stop}"] if self.stop else []
        with (RUN / "binlog-words").open("w+b") as words_of_it, subprocess.Popen(
            [*words, *map(str, self._readable())], stdout=subprocess.PIPE, stderr=words_of_it
        ) as reader:  # fmt: skip
            assert reader.stdout
            done = feed([*READER, "--binary-mode"], reader.stdout)
            reader.stdout.close()
            code = reader.wait()
            words_of_it.seek(0)
            if code != -signal.SIGPIPE:  # who reads it ended first, and says why
                require(code, words_of_it.read(), "the binary log is damaged: mariadb-binlog")
        require(*done, "the binary log could not be replayed: mariadb")

    def _readable(self) -> list[Path]:
        """Return the files to read; of one that ends in the middle of an event, a copy without that."""
        last = self.files[-1]
        if not self.broken:
            return self.files
        SCRATCH.mkdir(mode=0o700, exist_ok=True)
        copy = SCRATCH / f"{last.name}.whole"
        shutil.copy(last, copy)
        os.truncate(copy, self.end)
        return [*self.files[:-1], copy]


def instant(seconds: int) -> datetime:
    """Return the instant of an event."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
