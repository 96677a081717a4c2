"""What an error of the system, of a connection or of ours comes to: a code and its data. Words are made outside."""

import http.client
import ssl
import zlib

from deadline import Overdue
from said import Said

LONGEST = 300


def failure(error):
    """Return why something cannot be reached or read."""
    if isinstance(error, Said):
        return error.told
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, BaseException) else error
    if isinstance(cause, Overdue):
        return ["overdue", round(cause.seconds * 1000)]
    if isinstance(cause, TimeoutError):
        return ["timed-out"]
    if isinstance(cause, ConnectionRefusedError):
        return ["connection-refused"]
    if isinstance(cause, (ConnectionError, http.client.RemoteDisconnected, http.client.IncompleteRead)):
        return ["connection-broke"]
    if isinstance(cause, (http.client.BadStatusLine, http.client.LineTooLong, http.client.UnknownProtocol)):
        return ["not-http"]
    if isinstance(cause, ssl.SSLError):
        return ["tls", str(cause)[:LONGEST]]
    if isinstance(cause, (EOFError, zlib.error)):
        return ["packed"]
    if isinstance(cause, OSError) and cause.errno and cause.strerror:
        return ["system", cause.errno, cause.strerror]
    return ["error", type(cause).__name__, str(cause)[:LONGEST]]
