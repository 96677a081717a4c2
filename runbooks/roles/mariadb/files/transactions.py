"""Which transactions a binary log holds, by their global numbers (GTIDs, ``domain-server-sequence``).

Each file begins with the last number of each server in each domain, so that what lies between two files can be told. It
runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import re
import struct

from binlog_events import GTID, GTID_LIST, QUERY, QUERY_COMPRESSED, ROTATE, STOP, XA_PREPARE, XID, Event
from client import Failure

COUNT = 0x0FFFFFFF
"""The other bits of the number of entries are flags."""
STANDALONE = 0x1
ENDINGS = (b"COMMIT", b"ROLLBACK")


class Transactions:
    """What was logged up to a place; a transaction without its end did not happen."""

    def __init__(self) -> None:
        self.last: dict[int, tuple[int, int]] = {}
        """Domain to server and sequence of its newest transaction."""
        self._known: dict[int, dict[int, int]] = {}
        self._begun: tuple[int, int, int] | None = None
        self._alone = False
        self._lists = 0

    @property
    def inside(self) -> bool:
        """Return whether a transaction has begun and not ended."""
        return self._begun is not None

    def take(self, event: Event, name: str) -> None:
        """Follow one event. Raises Failure when a file does not go on where the one before it ended."""
        if event.kind == GTID_LIST:
            self._begun = None
            self._continue(event, name)
        elif event.kind == GTID:
            self._end()
            sequence, domain, flags = struct.unpack_from("<QIB", event.head)
            self._begun, self._alone = (domain, event.server, sequence), bool(flags & STANDALONE)
        elif event.kind in {XID, XA_PREPARE, ROTATE, STOP} or (
            event.kind in {QUERY, QUERY_COMPRESSED} and (self._alone or event.tail.endswith(ENDINGS))
        ):
            self._end()

    def _end(self) -> None:
        if self._begun is not None:
            domain, server, sequence = self._begun
            self._known.setdefault(domain, {})[server] = sequence
            self.last[domain] = (server, sequence)
        self._begun = None

    def _continue(self, event: Event, name: str) -> None:
        (count,) = struct.unpack_from("<I", event.head)
        entries = list(struct.iter_unpack("<IIQ", event.head[4 : 4 + 16 * min(count & COUNT, 4000)]))
        listed: dict[int, dict[int, int]] = {}
        for domain, server, sequence in entries:
            listed.setdefault(domain, {})[server] = sequence
        if self._lists:
            for domain, servers in listed.items():
                if servers != self._known.get(domain):
                    raise Failure(
                        "the binary log has a gap: {name} goes on after {written}, and the file before it ends with "
                        "{end}",
                        name=name,
                        written=written(domain, servers),
                        end=written(domain, self._known.get(domain, {})),
                    )
        self._lists += 1
        self._known = listed
        self.last = {domain: (server, sequence) for domain, server, sequence in entries}

    def require(self, said: str, server: int, where: str) -> None:
        """Raise Failure unless the log holds, up to here, what the backup says that it holds of this server's own."""
        if not self._lists:
            return
        for domain, by, sequence in re.findall(r"(\d{1,10})-(\d{1,10})-(\d{1,20})", said):
            if int(by) == server and self.last.get(int(domain)) != (server, int(sequence)):
                held = self.last.get(int(domain))
                told = f"{domain}-{held[0]}-{held[1]}" if held else "no such transaction"
                raise Failure(
                    "{where} is not the log of this backup: it holds {told} there, the backup ends with "
                    "{domain}-{by}-{sequence}",
                    where=where,
                    told=told,
                    domain=domain,
                    by=by,
                    sequence=sequence,
                )


def written(domain: int, servers: dict[int, int]) -> str:
    """Return numbers as the server writes them."""
    numbers = ", ".join(f"{domain}-{server}-{sequence}" for server, sequence in servers.items())
    return numbers[:120] or "none of its domain"
