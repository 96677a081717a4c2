"""Which authentications MariaDB's client may load: the server chooses, and some of them hand it the password.

Without TLS nobody knows who the server is. ``mysql_clear_password`` and ``dialog`` (PAM) send the password as it is;
``sha256_password`` and ``caching_sha2_password`` encrypt it with a key that the server sends along, which an impostor
has made. What remains proves that both know it: ``mysql_native_password``, part of the client itself, and those below.
Over a UNIX socket, whose folder says who the server is, ``caching_sha2_password`` stays, since it is MySQL's default.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drp.config.canaries import CanarySettings, DatabaseCanary

_PLACES = (
    "usr/lib/*/libmariadb3/plugin",
    "usr/lib*/mariadb/plugin",
    "usr/lib*/mysql/plugin",
    "usr/local/mysql/lib/plugin",
)
_PROOFS = ("client_ed25519.so", "parsec.so")
_OVER_SOCKET = ("caching_sha2_password.so",)


@contextmanager
def authentications(settings: CanarySettings) -> Iterator[str]:
    """Yield a folder with the authentications that may be used; empty: TLS is on, or it is no MariaDB."""
    if not isinstance(settings, DatabaseCanary) or settings.kind != "mariadb" or settings.encrypted:
        yield ""
        return
    wanted = (*_PROOFS, *_OVER_SOCKET) if settings.over_socket else _PROOFS
    with tempfile.TemporaryDirectory(prefix="drp-canary-") as folder:
        for name in wanted:
            found = next((each for place in _PLACES for each in sorted(Path("/").glob(f"{place}/{name}"))), None)
            if found is not None:
                (Path(folder) / name).symlink_to(found)
        yield folder
