"""What can be said of a restic repository by the names of its objects, and what it takes restic and the key to say."""

from __future__ import annotations

import re

from drp.domain.phrase import Phrase, fact
from drp.domain.repository import WaitLimits
from drp.domain.worm.scrub import Named
from drp.errors import Unreachable
from drp.repositories.restic.errors import error_for, kind_of_failure, no_end
from drp.repositories.restic.pack_names import named
from drp.repositories.restic.snapshots import is_id
from drp.repositories.restic.tool import ResticTool

_MOST = 100
_PACK = re.compile(r"\b(?:[Pp]ack|want) ([0-9a-f]{64})\b")
"""How both versions name a pack that they complain of."""
_NOT_ABOUT_BYTES = {"password", "denied", "unreachable", "missing", "locked", "full"}


class NamesContent:
    """`NamedByContent` for restic."""

    name: str
    _tool: ResticTool

    def named(self, key: str) -> Named:
        """Return what the name of a stored object says of it."""
        return named(key)

    def point_object(self, point: str) -> str | None:
        """Return the key of a point's snapshot file, whose name it is called by."""
        return f"snapshots/{point}" if is_id(point) else None

    def decode(self, seconds: float) -> tuple[Phrase, ...]:
        """Let restic read and decode everything (``check --read-data``); return what it finds damaged."""
        limits = WaitLimits(command_seconds=seconds, idle_seconds=seconds)
        packs: set[str] = set()

        def on_line(_stream: str, line: str) -> None:
            if len(packs) < _MOST:
                packs.update(_PACK.findall(line))

        output = self._tool.call("check", "--read-data", limits=limits, on_line=on_line)
        if output.ended_by != "itself":
            hint = "give it more time, or scrub without --full"
            raise Unreachable(no_end(self.name, output.ended_by), hint=hint)
        if output.exit_code == 0:
            return ()
        kind, words = kind_of_failure(output.exit_code, output.tail, self._tool.features)
        if kind in _NOT_ABOUT_BYTES:
            raise error_for(kind, self.name, words)
        told = (fact("pack-not-decoded", "pack {pack} cannot be decoded", pack=pack) for pack in sorted(packs))
        return tuple(told) or (words,)
