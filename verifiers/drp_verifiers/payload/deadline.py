"""Runs inside the sandbox: one deadline for a whole exchange, however the other side spins it out.

A limit of a socket begins anew with every byte; this one ends names, connections, answers and patterns alike.
"""

import signal
from contextlib import contextmanager


class Overdue(TimeoutError):
    """The time is over; ``seconds`` were given."""

    def __init__(self, seconds):
        """Keep the limit."""
        super().__init__(f"timed out: no whole answer within {seconds:g} s")
        self.seconds = seconds


@contextmanager
def within(seconds):
    """Raise Overdue out of whatever is being done when the time is over; again a second later, if it was swallowed."""

    def ring(*_):
        raise Overdue(seconds)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds), 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
