"""Enters a network namespace and becomes a program in it: ``enter_net.py DESCRIPTOR -- ARGV…``; the descriptor is closed."""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWNET = 0x40000000


def main() -> None:
    descriptor, argv = int(sys.argv[1]), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        sys.exit("cannot enter the network of the pod: %s" % os.strerror(ctypes.get_errno()))
    os.close(descriptor)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
