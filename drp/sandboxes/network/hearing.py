"""Hearing a socket: a thread takes what comes as it comes, and whoever asks what came does so once more before.

So an answer covers all that had arrived when it was asked for, however busy the machine is: what still lies in a
socket's buffer is neither "not sent" nor a call that nobody made.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable

from drp.domain.phrase import Phrase, say
from drp.errors import SandboxError

_WAKE_MILLISECONDS = 100
_AT_ONCE = 1 << 16
"""More than a buffer holds: who sends without end does not keep the one who asks."""
_SOL_PACKET, _PACKET_STATISTICS = 263, 6

OnPacket = Callable[[bytes, str, int], None]
"""Hears a packet: its bytes, the interface that it came by, its EtherType."""


def packets(on_packet: OnPacket) -> Callable[[socket.socket], None]:
    """Return what takes one packet from a packet socket and hands it on."""

    def take(channel: socket.socket) -> None:
        raw, place = channel.recvfrom(65535)
        on_packet(raw, str(place[0]), int(place[1]))

    return take


class Hearing:
    """One socket, from now until ``close``; what comes is taken one at a time, in the order of arrival."""

    def __init__(self, channel: socket.socket | None, take: Callable[[socket.socket], None], *, who: Phrase) -> None:
        """Begin; without a socket there is nothing to hear.

        ``take`` takes one thing from the socket, which does not block, and raises OSError when the socket can be heard
        no more. ``who`` is named in errors.
        """
        self._channel, self._take, self._who = channel, take, who
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._deaf = False
        self._thread = threading.Thread(target=self._run, name=f"drp-{who}", daemon=True)
        if channel is not None:
            channel.setblocking(False)
            self._thread.start()

    def catch_up(self) -> None:
        """Look at all that has arrived. Raises SandboxError when nobody listens any more: what came is not known."""
        if self._channel is None or self._closing.is_set():
            return
        if not self._drain() or not self._thread.is_alive():
            raise SandboxError(say("{who} has ended by itself: what was sent since is not known", who=self._who))

    def overlooked(self) -> int:
        """Return how many packets came faster than they could be looked at, since this was last asked."""
        if self._channel is None:
            return 0
        try:
            counts = self._channel.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        except OSError:  # closed
            return 0
        return int(struct.unpack("II", counts)[1])

    def close(self) -> None:
        """Stop; the socket stays open. Safe to call again."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _run(self) -> None:
        assert self._channel is not None
        waiting = select.poll()
        waiting.register(self._channel, select.POLLIN)
        while not self._closing.is_set():
            waiting.poll(_WAKE_MILLISECONDS)
            if not self._drain():
                return

    def _drain(self) -> bool:
        """Take what is there; return whether the socket can still be heard."""
        assert self._channel is not None
        with self._turn:
            try:
                for _ in range(_AT_ONCE):
                    self._take(self._channel)
            except BlockingIOError:
                pass
            except OSError:
                self._deaf = True
            except BaseException:
                self._deaf = True  # what it took last is told by nobody
                raise
            return not self._deaf
