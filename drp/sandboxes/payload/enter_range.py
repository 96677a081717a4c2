"""Enters a user namespace with a range of ids and becomes its uid 0: ``enter_range.py FIRST COUNT HOW -- ARGV…``.

HOW is ``write`` (we may write the maps ourselves) or ``newuidmap`` (a plain user with sub-uids). The process itself
unshares; a short-lived child, still outside, writes the maps. So no extra process stays behind.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

CLONE_NEWUSER = 0x10000000


def write_maps(process: int, first: str, count: str, how: str) -> None:
    if how == "newuidmap":
        for tool in ("newuidmap", "newgidmap"):
            subprocess.run([tool, str(process), "0", first, count], check=True)
        return
    for name in ("uid_map", "gid_map"):
        with open("/proc/%d/%s" % (process, name), "w") as target:
            target.write("0 %s %s" % (first, count))


def main() -> None:
    first, count, how, argv = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[5:]
    unshared, tell_unshared = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(tell_unshared)
        code = 1
        try:
            if os.read(unshared, 1) == b"1":
                write_maps(parent, first, count, how)
                code = 0
        finally:
            os._exit(code)
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.unshare(CLONE_NEWUSER)
    os.write(tell_unshared, b"0" if failed else b"1")
    _, status = os.waitpid(child, 0)
    if failed or status:
        sys.exit("cannot enter a user namespace with %s ids from %s" % (count, first))
    os.setresgid(0, 0, 0)
    os.setgroups([])
    os.setresuid(0, 0, 0)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
