"""Who may administer a restored MariaDB: whoever starts it, by the socket; nobody over a network that others share.

It runs inside the sandbox on the bare Python of the machine that drills (3.9 or later), and knows nothing of drp.
"""

from __future__ import annotations

import os
import pwd
import secrets
from collections.abc import Iterable
from pathlib import Path

from client import RUN, SOCKET, SOCKETS, Notices, rows, said

KEY = SOCKETS / "mysqld.cnf"
SECRET = RUN / "password"
TO_CLOSE = RUN / "to-close.sql"
"""Asks for accounts that are to be closed; there, if others share the network."""
_WRITES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "SHUTDOWN", "FILE", "ALTER", "SUPER", "CREATE USER")
_BITS = {"INSERT": 1, "UPDATE": 2, "DELETE": 3, "CREATE": 4, "DROP": 5, "SHUTDOWN": 7, "FILE": 9, "ALTER": 13,
         "SUPER": 15, "CREATE USER": 25, "SET USER": 30}  # fmt: skip
"""Rights over the whole server, by their place in ``mysql.global_priv``: each leads to all others."""
_MASK = sum(1 << bit for bit in _BITS.values())
_HERE = "('localhost', '127.0.0.1', '::1')"
CLOSED = "REQUIRE SUBJECT 'closed'"
"""No connection has this certificate: nobody enters, and neither password nor rights of the account are touched."""


def who() -> str:
    """Return the system's name of whoever starts the server."""
    return pwd.getpwuid(os.getuid()).pw_name


def password() -> str:
    """Return the password of this start, of all kinds of characters; the same as long as the sandbox lives."""
    if not SECRET.exists():
        write(SECRET, f"Aa1.{secrets.token_urlsafe(24)}")
    return SECRET.read_text()


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file whose mode says who may read it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "w") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), mode)


def leave_key() -> None:
    """Leave an option file beside the socket: who reaches that may use it, who comes over a network has it not."""
    write(KEY, f"[client]\nuser={who()}\npassword={password()}\nsocket={SOCKET}\n", 0o644)


def statements(data: Path, left_open: Iterable[str] | None) -> str:
    """Return SQL, a statement a line, that lets whoever starts the server in: by the socket or a new password.

    Where the server listens on a network that others share, accounts that may administer it are closed there but for
    those in ``left_open``; None: nobody shares its network.
    """
    user = f"`{who()}`@localhost"
    by = f"unix_socket OR mysql_native_password USING PASSWORD('{password()}')"
    sql = (
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES';\n"  # whatever was set: what follows is written for this
        f"CREATE OR REPLACE USER {user} IDENTIFIED VIA {by};\n"
        f"GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION;\n"
    )
    return sql if left_open is None else sql + _closing(data, left_open)


def _closing(data: Path, left_open: Iterable[str]) -> str:
    """Return one statement, on one line, that closes the accounts that may administer the server."""
    spared = ", ".join(f"0x{name.encode().hex()}" for name in sorted(left_open)) or "''"
    to_close = (
        f"SELECT User, Host FROM ({_administrators(data)}) AS mighty"  # noqa: S608 - constants, and names in hexadecimal
        f" WHERE Host NOT IN {_HERE} AND CONCAT(User, '@', Host) NOT IN ({spared})"
    )
    write(TO_CLOSE, to_close)
    return (
        f"BEGIN NOT ATOMIC FOR one IN ({to_close})"
        " DO BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION DO 0;"  # who cannot be closed is told in the end
        f" EXECUTE IMMEDIATE CONCAT('ALTER USER ', QUOTE(one.User), '@', QUOTE(one.Host), {_text(' ' + CLOSED)});"
        " END; END FOR; END;\n"
    )


def _administrators(data: Path) -> str:
    """Return a query for accounts with rights over the whole server, of their own or by roles."""
    if not any((data / "mysql").glob("global_priv.*")) and (data / "mysql" / "user.frm").exists():
        written = " OR ".join(f"{right.replace(' ', '_').capitalize()}_priv = 'Y'" for right in _WRITES)
        return f"SELECT User, Host FROM mysql.user WHERE Host <> '' AND ({written})"  # noqa: S608 - constants
    mighty = f"JSON_VALUE(Priv, '$.access') & {_MASK} <> 0"
    name = "CONVERT({0}User USING utf8mb4) AS User, CONVERT({0}Host USING utf8mb4) AS Host"
    return (
        "WITH RECURSIVE mighty AS ("  # noqa: S608 - constants
        f"SELECT {name.format('')} FROM mysql.global_priv WHERE {mighty}"
        f" UNION SELECT {name.format('')} FROM mysql.db"
        " WHERE 'mysql' LIKE Db AND 'Y' IN (Insert_priv, Update_priv, Delete_priv)"
        f" UNION SELECT {name.format('given.')} FROM mysql.roles_mapping AS given"
        " JOIN mighty ON mighty.Host = '' AND given.Role = mighty.User)"
        " SELECT User, Host FROM mighty WHERE Host <> ''"
        f" UNION SELECT User, Host FROM mysql.global_priv WHERE Host <> '' AND EXISTS"
        f" (SELECT 1 FROM mysql.global_priv WHERE User = 'PUBLIC' AND Host = '' AND {mighty})"
    )


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def tell(notices: Notices) -> None:
    """Note which accounts are closed."""
    closed = "SELECT CONCAT(User, '@', Host) FROM mysql.user WHERE x509_subject = 'closed' ORDER BY 1 LIMIT 1000"
    for (name,) in rows(closed):
        notices.add(
            "overridden",
            said("account {name}", name=name),
            "administers the server; closed to the network here, which others share: see network_administrators",
        )
    if TO_CLOSE.exists():
        closed = "(SELECT User, Host FROM mysql.user WHERE x509_subject = 'closed')"
        still = (
            f"SELECT CONCAT(User, '@', Host) FROM ({TO_CLOSE.read_text()}) AS found WHERE (User, Host) NOT IN {closed}"  # noqa: S608 - our own text
        )
        for (name,) in rows(f"{still} ORDER BY 1 LIMIT 1000"):
            account = said("account {name}", name=name)
            notices.add("unused", account, "administers the server, and could not be closed to the network")


def script() -> bytes:
    """Return the statements that the server began with, for a client: what was loaded may bring other accounts."""
    lines = (RUN / "init.sql").read_text().splitlines()
    ended = (f"{line.strip().rstrip(';')}\n//\n" for line in ("FLUSH PRIVILEGES", *lines) if line.strip())
    return ("\nDELIMITER //\n" + "".join(ended)).encode()
