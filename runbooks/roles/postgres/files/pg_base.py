"""A restored data directory: what kind of copy it is, whether it is whole, and what a restore left to be put right."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pg_common import RUN, Control, Failure, complaint, lsn, notice, opened_plain, printable, run_tool, text_of

LEFT_OUT = (
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat",
    "pg_stat_tmp",
    "pg_subtrans",
)
"""Directories whose content a backup may leave out; some tools leave the directories out as well."""
CLEAN = ("shut down", "shut down in recovery")
_UNDECLARED = (
    "{data} is a copy of a server that was running ({state}) and has no backup_label: files that were copied one after "
    "another prove nothing, whatever crash recovery says; back up with pg_basebackup or pg_backup_start, or declare "
    "copied_while_running: atomic-snapshot if they were copied from an atomic snapshot of all of its volumes"
)


_ENDING = 1 << 16
"""At the end of a manifest stands which log its backup needs: a line for each time line."""


class Base(NamedTuple):
    """What a base is, and from where on it needs the log."""

    kind: str
    """``base-backup``, ``cold-copy`` or ``atomic-snapshot``."""
    timeline: int
    start: int
    at: datetime
    """That of its newest checkpoint: no earlier state can be had from it."""
    statement: str


def what_it_is(data: Path, control: Control, declared: str) -> Base:
    """Return what kind of copy a data directory is. Raises Failure for one that proves nothing."""
    label = data / "backup_label"
    if label.exists():
        return _backup(label, control)
    manifest = data / "backup_manifest"
    if manifest.exists() and not _is_older(manifest, control.redo) and _names_label(manifest):
        raise Failure(
            "backup_manifest names backup_label, which is missing: without it PostgreSQL begins to recover at the "
            "wrong place, and opens with old and new pages mixed"
        )
    if control.state in CLEAN and not (data / "postmaster.pid").exists():
        said = f"cold copy of a server that was {control.state}"
        return Base("cold-copy", control.timeline, control.redo, control.at, said)
    if declared == "atomic-snapshot":
        said = "atomic snapshot of a running server, as declared: nothing here proves that it was atomic"
        return Base("atomic-snapshot", control.timeline, control.redo, control.at, said)
    raise Failure(_UNDECLARED, data=data, state=control.state)


def _names_label(manifest: Path) -> bool:
    """Return whether the list of a backup's files, which can be long, has its label."""
    last = b""
    with opened_plain(manifest) as stream:
        while piece := stream.read(1 << 20):
            if b'"backup_label"' in last + piece:
                return True
            last = piece[-16:]
    return False


def _is_older(manifest: Path, position: int) -> bool:
    """Return whether a manifest is of an earlier backup: it stays where a server was once made of one, and goes on."""
    with opened_plain(manifest) as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _ENDING))
        ends = re.findall(rb'"End-LSN": "([0-9A-F]+/[0-9A-F]+)"', stream.read(_ENDING))
    return bool(ends) and all(lsn(end.decode()) < position for end in ends)


def _backup(label: Path, control: Control) -> Base:
    text = text_of(label)
    if "INCREMENTAL FROM LSN" in text:
        raise Failure("the base is an incremental backup: combine it with its full one (pg_combinebackup) before")
    start = re.search(r"^START WAL LOCATION: ([0-9A-F]+/[0-9A-F]+) \(file ([0-9A-F]{24})\)", text, re.MULTILINE)
    if start is None:
        raise Failure("backup_label is damaged: it does not say where the log begins")
    line = re.search(r"^START TIMELINE: (\d+)$", text, re.MULTILINE)
    timeline = int(line.group(1)) if line else int(start.group(2)[:8], 16)
    return Base("base-backup", timeline, lsn(start.group(1)), control.at, "base backup with its backup_label")


def compare(base: Base, data: Path, programs: Path, logs: Iterable[Path], *, wanted: bool) -> tuple[bool, str]:
    """Return whether a base that nobody has opened yet is the very one that was taken, and how that is known.

    Its log is left out, also where its archive lies in the data directory: that proves itself. Raises Failure when the
    base differs from its own manifest, OSError when that is no file.
    """
    manifest = data / "backup_manifest"
    if not manifest.exists():
        return False, "not compared: it brought no backup_manifest"
    if not wanted:
        return False, "not compared with its backup_manifest: verify_base is false"
    if _is_older(manifest, base.start):  # opened as a plain file: pg_verifybackup would wait for a pipe
        return False, "not compared: its backup_manifest is of an earlier backup"
    inside = [part for log in logs if data in log.parents for part in ("-i", log.relative_to(data))]
    ended = run_tool([programs / "pg_verifybackup", "-n", "-q", *inside, data], seconds=None)
    if ended.returncode:
        lines = [line.replace("pg_verifybackup: error: ", "") for line in ended.stderr.splitlines()[:3]]
        how = f"pg_verifybackup died by signal {-ended.returncode}" if ended.returncode < 0 else "; ".join(lines)
        raise Failure(
            "the base backup is damaged: {how}", how=printable(how, 400) or complaint(ended, "pg_verifybackup")
        )
    return True, "the same as its own backup_manifest says"


def put_right(data: Path) -> list[dict[str, str]]:
    """Bring a directory into the state that the server demands; returns what has to be told about it."""
    told = []
    (data / "postmaster.pid").unlink(missing_ok=True)
    if data.stat().st_mode & 0o777 not in {0o700, 0o750}:
        data.chmod(0o700)
    for name in LEFT_OUT:
        if not (data / name).is_dir():
            (data / name).mkdir(mode=0o700)
    old = data / "recovery.conf"
    if old.exists():  # of a version before 12; a later server refuses to start beside it
        RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
        (RUN / "recovery.conf").write_text(text_of(old, "surrogateescape"), "utf-8", "surrogateescape")
        old.unlink()
        told.append(notice("overridden", "recovery.conf", "left by a version before 12, and put aside"))
    return told


def lead_links(data: Path, root: Path) -> None:
    """Lead tablespaces and a log on other disks to where they were restored: links and map name production's paths."""
    spaces = data / "pg_tblspc"
    _unpacked(data, root)
    for link in [*(sorted(spaces.iterdir()) if spaces.is_dir() else ()), data / "pg_wal"]:
        if link.is_symlink() and not link.exists():
            wanted = os.readlink(link)
            found = _restored(root, wanted)
            if found is None:
                raise Failure("{link} leads to {wanted}, which was not restored", link=link, wanted=printable(wanted))
            link.unlink()
            link.symlink_to(found)
    if not (data / "pg_wal").is_dir():
        (data / "pg_wal").mkdir(mode=0o700)
    status = data / "pg_wal" / "archive_status"
    if not status.is_dir():
        status.mkdir(mode=0o700)


def _unpacked(data: Path, root: Path) -> None:
    """Link tablespaces that were unpacked from archives: in place, which a server refuses, or where they were."""
    for place in sorted((data / "pg_tblspc").glob("[0-9]*")):
        if place.is_dir() and not place.is_symlink():
            moved = Path(f"{data}.tablespaces") / place.name
            moved.parent.mkdir(mode=0o700, exist_ok=True)
            place.rename(moved)
            place.symlink_to(moved)
    for number, wanted in _map(data):
        link = data / "pg_tblspc" / number
        found = None if os.path.lexists(link) else _restored(root, wanted)
        if found is not None:
            link.parent.mkdir(mode=0o700, exist_ok=True)
            link.symlink_to(found)


def _map(data: Path) -> list[tuple[str, str]]:
    """Return the tablespaces of a backup's map, each with the path that it had. Raises Failure when it is damaged."""
    path = data / "tablespace_map"
    said = []
    for line in text_of(path, "surrogateescape").splitlines() if path.exists() else ():
        number, blank, wanted = line.partition(" ")
        if not blank or not number.isdigit():
            raise Failure("tablespace_map is damaged")
        said.append((number, wanted.replace("\\\\", "\\")))
    return said


def lead_map(data: Path, root: Path) -> None:
    """Lead the tablespace_map of a backup likewise: the server makes its links anew from it. After ``compare``."""
    path = data / "tablespace_map"
    if not path.exists():
        return
    lines = []
    for number, wanted in _map(data):
        link = data / "pg_tblspc" / number
        place = os.readlink(link) if link.is_symlink() else _restored(root, wanted)
        if place is None:
            raise Failure(
                "tablespace {number} was at {wanted}, which was not restored", number=number, wanted=printable(wanted)
            )
        lines.append(f"{number} {place}\n")
    path.write_text("".join(lines), "utf-8", "surrogateescape")


def _restored(root: Path, wanted: str) -> str | None:
    """Return where a path of production was restored: below the tree, or below a folder above it."""
    for base in (root, *root.parents):
        place = str(base).rstrip("/") + wanted
        if base != Path("/") and os.path.isdir(place):
            return place
    return None
