"""Logical dumps in a folder: which there are, whether each was written to its end, where the binary log goes on.

Every file of the folder is loaded or named. It runs inside the sandbox on the bare Python of the machine that drills
(3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import entrance
from client import CLIENT, READER, Failure, Limit, Notices, feed, require, require_reader, restored, rows, shown, tool
from packed import lacking, opened, readable

CHUNK = 1 << 20
KEPT = 1 << 16
MOST = 100_000
NO_LINE = b"\0"
DUMP = re.compile(r".+\.sql((?:\.\w+)?)", re.IGNORECASE)
BESIDE = re.compile(r"\..*|README.*|.*\.(md|log|tmp|md5|sha1|sha256|sum|json|ya?ml|lock|pid|info|index)", re.IGNORECASE)
COMMENTED = re.compile(rb"^-- (?:MariaDB|MySQL) dump ", re.MULTILINE)
OWNER = re.compile(rb"^-- Host: .*\bDatabase: *(\S*)", re.MULTILINE)
COMPLETED = re.compile(rb"^-- Dump completed", re.MULTILINE)
SAVED = re.compile(rb"@OLD_SQL_NOTES=@@SQL_NOTES")
RESTORED = re.compile(rb"/\*!\d+ SET SQL_NOTES=@OLD_SQL_NOTES \*/;|/\*M?!\d+ SET NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY")
UNCHECKED = "--init-command=SET SESSION check_constraint_checks = 0"
"""Rows that were there before their constraint are in a dump too, which does not say so as it does of foreign keys."""
IN_UTC = re.compile(rb"SET TIME_ZONE='\+00:00'")
WORTH = re.compile(
    rb"^(?:USE `(?P<use>(?:[^`]|``)+)`;"
    rb"|CREATE TABLE (?:IF NOT EXISTS )?`(?P<table>(?:[^`]|``)+)`"
    rb"|(?:-- )?CHANGE MASTER TO MASTER_LOG_FILE='(?P<file>[^']+)', MASTER_LOG_POS=(?P<position>\d+)"
    rb"|(?:-- )?SET GLOBAL gtid_slave_pos='(?P<gtid>[0-9,-]*)'"
    rb"|  `(?:[^`]|``)+` (?P<timestamp>timestamp)\b)",
    re.MULTILINE,
)
RARE = (b"USE `", b"CREATE TABLE ", b"CHANGE MASTER TO ", b"gtid_slave_pos", b"` timestamp")
MYDUMPER = re.compile(rb"\A(?:# )?Started dump at|\A\[config\]|^# ?mydumper", re.MULTILINE | re.IGNORECASE)


@dataclass
class Dump:
    """What one file says of itself."""

    path: Path
    database: str = ""
    """The one that it is of, by its head or its name; empty: it names its own."""
    databases: list[str] = field(default_factory=list)
    tables: set[tuple[str, str]] = field(default_factory=set)
    tables_again: set[tuple[str, str]] = field(default_factory=set)
    """Tables that it holds more than once."""
    position: list[object] | None = None
    """File and position in the binary log at which it was taken."""
    places: set[tuple[str, int]] = field(default_factory=set)
    """All that it names: one file may hold several dumps, written one after another."""
    owners: set[str] = field(default_factory=set)
    """Of which databases they are by their heads; empty: of several."""
    begun: int = 0
    completed: int = 0
    gtid: str = ""
    whole: bool = False
    """It says that it was written to its end."""
    zone: bool = True
    """Its instants are in UTC, or it has none."""
    version: tuple[int, int] = (0, 0)


def listed(folder: Path, notices: Notices) -> list[Path]:
    """Return the dumps of a folder, and note everything else in it. Raises Failure when there is none."""
    found: list[Path] = []
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name)[:MOST]:
                _take(entry, found, notices)
    if not found:
        for (kind, observed), names in notices.found.items():
            if kind == "unused":
                none = "nothing in {folder} can be loaded here: {name}: {observed}"
                raise Limit(none, folder=folder, name=names[0], observed=observed)
        raise Failure("there is no dump in {folder}: *.sql or *.sql.gz", folder=folder)
    return found


def _take(entry: os.DirEntry[str], found: list[Path], notices: Notices) -> None:
    path, dump = Path(entry.path), DUMP.fullmatch(entry.name)
    if entry.is_dir(follow_symlinks=False):
        if os.listdir(entry.path):
            notices.add("unused", entry.name, "a folder: files of the declared folder alone are loaded")
    elif entry.is_symlink():
        target = os.path.realpath(entry.path)
        inside = os.path.dirname(target) == os.path.realpath(path.parent) and os.path.isfile(target)
        notices.add("beside" if inside else "unused", entry.name, "a link, which is not followed")
    elif not entry.is_file(follow_symlinks=False):
        notices.add("unused", entry.name, "neither file nor folder")
    elif dump and readable(dump[1].lower()):
        found.append(path)
    elif dump and not BESIDE.fullmatch(entry.name):
        unread = "cannot be read: {suffix} is a form unknown here"
        if program := lacking(dump[1].lower()):
            unread = "cannot be read: there is no program {program} where drills run"
        notices.add("unused", entry.name, unread, program=program, suffix=dump[1])
    else:
        _name(path, notices)


def _name(path: Path, notices: Notices) -> None:
    """Name a file that is not called a dump."""
    with restored(path) as stream:
        head = stream.read(4096)
    if path.name.startswith("metadata") and MYDUMPER.search(head):
        raise Limit(
            "{folder} is a dump of mydumper, which this runbook does not load: call myloader in one of your own",
            folder=path.parent,
        )
    if COMMENTED.search(head):
        notices.add("unused", path.name, "a dump that is not called *.sql")
    elif head and not BESIDE.fullmatch(path.name):
        notices.add("unused", path.name, "no dump that is known here: *.sql, or packed: .gz .bz2 .xz .zst .lz4")
    else:
        notices.add("beside", path.name, "no dump")


def read(path: Path, default: str) -> Dump:
    """Read a dump to its end. Raises Failure for one that breaks off: it looks fine to who loads it."""
    dump, head, tail, current = Dump(path), b"", b"", ""
    with opened(path) as stream:
        for text in _lines(stream):
            head = head or text[:KEPT]
            if b"-- " in text:
                dump.begun += len(COMMENTED.findall(text))
                dump.completed += len(COMPLETED.findall(text))
                dump.owners |= {found.decode("utf-8", "replace") for found in OWNER.findall(text)}
            tail = text[-KEPT:] if len(text) >= KEPT else (tail + text)[-KEPT:]
            if any(words in text for words in RARE):  # most of a dump is rows
                for found in WORTH.finditer(text):
                    current = _note(dump, found, current)
    dump.version = _version(head)
    named = re.search(rb"^-- Host: .*\bDatabase: (\S*)", head, re.MULTILINE)
    if not dump.databases:
        owner = named.group(1).decode("utf-8", "replace") if named else ""
        dump.database = owner or default or path.name.partition(".")[0]
        dump.tables = {(dump.database, table) for _, table in dump.tables}
    dump.whole = _whole(path.name, head, tail)
    _require_each(dump)
    dump.zone = dump.zone or bool(IN_UTC.search(head)) or not SAVED.search(head)
    return dump


def _require_each(dump: Dump) -> None:
    """Refuse a file of several dumps of which one breaks off, or of which it is not said where each belongs."""
    name, number = shown(dump.path.name), dump.begun
    if dump.completed and number > dump.completed:
        raise Failure(
            "the dump {name} breaks off: of {number} dumps in it, {completed} have their last line",
            name=name,
            number=number,
            completed=dump.completed,
        )
    if number > 1 and not dump.databases and len(dump.owners) > 1:
        raise Limit(
            "{name} holds dumps of {number} databases and does not say where each belongs: keep one in a file",
            name=name,
            number=number,
        )
    if number > 1 and dump.tables_again:
        place = shown(".".join(min(dump.tables_again)).strip("."))
        raise Limit(
            "{name} holds {place} twice: keep in the declared folder only what is to come back", name=name, place=place
        )


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield a dump in pieces that begin with a line; of a line that is very long, the rest does not look like one."""
    carried = b""
    while chunk := stream.read(CHUNK):
        whole, line_end, rest = (carried + chunk).rpartition(b"\n")
        if line_end:
            yield whole + line_end
            carried = rest
        else:
            carried = rest
        if len(carried) > CHUNK:
            yield carried
            carried = NO_LINE
    if carried not in {b"", NO_LINE}:
        yield carried


def _version(head: bytes) -> tuple[int, int]:
    """Return the release of MariaDB that it came from; of another server, more than any."""
    found = re.search(rb"^-- Server version\s+(\d+)\.(\d+)", head, re.MULTILINE)
    if re.search(rb"^-- MySQL dump (?!.*MariaDB)", head, re.MULTILINE):
        return (999, 0)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _note(dump: Dump, found: re.Match[bytes], current: str) -> str:
    told = {name: value.decode("utf-8", "replace") for name, value in found.groupdict().items() if value is not None}
    if "use" in told:
        current = told["use"].replace("``", "`")
        if current not in dump.databases:
            dump.databases.append(current)
    if "table" in told:
        place = current, told["table"].replace("``", "`")
        (dump.tables_again if place in dump.tables else dump.tables).add(place)
    if "file" in told:
        dump.position = [told["file"], int(told["position"])]
        dump.places.add((told["file"], int(told["position"])))
    if "timestamp" in told:
        dump.zone = False
    dump.gtid = told.get("gtid", dump.gtid)
    return current


def _whole(name: str, head: bytes, tail: bytes) -> bool:
    """Return whether a dump says that it was written to its end. Raises Failure when it was not."""
    if COMPLETED.search(tail):
        return True
    if COMMENTED.search(head):
        raise Failure("the dump {name} breaks off: it lacks its last line, -- Dump completed", name=name)
    last = [line for line in tail.splitlines() if line.strip() and not line.startswith(b"--")][-3:]
    if SAVED.search(head):  # made without comments: what it changed at its head it restores at its end
        if any(RESTORED.match(line) for line in last):
            return True
        raise Failure(
            "the dump {name} breaks off: it does not restore the settings that it changed at its head", name=name
        )
    if not last or not last[-1].rstrip().endswith((b";", b"*/")):
        raise Failure("the dump {name} breaks off in the middle of a statement", name=name)
    return False


def require_one_state(dumps: list[Dump]) -> None:
    """Refuse dumps of which one would overwrite another: which of them is to come back nobody said."""
    owners: dict[tuple[str, str], str] = {}
    for dump in dumps:
        for place in sorted(dump.tables):
            other = owners.setdefault(place, dump.path.name)
            if other != dump.path.name:
                both = "{other} and {name} both hold {place}: keep in the declared folder only what is to come back"
                raise Limit(both, other=other, name=dump.path.name, place=".".join(place))


def position_of(dumps: list[Dump]) -> tuple[list[object] | None, str]:
    """Return where the binary log goes on after all of the dumps, and the transactions that they hold."""
    places = {place for dump in dumps for place in dump.places or (None,)}
    if len(places) > 1:
        ends = ((dump, sorted(f"{shown(file)}:{at}" for file, at in dump.places)) for dump in dumps[:4])
        told = "; ".join(
            f"{shown(dump.path.name)} {'at ' + ' and '.join(at) if at else 'nowhere'}" for dump, at in ends
        )
        apart = "the dumps end at different places of the binary log, which cannot be replayed onto them: {places}"
        raise Failure(apart, places=told)
    return dumps[0].position, dumps[0].gtid


def load(dumps: list[Dump]) -> list[str]:
    """Load every dump; returns the databases."""
    here = tuple(int(part) for part in re.findall(r"\d+", rows("SELECT VERSION()")[0][0])[:2])
    databases: list[str] = []
    require_reader()
    for dump in dumps:
        for name in [dump.database] if dump.database else []:
            quoted = name.replace("`", "``")
            tool([*CLIENT, f"--execute=CREATE DATABASE IF NOT EXISTS `{quoted}`"], "the database could not be made")
        with opened(dump.path) as stream:  # a dump may bring accounts of its own: whoever starts is let in again
            words = [*READER, UNCHECKED, *([dump.database] if dump.database else [])]
            done = feed(words, stream, end=entrance.script())
        try:
            require(*done, f"the dump {dump.path.name} could not be loaded: mariadb")
        except Failure as failure:
            if dump.version > here:
                raise Limit("{failure}; it came from a newer server, or from MySQL", failure=failure) from None
            raise
        databases += [name for name in dump.databases or [dump.database] if name not in databases]
    return databases


def tell(dumps: list[Dump], notices: Notices) -> None:
    """Note what cannot be told about dumps that were loaded."""
    for dump in dumps:
        if not dump.whole:
            notices.add(
                "unused", dump.path.name, "loaded, but it does not say whether it is whole: dump without --compact"
            )
        if not dump.zone:
            notices.add(
                "unused",
                dump.path.name,
                "loaded, but its TIMESTAMPs are in production's zone: dump without --skip-tz-utc",
            )
