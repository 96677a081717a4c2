"""Runs inside: becomes MariaDB's client, with no more of an option file than who asks, and where.

A restored option file may name a plugin to load, a command to begin with, or files to write: nothing of that is taken.
Arguments: the option file, then those of the client; its standard input is the client's.
"""

import os
import sys

from regular import small_text

KEY = "/data/sockets/mysqld.cnf"
"""Left by the runbook; where another one started the server, the client goes by what it knows itself."""
TAKEN = ("user", "password", "host", "port", "socket", "protocol", "ssl", "ssl-ca", "ssl-cert", "ssl-key", "skip-ssl")
GROUPS = ("client", "client-server", "client-mariadb", "mysql", "mariadb", "mariadb-client")


def kept(text):
    """Return the lines that are taken, of the groups that a client reads."""
    lines, ours = [], False
    for line in (each.strip() for each in text.splitlines()):
        if line.startswith("["):
            ours = line.strip("[]") in GROUPS
        elif ours and line.partition("=")[0].strip().replace("_", "-") in TAKEN:
            lines.append(line)
    return "[client]\n" + "\n".join(lines) + "\n"


def main():
    """Hand over to the client. Ends with 1 when the option file cannot be read."""
    try:
        text = kept(small_text(sys.argv[1]))
    except FileNotFoundError as error:
        if sys.argv[1] != KEY:
            sys.exit(f"ERROR: the option file cannot be read: {error}")
        text = ""
    except (OSError, ValueError) as error:
        sys.exit(f"ERROR: the option file cannot be read: {error}")
    handle = os.memfd_create("options", 0)
    os.fchmod(handle, 0o600)
    os.write(handle, text.encode())
    os.execvp("mariadb", ["mariadb", f"--defaults-file=/proc/self/fd/{handle}", *sys.argv[2:]])  # noqa: S606, S607 - the cell's own client, without a shell


if __name__ == "__main__":
    main()
