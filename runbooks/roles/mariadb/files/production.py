"""What production's own settings say, where the drill has others. They are read and told, never obeyed.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from client import Failure, Notices, restored, said

MOST_FILES, LONGEST = 100, 1 << 20
GROUP = re.compile(r"\[(?:mysqld|mariadbd|server|mariadb|galera)(?:-[0-9.]+)?\]", re.IGNORECASE)
IN_THE_DRILL = {
    "default_time_zone": "+00:00",
    "myisam_recover_options": "OFF",
    "aria_recover_options": "OFF",
    "innodb_force_recovery": "0",
    "innodb_checksum_algorithm": "full_crc32",
}
"""What could hide damage or shift instants: repairing in silence, passing over damaged pages, another zone."""
SAME = {
    "default_time_zone": {"+00:00", "utc", "'+00:00'"},
    "innodb_checksum_algorithm": {"crc32", "full_crc32", "strict_crc32", "strict_full_crc32"},
}
ACTS = (
    "init_connect",
    "init_slave",
    "init_file",
    "plugin_load",
    "plugin_load_add",
    "feedback",
    "wsrep_cluster_address",
)
"""What a server does by itself when it starts, or whenever somebody connects."""


def normal(name: str) -> str:
    """Return a setting's name as the server reads it: dashes are underscores, ``loose`` is no part of it."""
    return re.sub(r"^loose_", "", name.strip().lower().replace("-", "_"))


def tell(path: Path, notices: Notices) -> None:
    """Note what production's settings would have done. Raises Failure when they are not there."""
    theirs: dict[str, str] = {}
    files = _files(path)
    for file in files:  # grows by what they include
        for name, value in _read(file):
            if name.startswith("!include"):
                files += [each for each in _included(file, value) if each not in files][
                    : max(0, MOST_FILES - len(files))
                ]
            else:
                theirs[name] = value
    overrule(theirs, "production has {theirs}, the drill {ours}", notices)
    for name in ACTS:
        if theirs.get(name, "").lower() not in {"", "0", "off"}:
            notices.add("held-back", name, said("set in production's {file}", file=path.name))


def overrule(found: dict[str, str], words: str, notices: Notices) -> None:
    """Note which settings are other than those of the drill, in words with ``{theirs}`` and ``{ours}``."""
    for name, ours in IN_THE_DRILL.items():
        theirs = found.get(name)
        if theirs is not None and theirs.lower() not in SAME.get(name, {ours.lower()}):
            notices.add("overridden", name, said(words, theirs=theirs[:60], ours=ours))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("*.cnf"))[:MOST_FILES]
    if not path.exists():
        raise Failure("there is no {path}: is configuration right?", path=path)
    return [path]


def _included(file: Path, wanted: str) -> list[Path]:
    """Return the files that a path of production leads to, where they were restored with the file that includes it."""
    places = (Path(f"{str(base).rstrip('/')}/{wanted.lstrip('/')}") for base in file.parents if base != Path("/"))
    found = next((place for place in places if place.exists()), None)
    if found is None:
        return []
    return sorted(found.glob("*.cnf"))[:MOST_FILES] if found.is_dir() else [found]


def _read(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the settings of a server in an option file."""
    try:
        with restored(path) as stream:
            lines = stream.read(LONGEST).decode("utf-8", "replace").splitlines()
    except OSError:
        return
    ours = False
    for line in map(str.strip, lines):
        if line.startswith("["):
            ours = GROUP.fullmatch(line) is not None
        elif line.startswith("!include"):
            name, _, value = line.partition(" ")
            yield name, value.strip()
        elif ours and line and not line.startswith(("#", ";", "!")):
            name, _, value = line.partition("=")
            yield normal(name), value.partition(" #")[0].strip().strip("'\"")
