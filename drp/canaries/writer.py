"""Writes one heartbeat in a process of its own: ``python -m drp.canaries.writer``, the order on its standard input.

What answers in place of production may be anybody: a library may hang in the name service, swallow an exception, or
gather what never ends. So the kernel ends this process at its deadline, whatever it is doing, and its memory is capped;
its descendants end with it.
"""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

from drp.canaries.files import write_file
from drp.canaries.heartbeat import Written
from drp.canaries.mariadb import write_to_mariadb
from drp.canaries.order import Answer, Order, refusal
from drp.canaries.orthanc import write_to_orthanc
from drp.canaries.postgres import write_to_postgres
from drp.codec import canonical, from_json, to_data
from drp.config.canaries import DatabaseCanary, FileCanary
from drp.domain.phrase import say
from drp.domain.visible import one_line
from drp.errors import DrpError, Unreachable
from drp.redact import redact, remember

_MEMORY_BYTES = 256 << 20
"""Beside what this process has when it begins: answers are a few bytes."""
_LONGEST = 300
_STRANGE = "see what listens there; if it is the right server, report this message as a bug of drp"


def main() -> int:
    """Carry the order out and say what became of it; 0 either way."""
    order = from_json(Order, sys.stdin.buffer.read())
    remember(order.password)
    _limit(order.seconds)
    try:
        answer = Answer(written=_write(order))
    except Exception as error:  # noqa: BLE001 - libraries raise whatever a hostile answer makes them
        answer = Answer(refusal=refusal(_in_our_words(error, order)))
    sys.stdout.write(canonical(to_data(answer)).decode() + "\n")
    return 0


def _limit(seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the password
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # not a handler, which a library could outlast
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds))


def _write(order: Order) -> Written:
    settings = order.settings
    if isinstance(settings, FileCanary):
        return write_file(settings, order.heartbeat)
    if not isinstance(settings, DatabaseCanary):
        return write_to_orthanc(settings, order.heartbeat, order.password)
    if settings.kind == "postgres":
        return write_to_postgres(settings, order.heartbeat, order.password)
    return write_to_mariadb(settings, order.heartbeat, order.password, order.plugins)


def _in_our_words(error: BaseException, order: Order) -> DrpError:
    """Return the error of drp that is behind one of a library, or say that what answers is no such server."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, DrpError):
        behind = behind.__context__  # a library that says goodbye to a closed socket hides why
    if behind is not None:
        behind.message = one_line(redact(behind.message), _LONGEST)
        return behind
    words = one_line(redact(f"{type(error).__name__}: {error}"), _LONGEST)
    kind = order.settings.kind
    return Unreachable(
        say("what answers in place of the canary's {kind} server is none ({words})", kind=kind, words=words),
        hint=_STRANGE,
    )


if __name__ == "__main__":
    sys.exit(main())
