"""Give the server one file of the log: its restore_command. Arguments: the file's name, and where to put it.

What was delivered and what could not be is noted, so that the end of recovery is judged by what was really taken.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from pg_archive import Piece, whole_segment
from pg_wal import Unreadable, unpacked


def note(**said: object) -> None:
    """Add a line to the list of what was delivered."""
    handle = os.open(Path(__file__).parent / "fetched", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(json.dumps(said) + "\n")


def fetch(name: str, to: str) -> int:
    """Deliver a file; returns 1 when there is none."""
    folder = Path(__file__).parent / "log"
    if name.endswith(".history"):
        if not (folder / name).exists():
            return 1
        shutil.copyfile(folder / name, to)
        return 0
    with (folder / "index").open() as index:
        line = next((line for line in index if line.startswith(f"{name} ")), None)
    if line is None:
        return 1
    segment_bytes, *pieces = json.loads(line.partition(" ")[2])
    for piece in (Piece(*one) for one in pieces):
        try:
            if piece.packing or piece.unfinished or piece.digest:
                Path(to).write_bytes(whole_segment(piece, segment_bytes))
            else:
                with unpacked(Path(piece.path), "") as stream, open(to, "wb") as target:
                    shutil.copyfileobj(stream, target, 1 << 20)
        except (Unreadable, OSError) as error:
            note(name=name, subject=piece.subject, reason=getattr(error, "reason", str(error)))
        else:
            note(name=name, subject=piece.subject)
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(fetch(sys.argv[1], sys.argv[2]))
