"""The process that sends: reads its order on standard input, prints one answer a line, and ends in time.

Started by `outbox.py`, never by hand. Each parcel has a thread; whichever hangs is left behind.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from drp.codec import from_json, to_data
from drp.domain.phrase import quoted, say
from drp.monitoring.outbox import Answer, Parcel, bounded
from drp.monitoring.pings import ping
from drp.monitoring.traces import export
from drp.redact import redacted, remember

_LINES = threading.Lock()
_AT_ONCE = 32
_MEMORY = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to send, and how long that may take."""

    seconds: float
    parcels: Sequence[Parcel]


class Refused(Exception):
    """A parcel was not taken; ``why`` says why."""

    def __init__(self, why: str) -> None:
        """Take words of drp's, or of others."""
        super().__init__(why)
        self.why = quoted(why)


def main() -> None:
    """Send everything, then end, whoever still hangs."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))  # a server may answer without end
    order = from_json(Order, sys.stdin.buffer.read())
    for parcel in order.parcels:
        for part in secret_parts(parcel.url):
            remember(part)
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    sent: list[Future[None]] = [pool.submit(_send, parcel, order.seconds) for parcel in order.parcels]
    wait(sent, timeout=order.seconds)
    sys.stdout.flush()
    os._exit(0)  # threads that hang would keep the process


def secret_parts(url: str) -> tuple[str, ...]:
    """Return what of a URL must not be shown when a library or a server repeats it: all but scheme, host and port."""
    try:
        split = urlsplit(url)
        told = {(split.hostname or "").lower(), split.scheme.lower()}
    except ValueError:
        return (url,)
    words = re.split(r"[/?&=:@#;,]+", url)
    found = {word for word in (*words, *map(unquote, words)) if len(word) >= 4 and word.lower() not in told}
    return (url, *sorted(word for word in found if not word.isdigit() or len(word) > 5))


def _send(parcel: Parcel, seconds: float) -> None:
    try:
        _WAYS[parcel.kind](parcel, seconds)
        answer = Answer(name=parcel.name, taken=True)
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the others are sent all the same
        why = error.why if isinstance(error, Refused) else quoted(f"{type(error).__name__}: {error}")
        answer = Answer(name=parcel.name, taken=False, said=bounded(redacted(why)))
    with _LINES:
        sys.stdout.write(json.dumps(to_data(answer)) + "\n")
        sys.stdout.flush()


def _message(parcel: Parcel, seconds: float) -> None:
    """Send one message by Apprise. What a server answers besides is not shown: it may repeat what it was sent."""
    try:
        import apprise
    except ImportError:
        raise Refused(say("Apprise is not installed: install drproof[notify]")) from None

    asset = apprise.AppriseAsset(http_redirects=False, plugin_paths=[], secure_logging=True, storage_mode="memory")
    try:
        target = apprise.Apprise.instantiate(parcel.url, asset=asset)
    except Exception as error:
        raise Refused(say("the URL is none that Apprise knows")) from error
    if target is None:
        raise Refused(say("the URL is none that Apprise knows"))
    if not target.verify_certificate:
        raise Refused(say("the URL switches the check of certificates off: let the system trust the authority instead"))
    target.socket_connect_timeout = target.socket_read_timeout = seconds
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    kinds = {"info": "info", "warning": "warning", "critical": "failure"}
    taken = target.notify(
        body=parcel.body,
        title=parcel.title,
        notify_type=apprise.NotifyType(kinds[parcel.gravity]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    if not taken:
        raise Refused(heard.last(threading.get_ident()) or say("it was not taken"))


class _Heard(logging.Handler):
    """Keeps what Apprise says of one thread's message."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[int | None, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last line."""
        self._said[record.thread] = record.getMessage()

    def last(self, thread: int) -> str:
        """Return the last line of a thread."""
        return self._said.get(thread, "")


def _ping(parcel: Parcel, seconds: float) -> None:
    if why := ping(parcel.url, parcel.body, seconds):
        raise Refused(why)


def _spans(parcel: Parcel, seconds: float) -> None:
    if why := export(parcel.url, parcel.spans, seconds):
        raise Refused(why)


_WAYS: Mapping[str, Callable[[Parcel, float], None]] = {"message": _message, "ping": _ping, "spans": _spans}

if __name__ == "__main__":
    main()
