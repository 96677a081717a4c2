"""Connections to a database server: beyond this machine by TLS alone, its name verified before anything is said to it.

PostgreSQL is asked for TLS in clear (one message of the protocol, with nothing in it), and may answer that it has
none. Drivers then go on in clear, each by settings of its own; here the connection ends. What speaks on this machine,
over a UNIX socket or loopback, may be plain: whoever could listen there is root.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from drp.domain.phrase import say
from drp.domain.restore import SecretReference
from drp.domain.tls import Tls
from drp.errors import ConfigError, ServerUnproven
from drp.trust import Trust

_REQUEST = struct.pack("!ii", 8, 80877103)
"""SSLRequest (PostgreSQL, Frontend/Backend Protocol, §SSL Session Encryption)."""
_KEEPALIVES = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
_SILENT_MS = 25_000
"""So long what was sent may stay unacknowledged: as long as keepalives take to find out that the other side is gone."""
_LARGEST = 1 << 20


def is_beyond(host: str) -> bool:
    """Return whether a host is another machine than this one, as far as its name says."""
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() != "localhost"


def context(tls: Tls, resolve: Callable[[SecretReference], str]) -> ssl.SSLContext:
    """Return a context that takes no server whose name is not vouched for. Raises ConfigError, Untrusted."""
    try:
        made = ssl.create_default_context(cadata=pem(tls.ca) if tls.ca is not None else None)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate is not None:
            _show(made, tls.certificate, tls.key, resolve)
    except ssl.SSLError as error:
        named = ", ".join(str(path) for path in (tls.ca, tls.certificate) if path is not None)
        raise ConfigError(
            say(
                "tls: {who}: {reason}",
                who=named or say("the authorities of this machine"),
                reason=error.reason or error,
            ),
            hint="give PEM files: the authority's certificate, and a client's with its key, which has no passphrase",
        ) from error
    return made


def dial(host: str, port: int, *, seconds: float, wrap: ssl.SSLContext | None, what: str) -> socket.socket:
    """Return a connection to a PostgreSQL server on which nothing was said yet, TLS around it if there is a context.

    Without one the server must be on this machine. A peer that goes silent is noticed after 25 s. Raises OSError when
    nobody answers, ServerUnproven when the server has no TLS or does not prove its name.
    """
    plain = socket.create_connection((host, port), timeout=seconds)
    try:
        _keep_alive(plain)
        if wrap is None:
            _require_here(plain, what)
            return plain
        _ask_for_tls(plain, f"{what}: {host}:{port}")
        return wrap.wrap_socket(plain, server_hostname=host)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
        plain.close()
        raise ConnectionResetError(errno.ECONNRESET, "the connection was closed while TLS began") from error
    except ssl.SSLError as error:
        plain.close()
        raise unproven(f"{what}: {host}:{port}", error) from error
    except BaseException:
        plain.close()
        raise


def unproven(place: str, error: ssl.SSLError) -> ServerUnproven:
    """Return what is to be said of a server that did not prove its name, or with which there is no TLS."""
    why = getattr(error, "verify_message", "") or error.reason or say("TLS failed")
    hint = say("see to the server's certificate: its name, its dates, and whether `tls: {{ca: …}}` names who signed it")
    return ServerUnproven(
        say("{place} does not prove that it is the server: {why}; nothing was said to it", place=place, why=why),
        hint=hint,
    )


def _ask_for_tls(connection: socket.socket, place: str) -> None:
    """Ask a server for TLS, read one byte and no more: what comes after it belongs to TLS."""
    connection.sendall(_REQUEST)
    answer = connection.recv(1)
    if not answer:
        raise ConnectionResetError(errno.ECONNRESET, "the connection was closed when TLS was asked for")
    if answer != b"S":
        raise ServerUnproven(
            say("{place} refuses TLS; nothing was said to it", place=place),
            hint="turn TLS on in the server (`ssl = on`), or find out who answers in its place",
        )


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVES:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _require_here(connection: socket.socket, what: str) -> None:
    """Refuse a peer that is not this machine: a name such as ``localhost`` leads where this machine says."""
    peer = str(connection.getpeername()[0])
    if is_beyond(peer):
        raise ServerUnproven(
            say(
                "{what}: its host leads to {peer}, which is not this machine; nothing was said to it",
                what=what,
                peer=peer,
            ),
            hint="see /etc/hosts; a server beyond this machine has to be reached by its name, with TLS",
        )


def _show(made: ssl.SSLContext, certificate: Path, key: SecretReference | None, resolve: Callable[..., str]) -> None:
    """Load certificate and key: OpenSSL reads them from files, so the key is in one that has no name."""
    parts = pem(certificate) + (resolve(key) if key is not None else "")
    descriptor = os.memfd_create("drp-tls", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, parts.encode())

        def never() -> str:
            raise ConfigError(
                say("tls: the client's key has a passphrase"), hint="keep the key as a secret without one"
            )

        made.load_cert_chain(f"/proc/self/fd/{descriptor}", password=never)
    finally:
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def pem(path: Path) -> str:
    """Return what a PEM file holds, once it is known that nobody else may change it. Raises ConfigError, Untrusted."""
    try:
        descriptor = Trust().open(path)
    except ValueError:
        raise ConfigError(say("tls: {path} is not a file", path=path), hint="name a PEM file") from None
    except OSError as error:
        raise ConfigError(
            say("tls: {path} cannot be read: {why}", path=path, why=error.strerror), hint="name a PEM file"
        ) from error
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(_LARGEST)
    try:
        return content.decode("ascii") + "\n"
    except UnicodeDecodeError:
        raise ConfigError(
            say("tls: {path} is no text", path=path), hint="convert it to PEM: `openssl x509 -inform der …`"
        ) from None
