"""Who asks on the command line."""

from __future__ import annotations

import os


def asking_account() -> str:
    """Return who asks: the person behind sudo when there is one."""
    from drp.trust.accounts import account_name

    return os.environ.get("SUDO_USER") or account_name(os.getuid())
