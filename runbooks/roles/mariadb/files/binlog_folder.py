"""What lies in the folder of a binary log: its files by number, packed or not, its index, and what is none of it.

Every file is needed, older than the backup, or named. It runs inside the sandbox on the bare Python of the machine that
drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from binlog_events import MAGIC
from client import Failure, Limit, Notices, restored, said
from packed import lacking, opened, readable

SCRATCH = Path("/data/binlog")
INDEX_LIMIT = 1 << 20
MOST = 100_000
CHUNK = 1 << 20
BESIDE = re.compile(
    r"\..*|README.*|.*\.(md|txt|log|tmp|md5|sha1|sha256|sum|json|ya?ml|lock|pid|info|index|idx|state)", re.IGNORECASE
)


@dataclass
class Folder:
    """The files of one log, by their number."""

    path: Path
    stem: str
    first: int
    """The file in which the backup ends; older ones are not needed."""
    found: dict[int, Path] = field(default_factory=dict)
    again: list[tuple[int, Path]] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)
    """Files that are there and cannot be read here, each with why."""
    indexed: list[int] = field(default_factory=list)
    notices: Notices = field(default_factory=Notices)

    def name(self, number: int) -> str:
        """Return how a file is called."""
        return f"{self.stem}.{number:06}"

    def plain(self, number: int) -> Path:
        """Return a file as the server wrote it; a packed one is unpacked beside the restored tree."""
        path = self.found[number]
        if path.name == self.name(number):
            return path
        SCRATCH.mkdir(mode=0o700, exist_ok=True)
        copy = SCRATCH / self.name(number)
        with opened(path) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        return copy


def look(path: Path, name: str) -> Folder:
    """Return what the folder holds of the log that goes on in the file ``name``. Raises Failure, OSError."""
    stem, _, number = name.rpartition(".")
    if not stem or not number.isdigit():
        raise Failure(
            "the backup says that its binary log goes on in {name}, which is no name of such a file", name=name
        )
    folder = Folder(path, stem, int(number))
    if not path.is_dir():
        raise Failure(
            "{name}, with which the binary log goes on, is not in {path}: there is no such folder", name=name, path=path
        )
    with os.scandir(path) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)[:MOST]
    whole_server = any(entry.name in {"mysql", "ibdata1"} for entry in listed)  # which uses all that is there
    for entry in listed:
        _take(folder, entry, name_others=not whole_server)
    for each, other in folder.again:
        _compare(folder, folder.found[each], other)
    return folder


def _compare(folder: Folder, one: Path, other: Path) -> None:
    """Note a second copy of a file. Raises Limit when the two differ: which of them is the log nobody said."""
    again = "the same file of the binary log again"
    try:
        with opened(one) as first, opened(other) as second:
            while (part := first.read(CHUNK)) == second.read(CHUNK):
                if not part:
                    folder.notices.add("beside", other.name, again)
                    return
    except Failure as failure:
        both = said("{again}, and they cannot be compared: {failure}", again=again, failure=failure)
        folder.notices.add("unused", other.name, both)
        return
    raise Limit(
        "{name} and {other} are the same file of the binary log and differ: keep the whole one",
        name=one.name,
        other=other.name,
    )


def _take(folder: Folder, entry: os.DirEntry[str], *, name_others: bool) -> None:
    match = re.fullmatch(re.escape(folder.stem) + r"\.(\d{1,10})((?:\.\w+)?)", entry.name)
    regular = entry.is_file(follow_symlinks=False)
    if match and match[2] != ".idx":
        number, suffix = int(match[1]), match[2]
        if number < folder.first:
            return
        if not regular:
            folder.unread[number] = f"{entry.name} is a link or no file"
        elif not readable(suffix):
            program = lacking(suffix)
            why = f"there is no program {program} where drills run" if program else f"{suffix} is a form unknown here"
            folder.unread[number] = f"{entry.name} cannot be read: {why}"
        elif number in folder.found:
            folder.again.append((number, Path(entry.path)))
        else:
            folder.found[number] = Path(entry.path)
    elif entry.name == f"{folder.stem}.index" and regular:
        folder.indexed = _index(folder, Path(entry.path))
    elif name_others and not (match or entry.name == f"{folder.stem}.state"):
        _name(folder, entry, regular=regular)


def _index(folder: Folder, path: Path) -> list[int]:
    with restored(path) as stream:
        lines = stream.read(INDEX_LIMIT).decode("utf-8", "replace").splitlines()
    names = (re.fullmatch(re.escape(folder.stem) + r"\.(\d{1,10})", os.path.basename(line.strip())) for line in lines)
    return sorted(number for found in names if found and (number := int(found[1])) >= folder.first)


def _name(folder: Folder, entry: os.DirEntry[str], *, regular: bool) -> None:
    """Name what is no file of this log."""
    if entry.is_dir(follow_symlinks=False):
        if os.listdir(entry.path):
            folder.notices.add("unused", entry.name, "a folder: files of the declared folder alone are read")
        return
    head = b""
    if regular:
        with restored(Path(entry.path)) as stream:
            head = stream.read(len(MAGIC))
    if head == MAGIC:
        another = said("a binary log, but not {stem}, of which the backup speaks", stem=folder.stem)
        folder.notices.add("unused", entry.name, another)
    elif BESIDE.fullmatch(entry.name):
        folder.notices.add("beside", entry.name, "no file of a binary log")
    else:
        folder.notices.add("unused", entry.name, "no file of a binary log that is known here")
