"""Who may enter a restored server: everybody by the socket, over TCP ordinary roles.

Until the roles are known nobody enters over TCP. A role that can act on the machine (a superuser, one that replicates,
one that runs programs or has the server read and write files) never enters from the address of another application.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence

from pg_common import RUN

_PLAIN = re.compile(r"[\w .@$-]+")
GROUPS = ("pg_execute_server_program", "pg_write_server_files", "pg_read_server_files")
POWERFUL = """
SELECT json_build_array('powerful', rolname) FROM pg_catalog.pg_roles WHERE rolsuper OR rolreplication ORDER BY rolname;
"""


def shut() -> None:
    """Let nobody in but by the socket."""
    (RUN / "pg_hba.conf").write_text("local all all trust\n")
    (RUN / "pg_ident.conf").write_text("")


def lines(powerful: Sequence[str], passwords: str) -> list[str]:
    """Return who may enter, first match first; names that cannot be written here leave TCP shut.

    A powerful role enters over TCP from the server's own loopback, and with its password: where production's
    application logs in as one, it does here. A member counts as the role.
    """
    found = ["local all all trust"]
    if not all(_PLAIN.fullmatch(name) for name in powerful):
        return found
    if powerful:
        names = ",".join(f'+"{name}"' for name in (*powerful, *GROUPS))
        found += [f"host all {names} {address} md5" for address in ("127.0.0.1/32", "::1/128")]
        found.append(f"host all {names} all reject")
    found.append("host replication all all reject")
    found.append(f"host all all all {'md5' if passwords == 'required' else 'trust'}")
    return found


def open_for(powerful: Sequence[str], passwords: str, server: int) -> None:
    """Let in who may enter, now that the roles are known, and tell the server."""
    path = RUN / "pg_hba.new"
    path.write_text("\n".join(lines(powerful, passwords)) + "\n")
    path.replace(RUN / "pg_hba.conf")
    os.kill(server, signal.SIGHUP)
